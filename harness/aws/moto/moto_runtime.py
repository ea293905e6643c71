"""``MotoRuntime``: the part of ``MotoBackend`` that needs moto. Importing this module imports moto."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from urllib.parse import parse_qs, unquote

from harness.aws import Metric
from harness.aws.execution_role import ROLE
from harness.aws.moto import dispatch, identity, metrics, patched_backends, patched_s3_handlers
from harness.aws.moto.dispatch import LOCK, MotoAnswer, MotoCall
from harness.aws.moto.logs import CloudWatchLogs
from harness.aws.moto.object_rows import ObjectRows
from harness.aws.moto.s3_persistence import ObjectLedger
from harness.aws.moto.s3_service import S3Service
from harness.aws.moto.saved_state.rows import ServiceRows
from harness.aws.moto.saved_state.services import ServiceState
from harness.aws.wire.object_files import ObjectFiles
from harness.kernel.http import Response
from harness.stores.log_files import StoredLogs

READING = ("get", "list", "describe", "head", "filter", "batchget", "lookup", "search", "simulate", "test")
OPERATION_PATH = re.compile(r"^/service/[^/]+/operation/(\w+)")
EAGER_PACKAGES = frozenset(dispatch.PACKAGES[service] for service in dispatch.EAGER)


class MotoRuntime:
    def __init__(
        self,
        state: Path,
        rows: ServiceRows,
        logs: StoredLogs,
        pool: Executor,
        home: tuple[str, str],
        roles: tuple[str, ...],
    ) -> None:
        self.files = ObjectFiles(state / "s3")
        self._rows = ObjectRows(state / "s3" / "objects.sqlite")
        self.services = ServiceState(rows, patched_backends.SAVED, patched_backends.backend_of)
        self.ledger = ObjectLedger(self._rows, self.files, self.services)
        self.s3 = S3Service(self.files, self.ledger, pool)
        self._logs = logs
        self._cloudwatch_logs = CloudWatchLogs(logs, self._run)
        self._home = home
        self._roles = roles
        self._accounts: set[str] = set()
        self._prepared: set[str] = set()
        with LOCK:
            try:
                self._restore()
            except BaseException:
                patched_backends.uninstall(self.services)
                self._rows.close()
                raise

    def _restore(self) -> None:
        patched_backends.uninstall()
        patched_backends.forget_all()
        patched_backends.install(self.services)
        identity.install()
        patched_s3_handlers.install(self.files)
        for service in dispatch.EAGER:
            self._prepare(service)
        self.ledger.restore()
        self.services.restore_all(lambda package: package in EAGER_PACKAGES)
        self.services.set_aside()
        self._ensure_role(*self._home)
        self.services.save_if_possible()

    def restore_rest(self) -> None:
        """Restore the services that are not in memory yet, for requests that read all back ends."""
        for package in self.services.packages() - EAGER_PACKAGES:
            patched_backends.load(package)  # not under the lock: others are served meanwhile
        with LOCK:
            self.services.restore_all(lambda package: package not in EAGER_PACKAGES)
            self.services.set_aside()

    def save_all(self) -> None:
        """Rewrite documents of another version of moto in the format of this one."""
        with LOCK:
            self.services.save_all()

    def answer(self, call: MotoCall) -> Response:
        self._prepare(call.service)
        return self._cloudwatch_logs.answer(call) if call.service == "logs" else self._run(call)

    def put_metrics(self, account: str, region: str, namespace: str, data: Sequence[Metric]) -> None:
        with LOCK:
            metrics.put_metrics(account, region, namespace, data)
            self.services.save_if_possible()

    def role_exists(self, account: str, role_arn: str) -> bool:
        with LOCK:
            result = identity.role_exists(account, role_arn)
            self.services.set_aside()
            return result

    def account_of(self, access_key: str) -> str | None:
        with LOCK:
            return identity.account_of(access_key)

    def secret_of(self, access_key: str) -> str | None:
        with LOCK:
            return identity.secret_of(access_key)

    def reset(self) -> None:
        with LOCK:
            self.services.forget()
            patched_backends.forget_all()
            self._accounts.clear()
            self._rows.clear()
            self.files.clear()
            self._ensure_role(*self._home)
            self.services.save()
        self._logs.clear()

    def close(self) -> None:
        with LOCK:
            patched_backends.uninstall(self.services)
            self.services.close()
            self._rows.close()

    def _run(self, call: MotoCall) -> Response:
        """Answer the request after its changes are written."""
        try:
            with LOCK:
                return dispatch.response(call, self._run_and_save(call))
        except Exception as error:
            return dispatch.failure(call, error)

    def _run_and_save(self, call: MotoCall) -> MotoAnswer:
        if call.service in ("iam", "sts"):
            self._ensure_identity(call)
        reads = _only_reads(call)
        try:
            result = self._simulate_policy(call) or dispatch.run(call)
        except BaseException:
            if not reads:
                self.ledger.take_back()
            raise
        if reads:
            self.services.set_aside()
        elif result.status >= 400:
            self.ledger.take_back()  # a request that is refused changes nothing
        else:
            if call.service == "monitoring":
                metrics.limit_metrics(call.account, call.region)
            self.ledger.commit()
        return result

    def _prepare(self, service: str) -> None:
        """Import a service at its first request, since that may take a second and much memory."""
        if service not in self._prepared:
            dispatch.prepare(service)  # not under the lock: others are served meanwhile
            self._prepared.add(service)

    def _ensure_identity(self, call: MotoCall) -> None:
        """Create and save the role of a new account, even if the request itself only reads or is refused."""
        made = call.account not in self._accounts
        if made:
            self._ensure_role(call.account, call.region)
        text = unquote(call.body.decode("utf-8", "replace"))
        if identity.ensure_managed_policies(call.account, text) or made:
            self.services.save_if_possible()

    def _ensure_role(self, account: str, region: str) -> None:
        self._accounts.add(account)
        for role in (ROLE, *self._roles):
            identity.ensure_role(account, region, role)

    def _simulate_policy(self, call: MotoCall) -> MotoAnswer | None:
        form = parse_qs(call.body.decode("utf-8", "replace")) if call.service == "iam" else {}
        if form.get("Action") != ["SimulatePrincipalPolicy"]:
            return None
        return MotoAnswer(200, {"Content-Type": "text/xml"}, identity.simulate(call.account, form))


def _only_reads(call: MotoCall) -> bool:
    action = _action(call)
    return action.lower().startswith(READING) if action else call.method in ("GET", "HEAD")


def _action(call: MotoCall) -> str:
    """Return the operation's name. Empty for protocols in which method and path are the operation."""
    target = call.headers.get("x-amz-target", "").rpartition(".")[2]
    named = OPERATION_PATH.search(call.target)  # CBOR, which clients of CloudWatch use
    if target or named:
        return target or str(named[1] if named else "")
    return parse_qs(call.body.decode("utf-8", "replace")).get("Action", [""])[0]
