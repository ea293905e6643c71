"""Completes the requests of a scenario's process on AWS by the profile, and records what it creates in the ledger.

The handlers are added to botocore's list of built-in ones, so that every session of this process has them: the SDKs
open sessions of their own. No host is redirected and no function replaced. Uses botocore only.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

from harness.aws_run.instructions import AwsInstructions
from harness.aws_run.ledger import CREATED, DELETED, REFUSED, Ledger
from harness.aws_run.request_defaults import RequestDefaults
from harness.aws_run.resource_requests import Creation, answered_identity, creation, uses

Handler = tuple[str, Callable[..., Any], object]
"""An entry of botocore's list of handlers: the event, the function, and the mark of those that come last."""
_CREATION, _DELETION, _REQUEST = "harness_creation", "harness_deletion", "harness_request"
_OF_SCHEDULES = ("ListMonitoringExecutions", "DescribeMonitoringSchedule")
_WRITES = {"PutObject", "CreateMultipartUpload", "CopyObject"}
_OUTPUTS = ("S3OutputPath", "DestinationS3Uri")
_OUTPUT_PARENTS = ("S3Output", "CheckpointConfig", "TensorBoardOutputConfig")


class ScenarioLike(Protocol):
    """A session that knows which step is being played, and lets time pass."""

    pass_time: Callable[[float], None]

    @property
    def current_step(self) -> str | None:
        """The name of the step that is being played."""


class AwsRequestHooks:
    """The handlers that every request of this process passes through."""

    def __init__(self, run: str, defaults: RequestDefaults, ledger: Ledger, at_once: bool = True) -> None:
        self._run = run
        self._defaults = defaults
        self._ledger = ledger
        self._clients: dict[str, Any] = {}
        self._opening = threading.Lock()
        from harness.aws_run.monitoring import MonitoringOnAws  # of no use anywhere but on AWS

        self._time = MonitoringOnAws(self._client, at_once)
        self._step: Callable[[], str | None] = lambda: None

    def follow(self, session: ScenarioLike) -> None:
        """Attribute requests to the steps of this session from now on."""
        self._step = lambda: session.current_step
        session.pass_time = self._time.pass_time

    def handlers(self) -> list[Handler]:
        """List the handlers for botocore."""
        from botocore.handlers import REGISTER_LAST  # other handlers may complete a request first

        return [
            ("before-parameter-build", self.complete, REGISTER_LAST),
            ("before-call", self.intend, REGISTER_LAST),
            ("after-call", self.record_answer, REGISTER_LAST),
        ]

    def complete(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        """Complete a request by the profile, and note what it creates or deletes."""
        service = model.service_model.service_name
        if service == "sagemaker":
            self._defaults.apply(model, params, self._step())
        if model.name in _OF_SCHEDULES:
            context[_REQUEST] = dict(params)
        if service == "s3" and model.name in _WRITES:
            context[_CREATION] = [self._object(params)]
        elif created := creation(model, params):
            more = {"config": uses(params)} if created.kind in ("Endpoint", "MonitoringSchedule") else {}
            context[_CREATION] = [(service, created, more), *self._outputs(created, params)]
        elif model.name.startswith("Delete") and (name := params.get(f"{model.name.removeprefix('Delete')}Name")):
            context[_DELETION] = (service, model.name.removeprefix("Delete"), name)

    def intend(self, model: Any, context: dict[str, Any], **_: Any) -> None:
        """Write the ledger right before the request is sent. When it cannot be written, nothing is sent."""
        for service, created, detail in context.get(_CREATION, ()):
            self._ledger.intend(
                service,
                created.kind,
                created.name,
                identity=created.identity,
                instances=created.instances,
                step=self._step(),
                detail=detail,
            )

    def record_answer(self, http_response: Any, parsed: Any, model: Any, context: dict[str, Any], **_: Any) -> None:
        """Record the answer in the ledger. A refusal after a retry proves nothing: the first try may have succeeded."""
        refused = http_response.status_code >= 400
        retried = (parsed.get("ResponseMetadata") or {}).get("RetryAttempts", 0)
        if http_response.status_code >= 500 or (refused and retried):
            return
        if _REQUEST in context and not refused:
            self._time.complete_answer(model.name, context[_REQUEST], parsed)
        if _DELETION in context and not refused:
            self._ledger.mark(context[_DELETION], DELETED)
        for service, created, _detail in context.get(_CREATION, ()):
            identity = {} if refused or created.identity else answered_identity(model, parsed)
            self._ledger.mark((service, created.kind, created.name), REFUSED if refused else CREATED, identity=identity)
            if created.kind == "MonitoringSchedule" and not refused:
                self._time.add_schedule(created.name)

    def _object(self, params: Mapping[str, Any]) -> tuple[str, Creation, dict[str, Any]]:
        bucket, key = params["Bucket"], params["Key"]
        own = self._run in key or not self._exists(bucket, key)
        return "s3", Creation("Object", f"s3://{bucket}/{key}", {"Bucket": bucket, "Key": key}, ()), {"own": own}

    def _outputs(self, created: Creation, params: Mapping[str, Any]) -> Iterator[tuple[str, Creation, dict[str, Any]]]:
        """Find the prefixes that SageMaker will write to. One that is empty now belongs to the run."""
        for uri in dict.fromkeys(_output_uris(params)):
            location = urlsplit(uri)
            below = [location.path.strip("/"), *([created.name] if created.kind == "TrainingJob" else [])]
            prefix = "/".join(part for part in below if part)
            if location.scheme == "s3" and prefix:
                own = self._run in prefix or not self._has_objects(location.netloc, f"{prefix}/")
                identity = {"Bucket": location.netloc, "Prefix": f"{prefix}/"}
                yield "s3", Creation("Output", f"s3://{location.netloc}/{prefix}/", identity, ()), {"own": own}

    def _exists(self, bucket: str, key: str) -> bool:
        return self._is_there(lambda s3: bool(s3.head_object(Bucket=bucket, Key=key)))

    def _has_objects(self, bucket: str, prefix: str) -> bool:
        return self._is_there(lambda s3: bool(s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)["KeyCount"]))

    def _is_there(self, look: Callable[[Any], bool]) -> bool:
        from botocore.exceptions import ClientError

        try:
            return look(self._client("s3"))
        except ClientError as error:
            missing: bool = error.response["ResponseMetadata"]["HTTPStatusCode"] == 404
            return not missing  # what may not be seen may be there

    def _client(self, service: str) -> Any:
        """Make a client of a separate session, so that its calls do not count as the scenario's."""
        import botocore.session

        with self._opening:
            if service not in self._clients:
                self._clients[service] = botocore.session.get_session().create_client(service)
            return self._clients[service]


def hook(added: Sequence[Handler]) -> Callable[[], None]:
    """Add handlers to every session of botocore's made from now on. Return the function that stops it."""
    from botocore import handlers

    handlers.BUILTIN_HANDLERS.extend(added)

    def unhook() -> None:
        for each in added:
            handlers.BUILTIN_HANDLERS.remove(each)

    return unhook


def install(aws: AwsInstructions) -> AwsRequestHooks:
    """Install the hooks for the life of this process, before any session of botocore's is made in it."""
    hooks = AwsRequestHooks(aws.run, aws.defaults, Ledger(aws.ledger), aws.monitor_at_once)
    hook(hooks.handlers())
    if aws.parent_pipe is not None:
        os.set_inheritable(aws.parent_pipe, False)
        threading.Thread(target=_end_with_the_parent, args=(aws.parent_pipe,), daemon=True).start()
    return hooks


def _end_with_the_parent(descriptor: int) -> None:
    """Wait for the end of the parent's pipe: without the parent nobody would tear down after this process."""
    while os.read(descriptor, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _output_uris(request: Any, parent: str = "") -> Iterator[str]:
    if isinstance(request, list):
        for each in request:
            yield from _output_uris(each, parent)
    elif isinstance(request, Mapping):
        for member, value in request.items():
            written = member in ("S3OutputPath", "DestinationS3Uri") or (
                member == "S3Uri" and parent in _OUTPUT_PARENTS
            )
            if written and isinstance(value, str):
                yield value
            else:
                yield from _output_uris(value, member)
