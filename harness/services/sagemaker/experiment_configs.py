"""Checks the ``ExperimentConfig`` of a new job: the experiment, trial and run that it names must exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.engine.tracking.experiments import COMPONENT, EXPERIMENT, TRIAL
from harness.kernel.errors import ResourceNotFound, ValidationException
from harness.kernel.records import Record
from harness.services.scope import Scope


def check_experiment_config(scope: Scope, config: Mapping[str, Any] | None) -> None:
    """Raise ``ResourceNotFound`` if the configuration names an experiment, trial or run that does not exist."""
    if not config:
        return
    experiment = _find_existing(scope, EXPERIMENT, "Experiment", config.get("ExperimentName"))
    trial = _find_existing(scope, TRIAL, "Trial", config.get("TrialName"))
    if trial and experiment and trial.spec["ExperimentName"].lower() != experiment.name:
        raise ValidationException(
            f"Trial '{trial.arn}' belongs to experiment '{trial.spec['ExperimentName']}', "
            f"not to '{config['ExperimentName']}' of the ExperimentConfig."
        )
    _check_run(scope, config)


def _find_existing(scope: Scope, kind: str, noun: str, name: str | None) -> Record | None:
    if name is None:
        return None
    record = scope.records.find(scope.key(kind, name.lower()))
    if record is None:
        raise ResourceNotFound(f"{noun} '{scope.arn(kind, name)}' does not exist.")
    return record


def _check_run(scope: Scope, config: Mapping[str, Any]) -> None:
    """Check that the run exists. Its name is a trial component's, with or without the experiment's name in front."""
    run = config.get("RunName")
    if run is None:
        return
    names = [run, f"{config.get('ExperimentName', '')}-{run}"]
    if not any(scope.records.find(scope.key(COMPONENT, name.lower())) for name in names):
        raise ResourceNotFound(f"Run '{scope.arn(COMPONENT, run)}' does not exist.")
