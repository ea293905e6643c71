"""The types of steps: which operation a step calls, how its request is named, and how it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.kernel.kinds import KINDS, ResourceKind

CONDITION, FAIL, CALLBACK = "Condition", "Fail", "Callback"


@dataclass(frozen=True)
class CallingStep:
    """A type of step that creates one resource by calling its Create operation with the step's arguments."""

    noun: str
    metadata: str
    """The member of ``Metadata`` that holds the resource's ARN."""
    experiment: bool = False
    """True if the request has an ``ExperimentConfig``, which the pipeline fills."""
    named: bool = True
    """True if the pipeline gives the resource a name, and the tag of the execution."""

    @property
    def kind(self) -> ResourceKind:
        return KINDS[self.noun]


CALLING: Mapping[str, CallingStep] = {
    "Processing": CallingStep("ProcessingJob", "ProcessingJob", experiment=True),
    "Training": CallingStep("TrainingJob", "TrainingJob", experiment=True),
    "Transform": CallingStep("TransformJob", "TransformJob", experiment=True),
    "Model": CallingStep("Model", "Model"),
    # A version of a group has neither a name nor tags of its own.
    "RegisterModel": CallingStep("ModelPackage", "RegisterModel", named=False),
}
SUPPORTED = frozenset({*CALLING, CONDITION, FAIL, CALLBACK})
"""The types of steps that can be read. A calling step also needs that its Create operation is served."""
