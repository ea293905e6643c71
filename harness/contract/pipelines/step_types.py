"""The types of steps: which operation a step calls, how its request is named, and how it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.kernel.kinds import KINDS, ResourceKind

CONDITION, FAIL = "Condition", "Fail"


@dataclass(frozen=True)
class CallingStep:
    """A type of step that creates one resource by calling its Create operation with the step's arguments."""

    noun: str
    metadata: str
    """The member of ``Metadata`` that holds the resource's ARN."""
    experiment: bool = False
    """True if the request has an ``ExperimentConfig``, which the pipeline fills."""

    @property
    def kind(self) -> ResourceKind:
        return KINDS[self.noun]


CALLING: Mapping[str, CallingStep] = {
    "Processing": CallingStep("ProcessingJob", "ProcessingJob", experiment=True),
    "Training": CallingStep("TrainingJob", "TrainingJob", experiment=True),
    "Transform": CallingStep("TransformJob", "TransformJob", experiment=True),
    "Model": CallingStep("Model", "Model"),
}
SUPPORTED = frozenset({*CALLING, CONDITION, FAIL})
