"""Time and lag: what reads do not show yet, and states that last as long as they do on AWS."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from tests.aws_stand_in.inventory import Inventory, Made
from tests.aws_stand_in.refusals import Answer, Refused

# Kind -> its member of the first state, that state, and what a description does not have yet in it.
_FIRST: Mapping[str, tuple[Mapping[str, str], tuple[str, ...]]] = {
    "Endpoint": ({"EndpointStatus": "Creating"}, ("FailureReason",)),
    "MonitoringSchedule": ({"MonitoringScheduleStatus": "Pending"}, ("LastMonitoringExecutionSummary",)),
    "TrainingJob": (
        {"TrainingJobStatus": "InProgress", "SecondaryStatus": "Starting"},
        (
            "TrainingEndTime",
            "ModelArtifacts",
            "FinalMetricDataList",
            "BillableTimeInSeconds",
            "TrainingTimeInSeconds",
            "FailureReason",
        ),
    ),
    "ProcessingJob": ({"ProcessingJobStatus": "InProgress"}, ("ProcessingEndTime", "ExitMessage", "FailureReason")),
    "TransformJob": ({"TransformJobStatus": "InProgress"}, ("TransformEndTime", "FailureReason")),
}
_GOING = {"Endpoint": "EndpointStatus"}
"""What says "Deleting" for a while."""


def young(made: Made, delays: Mapping[str, float]) -> bool:
    return time.monotonic() - made.at < delays.get(made.kind, 0.0)


def going(made: Made, delays: Mapping[str, float]) -> bool:
    return made.gone is not None and time.monotonic() - made.gone < delays.get(made.kind, 0.0)


def not_found(made: Made) -> Refused:
    """In the words of the kind."""
    if made.kind.startswith(("Trial", "Experiment")):
        return Refused("ResourceNotFound", f"{made.kind} '{made.name}' does not exist.")
    if made.kind.endswith("Job"):
        return Refused("ValidationException", "Requested resource not found.")
    return Refused("ValidationException", f'Could not find {made.kind.lower()} "{made.arn}".')


def described(made: Made, answer: Answer, delays: Mapping[str, float]) -> Answer:
    """The description as it is in the first moments."""
    first = _FIRST.get(made.kind)
    if answer.status != 200 or first is None or made.gone is not None or not young(made, delays):
        return answer
    document = json.loads(answer.body)
    kept = {name: value for name, value in document.items() if name not in first[1]}
    return _answer(answer, {**kept, **first[0]})


def departing(made: Made) -> dict[str, Any] | None:
    member = _GOING.get(made.kind)
    return {**made.last, member: "Deleting"} if member and made.last else None


def listed(operation: str, answer: Answer, inventory: Inventory, delays: Mapping[str, float]) -> Answer:
    """A list without what it does not show yet."""
    if answer.status != 200:
        return answer
    document = json.loads(answer.body)
    noun = operation.removeprefix("List").removesuffix("s")
    changed = {}
    for member, summaries in document.items():
        if not isinstance(summaries, list) or not all(isinstance(each, dict) for each in summaries):
            continue
        changed[member] = [found for each in summaries if (found := _summary(operation, noun, each, inventory, delays))]
    return _answer(answer, {**document, **changed}) if changed else answer


def _summary(
    operation: str, noun: str, summary: dict[str, Any], inventory: Inventory, delays: Mapping[str, float]
) -> dict[str, Any] | None:
    made = inventory.find(noun, str(summary.get(f"{noun}Name")))
    if made is None:
        return summary
    if made.hidden(operation):
        return None
    states = _FIRST[noun][0] if noun in _FIRST and young(made, delays) else {}
    return {**summary, **{member: state for member, state in states.items() if member in summary}}


def _answer(answer: Answer, document: Mapping[str, Any]) -> Answer:
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
    return answer._replace(headers=headers, body=json.dumps(document).encode())
