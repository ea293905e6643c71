"""Which jobs of a run were answered with an earlier job's result: their tag says so. Asks by boto3 only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

TAG, SECONDS_TAG = "harness:reused-from", "harness:reused-seconds"
_JOBS = ("TrainingJob", "ProcessingJob", "TransformJob")


class Reused:
    """Each is told once, as soon as it can be seen."""

    def __init__(self, session: Any) -> None:
        self._arns: dict[tuple[str, str], str] = {}
        for kind in _JOBS:
            session.events.register(f"after-call.sagemaker.Create{kind}", self._note)

    def _note(self, parsed: Any, model: Any, **_: Any) -> None:
        kind = model.name.removeprefix("Create")
        if arn := parsed.get(f"{kind}Arn"):
            self._arns[kind, arn.rpartition("/")[2]] = arn

    def new(self, client: Callable[[str], Any]) -> Iterator[dict[str, Any]]:
        """Kind and name of the job, whose result it got, and how many seconds that one took."""
        from botocore.exceptions import ClientError

        for (kind, name), arn in list(self._arns.items()):
            try:
                tags = client("sagemaker").list_tags(ResourceArn=arn)["Tags"]
            except ClientError:  # deleted by now
                continue
            told = {tag["Key"]: tag["Value"] for tag in tags}
            if TAG in told:
                del self._arns[kind, name]
                yield {"kind": kind, "name": name, "source": told[TAG], "seconds": float(told.get(SECONDS_TAG, 0))}
