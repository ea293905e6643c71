"""Which jobs of a run were answered with an earlier job's result: their tag says so. Asks by boto3 only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.kernel.kinds import RUN_JOBS

TAG, SECONDS_TAG = "harness:reused-from", "harness:reused-seconds"


class Reused:
    """Each is told once, as soon as it can be seen."""

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

    def new(self) -> Iterator[dict[str, Any]]:
        """Kind and name of the job, whose result it got, and how many seconds that one took."""
        from botocore.exceptions import ClientError

        if self._arns and self._client is None:
            self._client = self._own_client()
        for (kind, name), arn in list(self._arns.items()):
            try:
                tags = self._client.list_tags(ResourceArn=arn)["Tags"]
            except ClientError:  # deleted by now
                continue
            told = {tag["Key"]: tag["Value"] for tag in tags}
            if TAG in told:
                del self._arns[kind, name]
                yield {"kind": kind, "name": name, "source": told[TAG], "seconds": float(told.get(SECONDS_TAG, 0))}

    def _own_client(self) -> Any:
        """Of a session of its own, as nothing asked here is the scenario's call; the models are read already."""
        import botocore.session

        core = botocore.session.get_session()
        core.register_component("data_loader", self._session._session.get_component("data_loader"))
        return core.create_client("sagemaker", region_name=self._session.region_name)
