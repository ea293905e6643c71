from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.engine.components import Components
from harness.kernel.clock import Clock
from harness.kernel.errors import ResourceNotFound, ValidationException
from harness.services.sagemaker.experiment_configs import check_experiment_config
from harness.services.sagemaker.experiments import create_experiment
from harness.services.sagemaker.trial_components import create_trial_component
from harness.services.sagemaker.trials import create_trial
from harness.services.scope import Scope
from harness.stores.memory import MemoryRecords

pytestmark = pytest.mark.provenance("documented", source="API reference: ExperimentConfig")


@pytest.fixture
def scope() -> Scope:
    unused: Any = None
    components = Components(MemoryRecords(), unused, unused, unused, Clock(), Path(), str)
    found = Scope("123456789012", "us-east-1", "id", {}, components, unused)
    create_experiment(found, {"ExperimentName": "Exp"})
    create_experiment(found, {"ExperimentName": "other"})
    create_trial(found, {"TrialName": "trial", "ExperimentName": "exp"})
    create_trial_component(found, {"TrialComponentName": "exp-run"})
    return found


@pytest.mark.parametrize(
    "config",
    [
        None,
        {},
        {"TrialComponentDisplayName": "shown"},
        {"ExperimentName": "EXP"},
        {"TrialName": "Trial"},
        {"ExperimentName": "exp", "TrialName": "trial", "RunName": "exp-run"},
        {"ExperimentName": "exp", "RunName": "run"},
    ],
)
def test_what_exists_is_accepted(scope: Scope, config: dict[str, str] | None) -> None:
    check_experiment_config(scope, config)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"ExperimentName": "no"}, "Experiment 'arn:.*:experiment/no' does not exist"),
        ({"ExperimentName": "exp", "TrialName": "no"}, "Trial '.*' does not exist"),
        ({"ExperimentName": "other", "RunName": "run"}, "Run '.*' does not exist"),
    ],
)
def test_what_does_not_exist_is_refused(scope: Scope, config: dict[str, str], words: str) -> None:
    with pytest.raises(ResourceNotFound, match=words):
        check_experiment_config(scope, config)


def test_a_trial_of_another_experiment_is_refused(scope: Scope) -> None:
    with pytest.raises(ValidationException, match="belongs to experiment 'Exp', not to 'other'"):
        check_experiment_config(scope, {"ExperimentName": "other", "TrialName": "trial"})
