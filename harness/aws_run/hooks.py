"""A scenario's process on AWS: what the profile provides goes into its requests, what it creates into the ledger.

Hooks of botocore's own, added to its list of built-in handlers, so that every session of this process has them: the
SDKs open sessions of their own. No host is redirected and no function replaced. Speaks botocore only.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from harness.aws_run.ledger import CREATED, DELETED, REFUSED, Ledger
from harness.aws_run.request_defaults import RequestDefaults
from harness.aws_run.resource_requests import Creation, answered_identity, creation, uses

Handler = tuple[str, Callable[..., Any], object]
"""As botocore lists them: the event, what is called, and the mark of those that come last."""
ORDERS, PARENT = "HARNESS_PROMOTED", "HARNESS_PARENT"
"""Variables: the file with what to provide, and the descriptor that is at its end when the parent is gone."""
_CONTEXT, _GOING, _ASKED = "harness_creation", "harness_deletion", "harness_asked"
_OF_SCHEDULES = ("ListMonitoringExecutions", "DescribeMonitoringSchedule")
_WRITES = {"PutObject", "CreateMultipartUpload", "CopyObject"}
_OUTPUTS = ("S3OutputPath", "DestinationS3Uri")
_OUTPUT_PARENTS = ("S3Output", "CheckpointConfig", "TensorBoardOutputConfig")


class ScenarioLike(Protocol):
    """What knows which step is being played, and lets time pass."""

    pass_time: Callable[[float], None]

    @property
    def current_step(self) -> str | None: ...


class AwsRequestHooks:
    """What every request of this process passes through."""

    def __init__(self, run: str, provisions: RequestDefaults, ledger: Ledger, at_once: bool = True) -> None:
        self._run = run
        self._provisions = provisions
        self._ledger = ledger
        self._clients: dict[str, Any] = {}
        self._opening = threading.Lock()
        from harness.aws_run.monitoring import MonitoringOnAws  # of no use anywhere but on AWS

        self._time = MonitoringOnAws(self._client, at_once)
        self._step: Callable[[], str | None] = lambda: None

    def follow(self, session: ScenarioLike) -> None:
        """From now on, what is asked for belongs to the session's steps."""
        self._step = lambda: session.current_step
        session.pass_time = self._time.passes

    def handlers(self) -> list[Handler]:
        from botocore.handlers import REGISTER_LAST  # other handlers may complete a request first

        return [
            ("before-parameter-build", self.complete, REGISTER_LAST),
            ("before-call", self.intend, REGISTER_LAST),
            ("after-call", self.answered, REGISTER_LAST),
        ]

    def complete(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        service = model.service_model.service_name
        if service == "sagemaker":
            self._provisions.apply(model, params, self._step())
        if model.name in _OF_SCHEDULES:
            context[_ASKED] = dict(params)
        if service == "s3" and model.name in _WRITES:
            context[_CONTEXT] = [self._object(params)]
        elif found := creation(model, params):
            more = {"config": uses(params)} if found.kind in ("Endpoint", "MonitoringSchedule") else {}
            context[_CONTEXT] = [(service, found, more), *self._outputs(found, params)]
        elif model.name.startswith("Delete") and (name := params.get(f"{model.name.removeprefix('Delete')}Name")):
            context[_GOING] = (service, model.name.removeprefix("Delete"), name)

    def intend(self, model: Any, context: dict[str, Any], **_: Any) -> None:
        """Right before the request is sent. When the ledger cannot be written, it is not sent."""
        for service, found, detail in context.get(_CONTEXT, ()):
            self._ledger.intend(
                service,
                found.kind,
                found.name,
                identity=found.identity,
                instances=found.instances,
                step=self._step(),
                detail=detail,
            )

    def answered(self, http_response: Any, parsed: Any, model: Any, context: dict[str, Any], **_: Any) -> None:
        """A refusal after a retry proves nothing: the first try may have been heard. It stays intended then."""
        refused = http_response.status_code >= 400
        retried = (parsed.get("ResponseMetadata") or {}).get("RetryAttempts", 0)
        if http_response.status_code >= 500 or (refused and retried):
            return
        if _ASKED in context and not refused:
            self._time.told(model.name, context[_ASKED], parsed)
        if _GOING in context and not refused:
            self._ledger.mark(context[_GOING], DELETED)
        for service, found, _detail in context.get(_CONTEXT, ()):
            named = refused or found.identity
            given = {} if named else answered_identity(model, parsed)
            self._ledger.mark((service, found.kind, found.name), REFUSED if refused else CREATED, identity=given)
            if found.kind == "MonitoringSchedule" and not refused:
                self._time.scheduled(found.name)

    def _object(self, params: Mapping[str, Any]) -> tuple[str, Creation, dict[str, Any]]:
        bucket, key = params["Bucket"], params["Key"]
        own = self._run in key or not self._exists(bucket, key)
        return "s3", Creation("Object", f"s3://{bucket}/{key}", {"Bucket": bucket, "Key": key}, ()), {"own": own}

    def _outputs(self, found: Creation, params: Mapping[str, Any]) -> Iterator[tuple[str, Creation, dict[str, Any]]]:
        """Where SageMaker will write for it. Own is what holds nothing yet: all in it will be the run's."""
        for uri in dict.fromkeys(_output_places(params)):
            place = urlsplit(uri)
            below = [place.path.strip("/"), *([found.name] if found.kind == "TrainingJob" else [])]
            prefix = "/".join(part for part in below if part)
            if place.scheme == "s3" and prefix:
                own = self._run in prefix or not self._listed(place.netloc, f"{prefix}/")
                identity = {"Bucket": place.netloc, "Prefix": f"{prefix}/"}
                yield "s3", Creation("Output", f"s3://{place.netloc}/{prefix}/", identity, ()), {"own": own}

    def _exists(self, bucket: str, key: str) -> bool:
        return self._there(lambda s3: bool(s3.head_object(Bucket=bucket, Key=key)))

    def _listed(self, bucket: str, prefix: str) -> bool:
        return self._there(lambda s3: bool(s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)["KeyCount"]))

    def _there(self, look: Callable[[Any], bool]) -> bool:
        from botocore.exceptions import ClientError

        try:
            return look(self._client("s3"))
        except ClientError as error:
            missing: bool = error.response["ResponseMetadata"]["HTTPStatusCode"] == 404
            return not missing  # what may not be seen may be there

    def _client(self, service: str) -> Any:
        """Of a session of our own: what the scenario asks for is noted elsewhere, and this is none of it."""
        import botocore.session

        with self._opening:
            if service not in self._clients:
                self._clients[service] = botocore.session.get_session().create_client(service)
            return self._clients[service]


def hook(added: Sequence[Handler]) -> Callable[[], None]:
    """For every session of botocore's made from now on, until what is returned is called; made ones keep theirs."""
    from botocore import handlers

    handlers.BUILTIN_HANDLERS.extend(added)

    def unhook() -> None:
        for each in added:
            handlers.BUILTIN_HANDLERS.remove(each)

    return unhook


def install(orders: Path, parent: int) -> AwsRequestHooks:
    """To be called before any session of botocore's is made in this process."""
    told = json.loads(orders.read_text(encoding="utf-8"))
    provisions: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in told["provisions"].items()
    }
    ledger, at_once = Ledger(Path(told["ledger"])), told["monitoring"] == "one-off"
    promoted = AwsRequestHooks(told["run"], RequestDefaults(**provisions), ledger, at_once)
    hook(promoted.handlers())  # as long as the process lasts
    os.set_inheritable(parent, False)
    threading.Thread(target=_end_with_the_parent, args=(parent,), daemon=True).start()
    return promoted


def _end_with_the_parent(descriptor: int) -> None:
    """Nothing is ever written to it: it ends when the parent does, and then nobody would tear down after this one."""
    while os.read(descriptor, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _output_places(request: Any, parent: str = "") -> Iterator[str]:
    if isinstance(request, list):
        for each in request:
            yield from _output_places(each, parent)
    elif isinstance(request, Mapping):
        for member, value in request.items():
            written = member in ("S3OutputPath", "DestinationS3Uri") or (
                member == "S3Uri" and parent in _OUTPUT_PARENTS
            )
            if written and isinstance(value, str):
                yield value
            else:
                yield from _output_places(value, member)
