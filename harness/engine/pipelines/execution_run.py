"""``ExecutionRun``: one pipeline execution from its start to its end, in a thread of its own.

The state of every step is in the execution's record. A round looks at the running steps, starts those that are ready,
and waits until a record changes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

from harness.contract.pipelines.definition import PipelineStep
from harness.engine.components import Components
from harness.engine.lifecycle import is_unfinished, move
from harness.engine.pipelines.records import RUNNING, definition_of, steps_of
from harness.engine.pipelines.step_runs import Ports, StepRuns
from harness.engine.pipelines.step_values import experiment_of
from harness.kernel.errors import ApiError
from harness.kernel.records import Key, Record

FAILED = "Step failure: One or multiple steps failed."
"""The wording is recorded in published answers of DescribePipelineExecution."""
_LONGEST_WAIT = 5.0


class ExecutionRun:
    def __init__(self, components: Components, ports: Ports, key: Key, closed: threading.Event) -> None:
        self._components = components
        self._ports = ports
        self._key = key
        self._closed = closed
        self.changed = threading.Event()
        self._steps: StepRuns

    def run(self) -> None:
        """Run the execution to its end, or until the emulator ends or the record is deleted."""
        record = self._components.records.find(self._key)
        if record is None or not is_unfinished(record):
            return
        self._definition = definition_of(self._components.records, record)
        self._steps = StepRuns(self._components, self._ports, self._key, self._definition)
        unsubscribe = self._components.records.subscribe(self._see)
        try:
            self._make_experiment(record)
            while not self._closed.is_set():
                self.changed.clear()
                if not self._advance():
                    return
                self.changed.wait(self._pause())
        finally:
            unsubscribe()

    def _see(self, key: Key, record: Record | None) -> None:
        if key == self._key or (key in self._steps.watched and (record is None or not is_unfinished(record))):
            self.changed.set()

    def _make_experiment(self, record: Record) -> None:
        """Create the experiment and the trial of the execution, if its definition names them."""
        config = experiment_of(self._components, record, self._definition)
        account, region = self._key.account, self._key.region
        if "ExperimentName" in config:
            requests = [("CreateExperiment", {"ExperimentName": config["ExperimentName"]})]
            if "TrialName" in config:
                requests.append(("CreateTrial", config))
            for operation, request in requests:
                try:
                    self._ports.call(account, region, operation, request)
                except ApiError as error:
                    if "already exists" not in error.message and "unique" not in error.message:
                        raise
            self._change(record.state, PipelineExperimentConfig=config)

    def _advance(self) -> bool:
        """Do one round. Return False when the execution has ended."""
        record = self._read()
        if record is None or not is_unfinished(record):
            return False
        stopping = record.state == "Stopping"
        for step, state in self._running(record):
            self._steps.look(step, state, stopping)
        record = self._read()
        if record is None:
            return False
        if stopping:
            for step, state in self._running(record):
                self._steps.stop(step, state)
        elif "Failed" not in _statuses(record):
            self._start_ready(record)
        record = self._read()
        if record is None:
            return False
        if not list(self._running(record)) and (stopping or not self._has_ready(record)):
            self._finish(record, stopping)
            return False
        return True

    def _has_ready(self, record: Record) -> bool:
        return "Failed" not in _statuses(record) and next(self._ready(record), None) is not None

    def _start_ready(self, record: Record) -> None:
        """Start the steps that are ready, as many as may run at the same time."""
        while not self._closed.is_set() and record.state == "Executing" and "Failed" not in _statuses(record):
            now = self._components.clock.real()
            running = list(self._running(record))
            due = [step for step, state in running if state.get("retry_at") and state["retry_at"] <= now]
            free = len(running) < record.inner.get("parallel", len(running) + 1)
            step = due[0] if due else next(self._ready(record), None) if free else None
            if step is None:
                return
            self._steps.start(step, record)
            again = self._read()
            if again is None:
                return
            record = again

    def _ready(self, record: Record) -> Iterator[PipelineStep]:
        """Yield the steps that have not started and whose needs have succeeded."""
        states = steps_of(record)
        only = record.inner.get("only")
        for step in self._definition.steps.values():
            if step.name in states or (only is not None and step.name not in only):
                continue
            needs = step.needs if only is None else step.needs & {*only, *states}
            if all(states.get(other, {}).get("status") == "Succeeded" for other in needs) and _is_taken(step, states):
                yield step

    def _running(self, record: Record) -> Iterator[tuple[PipelineStep, Mapping[str, Any]]]:
        for name, state in steps_of(record).items():
            if state["status"] in RUNNING:
                yield self._definition.steps[name], state

    def _finish(self, record: Record, stopping: bool) -> None:
        if stopping:
            self._change("Stopped")
        elif "Failed" in _statuses(record):
            self._change("Failed", FailureReason=FAILED)
        else:
            self._change("Succeeded")

    def _pause(self) -> float:
        record = self._read()
        moments = [state["retry_at"] for _, state in self._running(record) if state.get("retry_at")] if record else []
        now = self._components.clock.real()
        return float(min([_LONGEST_WAIT, *(max(0.0, moment - now) for moment in moments)]))

    def _read(self) -> Record | None:
        return self._components.records.find(self._key)

    def _change(self, status: str, **members: Any) -> None:
        self._components.records.change(self._key, lambda current: move(current, status, **members))


def _statuses(record: Record) -> set[str]:
    return {state["status"] for state in steps_of(record).values()}


def _is_taken(step: PipelineStep, states: Mapping[str, Any]) -> bool:
    """Say if the branch that a step belongs to is the one that its condition chose."""
    if step.branch is None:
        return True
    condition, outcome = step.branch
    return bool(states.get(condition, {}).get("metadata", {}).get("Condition", {}).get("Outcome") == str(outcome))
