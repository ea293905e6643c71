"""``MotoBackend``: moto in this process, loaded in the background, with its state in the state folder.

moto keeps its state in global variables, so a process has only one ``MotoBackend`` at a time.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from multidict import CIMultiDict

from harness.aws import Metric
from harness.aws.moto import ecr_images, missing_roles
from harness.aws.moto.dispatch import PACKAGES, MotoCall
from harness.aws.moto.ecr_images import ListImages
from harness.aws.moto.moto_version import moto_version, require
from harness.aws.moto.objects import MotoObjects
from harness.aws.moto.saved_state.old_pickles import describe_old_state, find_pickles, remove_pickles
from harness.aws.moto.saved_state.rows import ServiceRows
from harness.aws.wire.error_responses import Refusal, fault
from harness.kernel.http import MOST_CONTAINERS, Request, Response, has_too_many_containers
from harness.stores.log_files import StoredLogs

if TYPE_CHECKING:
    from harness.aws.moto.moto_runtime import MotoRuntime

ALIASES = {"cloudwatch": "monitoring", "eventbridge": "events", "resourcegroupstaggingapi": "tagging"}
SERVICES = frozenset({*PACKAGES, *ALIASES})
"""The signing names of the AWS services that embedded moto serves."""
WORKERS = 8
logger = logging.getLogger(__name__)
LARGEST = 16 * 1024 * 1024
"""The most bytes of a request to a service other than S3."""


class MotoBackend:
    name = "moto"

    def __init__(
        self,
        state: Path,
        logs: StoredLogs,
        account: str = "123456789012",
        region: str = "us-east-1",
        engine_images: ListImages = lambda account, region: (),
        roles: tuple[str, ...] = (),
    ) -> None:
        self._state = state
        self._logs = logs
        self._home = (account, region)
        """The account whose execution role exists from the start. Others get theirs with their first request."""
        self._roles = roles
        """Execution roles that each account has in addition to harness's own."""
        self._engine_images = engine_images
        """Lists the images of a container engine that ECR shows in addition to moto's."""
        self._rows = ServiceRows(state / "aws")
        self._old_state = describe_old_state(state)
        if self._old_state:
            logger.warning("%s", self._old_state)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="moto")
        self._loading = threading.Lock()
        self._loaded: MotoRuntime | None = None
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
        headers: CIMultiDict[str] = CIMultiDict(request.headers)
        try:
            body = await _read(request)
        except Refusal as error:
            return fault(service, headers, error.status, error.code, error.message)
        headers.pop("Content-Encoding", None)
        call = MotoCall(service, request.method, request.target, headers, body, account, region)
        answer = loaded.answer
        if service == "ecr":
            answer = partial(ecr_images.answer, inner=loaded.answer, list_images=self._engine_images)
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
        """Return the account whose IAM or STS issued this access key; None for other keys."""
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
            pass  # wait until a load in progress has finished
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._loaded is not None:
            self._loaded.close()
        self._rows.close()

    def _read_now_if_moto_changed(self) -> None:
        """Read and rewrite state that another version of moto saved. Raise ``StateError`` if it cannot be read."""
        if self._rows.versions() <= {moto_version()}:
            return
        try:
            self.load()
            self._ready().save_all()
        except BaseException:
            self.close()
            raise

    def _ready(self) -> MotoRuntime:
        """Return the loaded runtime. The first caller loads it, the others wait."""
        if self._loaded is None:
            with self._loading:
                if self._loaded is None:
                    require()
                    from harness.aws.moto.moto_runtime import MotoRuntime

                    self._loaded = MotoRuntime(self._state, self._rows, self._logs, self._pool, self._home, self._roles)
        return self._loaded


async def _read(request: Request) -> bytes:
    """Read the whole body and unpack it. Refuse a body that is larger than these services accept."""
    blocks, size = [], 0
    async for block in request.stream():
        size += len(block)
        if size > LARGEST:
            raise _TOO_LARGE
        blocks.append(block)
    body = b"".join(blocks)
    if request.headers.get("Content-Encoding", "").lower() == "gzip":  # botocore compresses PutMetricData above 10 kB
        try:
            body = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body, LARGEST + 1)
        except zlib.error as error:
            raise Refusal(400, "SerializationException", f"The body is not gzip: {error}") from error
    if len(body) > LARGEST or has_too_many_containers(body) or body.count(b"&") > MOST_CONTAINERS:
        raise _TOO_LARGE
    return body


_TOO_LARGE = Refusal(
    413,
    "RequestEntityTooLarge",
    f"The request is larger than {LARGEST >> 20} MB, or has more than {MOST_CONTAINERS} members",
)
