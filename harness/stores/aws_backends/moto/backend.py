"""``MotoBackend``: moto in this process, loaded in the background, its state in the state folder.

moto keeps its state in globals, so there is one ``MotoBackend`` per process at a time.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from multidict import CIMultiDict

from harness.kernel.http import Request, Response
from harness.stores.aws_backends import Metric
from harness.stores.aws_backends.moto import missing_roles, registry_view
from harness.stores.aws_backends.moto.dispatch import PACKAGES, Call
from harness.stores.aws_backends.moto.moto_version import moto_version, require
from harness.stores.aws_backends.moto.objects import MotoObjects
from harness.stores.aws_backends.moto.registry_view import Listed
from harness.stores.aws_backends.moto.saved_state.old_pickles import describe_old_state, find_pickles, remove_pickles
from harness.stores.aws_backends.moto.saved_state.rows import ServiceRows
from harness.stores.log_files import StoredLogs

if TYPE_CHECKING:
    from harness.stores.aws_backends.moto.loaded import Loaded

ALIASES = {"cloudwatch": "monitoring", "eventbridge": "events", "resourcegroupstaggingapi": "tagging"}
SERVICES = frozenset({*PACKAGES, *ALIASES})
"""The AWS services that embedded moto answers, by signing name."""
WORKERS = 8
logger = logging.getLogger(__name__)


class MotoBackend:
    name = "moto"

    def __init__(
        self,
        state: Path,
        logs: StoredLogs,
        account: str = "123456789012",
        region: str = "us-east-1",
        engine_images: Listed = lambda account, region: (),
        roles: tuple[str, ...] = (),
    ) -> None:
        self._state = state
        self._logs = logs
        self._home = (account, region)
        """Whose execution role is there from the start; other accounts get theirs with their first request."""
        self._roles = roles
        """Execution roles that each account has beside harness's own."""
        self._engine_images = engine_images
        """What ECR lists beside moto's own."""
        self._rows = ServiceRows(state / "aws")
        self._old_state = describe_old_state(state)
        if self._old_state:
            logger.warning("%s", self._old_state)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="moto")
        self._loading = threading.Lock()
        self._loaded: Loaded | None = None
        self._read_now_if_moto_changed()

    def services(self) -> frozenset[str]:
        return SERVICES

    def describe(self) -> Mapping[str, str]:
        return {"moto": "embedded", **({"old state": self._old_state} if self._old_state else {})}

    async def handle(self, service: str, request: Request, account: str, region: str) -> Response:
        loop = asyncio.get_running_loop()
        loaded = self._loaded
        if loaded is None:
            loaded = await loop.run_in_executor(self._pool, self._ready)
        service = ALIASES.get(service, service)
        if service == "s3":
            return await loaded.s3.handle(request, account, region)
        body = await request.read()
        headers: CIMultiDict[str] = CIMultiDict(request.headers)
        call = Call(service, request.method, request.target, headers, body, account, region)
        answer = loaded.answer
        if service == "ecr":
            answer = partial(registry_view.answer, inner=loaded.answer, listed=self._engine_images)
        elif service == "iam":
            answer = partial(missing_roles.answer, inner=loaded.answer)
        return await loop.run_in_executor(self._pool, answer, call)

    def objects(self, account: str, region: str) -> MotoObjects:
        return MotoObjects(account, region, lambda: (self._ready().files, self._ready().ledger))

    def put_metrics(self, account: str, region: str, namespace: str, metrics: Sequence[Metric]) -> None:
        self._ready().put_metrics(account, region, namespace, metrics)

    def role_exists(self, account: str, role_arn: str) -> bool:
        return self._ready().role_exists(account, role_arn)

    def account_of(self, access_key: str) -> str | None:
        """The account whose IAM or STS gave out this access key; None for keys it does not know."""
        return self._ready().account_of(access_key)

    def secret_of(self, access_key: str) -> str | None:
        return self._ready().secret_of(access_key)

    def load(self) -> None:
        self._ready().restore_rest()

    def reset(self) -> None:
        self._ready().reset()
        remove_pickles(find_pickles(self._state))
        self._old_state = ""

    def close(self) -> None:
        with self._loading:
            pass  # a load in progress is let finish
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._loaded is not None:
            self._loaded.close()
        self._rows.close()

    def _read_now_if_moto_changed(self) -> None:
        """State of another moto is read and rewritten at once. If it cannot be read, the start is refused."""
        if self._rows.versions() <= {moto_version()}:
            return
        try:
            self.load()
            self._ready().save_all()
        except BaseException:
            self.close()
            raise

    def _ready(self) -> Loaded:
        """Whoever comes first loads; all others wait for it."""
        if self._loaded is None:
            with self._loading:
                if self._loaded is None:
                    require()
                    from harness.stores.aws_backends.moto.loaded import Loaded

                    self._loaded = Loaded(self._state, self._rows, self._logs, self._pool, self._home, self._roles)
        return self._loaded
