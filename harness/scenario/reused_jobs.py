"""The jobs of a run that were answered with an earlier job's result, as their tags say. Uses boto3 only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.kernel.kinds import RUN_JOBS

TAG, SECONDS_TAG = "harness:reused-from", "harness:reused-seconds"


@dataclass(frozen=True)
class ReusedJob:
    """A job, the job whose result it got, and the seconds that one took."""

    kind: str
    name: str
    source: str
    seconds: float


class ReusedJobs:
    """Finds each reused job once, as soon as its tags can be read."""

    def __init__(self, session: Any) -> None:
        self._arns: dict[tuple[str, str], str] = {}
        self._session = session
        self._client: Any = None
        for kind in RUN_JOBS:
            session.events.register(f"after-call.sagemaker.{kind.operation('Create')}", self._note)

    def _note(self, parsed: Any, model: Any, **_: Any) -> None:
        kind = model.name.removeprefix("Create")
        if arn := parsed.get(f"{kind}Arn"):
            self._arns[kind, arn.rpartition("/")[2]] = arn

    def new(self) -> Iterator[ReusedJob]:
        """Yield the jobs that were reused since the last time."""
        from botocore.exceptions import ClientError

        if self._arns and self._client is None:
            self._client = self._own_client()
        for (kind, name), arn in list(self._arns.items()):
            try:
                tags = self._client.list_tags(ResourceArn=arn)["Tags"]
            except ClientError:  # deleted by now
                continue
            values = {tag["Key"]: tag["Value"] for tag in tags}
            if TAG in values:
                del self._arns[kind, name]
                yield ReusedJob(kind, name, values[TAG], float(values.get(SECONDS_TAG, 0)))

    def _own_client(self) -> Any:
        """Make a client of a separate session, so that its calls do not count as the scenario's."""
        import botocore.session

        core = botocore.session.get_session()
        core.register_component("data_loader", self._session._session.get_component("data_loader"))
        return core.create_client("sagemaker", region_name=self._session.region_name)
