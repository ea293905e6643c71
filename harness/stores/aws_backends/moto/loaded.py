"""What ``MotoBackend`` is once moto is imported: the parts, put together. Importing this module imports moto."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from moto import backends as moto_backends
from multidict import CIMultiDict

from harness.kernel.http import Response
from harness.stores.aws_backends import Metric
from harness.stores.aws_backends.execution_role import ROLE
from harness.stores.aws_backends.moto import dispatch, seam_identity, seam_metrics, seam_s3_handlers
from harness.stores.aws_backends.moto.dispatch import LOCK, Call
from harness.stores.aws_backends.moto.object_files import ObjectFiles
from harness.stores.aws_backends.moto.object_rows import ObjectRows
from harness.stores.aws_backends.moto.s3_service import S3Service
from harness.stores.aws_backends.moto.seam_logs import CloudWatchLogs
from harness.stores.aws_backends.moto.seam_s3_rows import ObjectLedger
from harness.stores.aws_backends.moto.snapshots import Snapshots
from harness.stores.log_files import StoredLogs

READING = ("get", "list", "describe", "head", "filter", "batchget", "lookup", "search", "simulate", "test")


class Loaded:
    def __init__(
        self, state: Path, logs: StoredLogs, pool: Executor, home: tuple[str, str], roles: tuple[str, ...]
    ) -> None:
        self.files = ObjectFiles(state / "s3")
        self._rows = ObjectRows(state / "s3" / "objects.sqlite")
        self.ledger = ObjectLedger(self._rows, self.files)
        self.s3 = S3Service(self.files, self.ledger, pool)
        self._logs = logs
        self._cloudwatch_logs = CloudWatchLogs(logs)
        self._snapshots = Snapshots(state / "aws", _backends)
        self._home = home
        self._roles = roles
        self._accounts: set[str] = set()
        self._prepared: set[str] = set()
        with LOCK:
            seam_identity.forget()
            seam_identity.install()
            seam_s3_handlers.install(self.files)
            for service in dispatch.EAGER:
                self._prepare(service)
            self.ledger.restore()
            self._ensure_role(*home)
        self._snapshots.start()
        others = [service for service in self._snapshots.services() if service not in self._prepared]
        if others:
            threading.Thread(target=self._prepare_all, args=(others,), name="moto-restore", daemon=True).start()

    def answer(self, call: Call) -> Response:
        self._prepare(call.service)
        if call.service in ("iam", "sts"):
            with LOCK:
                self._ensure_identity(call)
        form = parse_qs(call.body.decode("utf-8", "replace")) if call.service == "iam" else {}
        if form.get("Action") == ["SimulatePrincipalPolicy"]:
            return self._simulate(call, form)
        found = self._cloudwatch_logs.answer(call) if call.service == "logs" else dispatch.answer(call)
        if found.status < 400 and not _only_reads(call):
            with LOCK:
                if call.service == "monitoring":
                    seam_metrics.bound(call.account, call.region)
                self.ledger.commit()  # some services write to buckets
            self._changed(call.service)
        return found

    def put_metrics(self, account: str, region: str, namespace: str, metrics: Sequence[Metric]) -> None:
        with LOCK:
            seam_metrics.put_metrics(account, region, namespace, metrics)
        self._snapshots.changed("monitoring")

    def role_exists(self, account: str, role_arn: str) -> bool:
        with LOCK:
            return seam_identity.role_exists(account, role_arn)

    def account_of(self, access_key: str) -> str | None:
        with LOCK:
            return seam_identity.account_of(access_key)

    def secret_of(self, access_key: str) -> str | None:
        with LOCK:
            return seam_identity.secret_of(access_key)

    def reset(self) -> None:
        with LOCK:
            seam_identity.forget()
            self._accounts.clear()
            self._rows.clear()
            self.files.clear()
            self._snapshots.forget()
            self._ensure_role(*self._home)
        self._logs.clear()

    def close(self) -> None:
        self._snapshots.close()
        with LOCK:
            self._rows.close()

    def _prepare_all(self, services: list[str]) -> None:
        for service in services:
            self._prepare(service)

    def _prepare(self, service: str) -> None:
        """Import and restore it. What is rarely used may cost a second and much memory: on first request only."""
        if service in self._prepared:
            return
        dispatch.prepare(service)  # not under the lock: others are served meanwhile
        with LOCK:
            if service not in self._prepared:
                self._snapshots.restore(service)
                self._prepared.add(service)

    def _ensure_identity(self, call: Call) -> None:
        if call.account not in self._accounts:
            self._ensure_role(call.account, call.region)
        seam_identity.ensure_managed_policies(call.account, unquote(call.body.decode("utf-8", "replace")))

    def _ensure_role(self, account: str, region: str) -> None:
        self._accounts.add(account)
        for role in (ROLE, *self._roles):
            seam_identity.ensure_role(account, region, role)
        self._snapshots.changed("iam")

    def _simulate(self, call: Call, form: dict[str, list[str]]) -> Response:
        try:
            with LOCK:
                text = seam_identity.simulate(call.account, form)
        except Exception as error:
            return dispatch.failure(call, error)
        return Response(200, CIMultiDict({"Content-Type": "text/xml"}), text.encode())

    def _changed(self, service: str) -> None:
        self._snapshots.changed(service)
        if service == "sts":  # the keys of assumed roles are IAM's
            self._snapshots.changed("iam")


def _backends(service: str) -> Any:
    return moto_backends.get_backend(dispatch.PACKAGES[service])


def _only_reads(call: Call) -> bool:
    target = call.headers.get("x-amz-target", "").rpartition(".")[2]
    action = target or parse_qs(call.body.decode("utf-8", "replace")).get("Action", [""])[0]
    return action.lower().startswith(READING) if action else call.method in ("GET", "HEAD")
