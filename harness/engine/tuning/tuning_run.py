"""``TuningRun``: one tuning job from its start to its end, in a thread of its own.

A round reports the training jobs that have ended to the search, decides whether the tuning job is finished, starts
further training jobs, and waits until a record changes.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from harness.contract.tuning import TuningDefinition, definitions_of, training_job_name, training_request
from harness.engine.components import Components
from harness.engine.jobs.job_run import JobRun
from harness.engine.lifecycle import is_unfinished, move
from harness.engine.tuning.early_stopping import is_worse_than_median
from harness.engine.tuning.records import (
    KIND,
    TRAINING_KIND,
    best_of,
    counters,
    definition_named,
    jobs_of,
    summaries,
    training_key,
    with_job,
)
from harness.engine.tuning.search import HyperparameterSearch
from harness.kernel.errors import ApiError
from harness.kernel.records import Key, Record
from harness.stores.records import RecordMissing

Call = Callable[[str, str, str, Mapping[str, Any]], Mapping[str, Any]]
"""The port: ``(account, region, operation, request)`` -> answer; raises ``ApiError``."""
FindRun = Callable[[Key], JobRun | None]
"""The run of a training job that waits or runs."""

ALL_FAILED = (
    "All training jobs failed. Please take a look at the training jobs failures to get more details."  # as AWS words it
)
NO_OBJECTIVE = (
    "No objective metrics found after running {} training jobs. Please ensure that the custom algorithm is emitting "
    "the objective metric as defined by the regular expression provided."
)
_PATIENCE = 5
"""Training jobs without the objective after which a tuning job gives up."""
_IMPROVEMENT = 0.01
"""An improvement of the best objective by less than this share counts as none (developer guide)."""
_LONGEST_WAIT = 5.0
_LOOK = 0.2
"""Seconds between two looks at the metrics of running jobs, where they may be stopped early."""
_RUNNING = ("InProgress", "Stopping")


class TuningRun:
    def __init__(
        self, components: Components, call: Call, find_run: FindRun, key: Key, closed: threading.Event
    ) -> None:
        self._components = components
        self._call = call
        self._find_run = find_run
        self._key = key
        self._closed = closed
        self.changed = threading.Event()
        self._searches: dict[str, HyperparameterSearch] = {}
        self._seen: set[str] = set()
        """The training jobs whose end has been reported to the search."""
        self._runs: dict[str, JobRun] = {}
        """The runs of the training jobs, where they may be stopped early: their metrics stay readable after the end."""
        self._judged: dict[str, int] = {}
        """The number of epochs of each training job that early stopping has looked at."""
        self._ending: tuple[str, str] | None = None
        """The final status and failure reason, once the tuning job is to end."""
        self._exhausted = False
        self._not_improving = 0

    def run(self) -> None:
        """Run the tuning job to its end, or until the emulator ends or the record is deleted."""
        record = self._record()
        if not is_unfinished(record):
            return
        self._config = record.spec["HyperParameterTuningJobConfig"]
        self._definitions = definitions_of(record.spec)
        self._searches = {each.name: HyperparameterSearch(each, self._config) for each in self._definitions}
        self._add_parents(record)
        unsubscribe = self._components.records.subscribe(self._see)
        try:
            while not self._closed.is_set():
                self.changed.clear()
                if not self._advance():
                    return
                self.changed.wait(self._pause())
        finally:
            unsubscribe()

    def _record(self) -> Record:
        record = self._components.records.find(self._key)
        if record is None:
            raise RecordMissing(self._key)
        return record

    def _see(self, key: Key, record: Record | None) -> None:
        ours = key == self._key or (key.kind == TRAINING_KIND and key.name.startswith(f"{self._key.name}-"))
        if ours and (record is None or key == self._key or not is_unfinished(record)):
            self.changed.set()

    def _add_parents(self, record: Record) -> None:
        """Report the results of the parents of a warm start to the searches."""
        for trainings in _trainings_of_parents(self._components, record):
            for each in trainings:
                if each["ObjectiveStatus"] == "Succeeded":
                    value = each["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
                    for search in self._searches.values():
                        search.add_result(each["TunedHyperParameters"], value)

    def _advance(self) -> bool:
        """Do what can be done now; return False when the tuning job has ended."""
        record = self._record()
        trainings = summaries(self._components.records, record)
        running = [each["TrainingJobName"] for each in trainings if each["TrainingJobStatus"] in _RUNNING]
        self._report(record, trainings)
        if record.state == "Stopping":
            self._ending = ("Stopped", "")
        elif self._ending is None:
            self._ending = self._find_end(record, trainings, running)
        if self._ending is not None:
            self._stop(running)
            if not running:
                self._settle(*self._ending)
                return False
            return True
        self._stop_hopeless(record, running)
        return self._start(record, len(running))

    def _report(self, record: Record, trainings: list[dict[str, Any]]) -> None:
        """Tell the searches of the training jobs that have ended since the last round."""
        for each in trainings:
            name = each["TrainingJobName"]
            if each["TrainingJobStatus"] in _RUNNING or name in self._seen:
                continue
            self._seen.add(name)
            final = each.get("FinalHyperParameterTuningJobObjectiveMetric", {}).get("Value")
            job = next(job for job in jobs_of(record) if job["name"] == name)
            before = self._best_before(trainings, name)
            self._searches[job["definition"]].tell(name, final)
            if final is not None and before is not None:
                gain = (final - before) * (1 if self._definitions[0].maximize else -1)
                self._not_improving = 0 if gain > abs(before) * _IMPROVEMENT else self._not_improving + 1

    def _best_before(self, trainings: list[dict[str, Any]], name: str) -> float | None:
        values = [
            each["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
            for each in trainings
            if each["TrainingJobName"] in self._seen - {name} and each["ObjectiveStatus"] == "Succeeded"
        ]
        return (max(values) if self._definitions[0].maximize else min(values)) if values else None

    def _find_end(self, record: Record, trainings: list[dict[str, Any]], running: list[str]) -> tuple[str, str] | None:
        """Return final status and failure reason if the tuning job is to end now."""
        ended = [each for each in trainings if each["TrainingJobStatus"] not in _RUNNING]
        scored = [each for each in ended if each["ObjectiveStatus"] == "Succeeded"]
        complete = not running and (self._exhausted or len(trainings) >= self._most_jobs())
        if ended and not scored and (complete or len(ended) >= _PATIENCE):
            if all(each["TrainingJobStatus"] == "Failed" for each in ended):
                return ("Failed", ALL_FAILED) if complete else None
            return "Failed", NO_OBJECTIVE.format(len(ended))
        if complete or self._time_left(record) <= 0 or self._has_reached_goal(best_of(record, trainings)):
            return "Completed", ""
        return None

    def _has_reached_goal(self, best: Mapping[str, Any] | None) -> bool:
        criteria = self._config.get("TuningJobCompletionCriteria", {})
        target = criteria.get("TargetObjectiveMetricValue")
        if best is not None and target is not None:
            value = best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
            if value >= target if self._definitions[0].maximize else value <= target:
                return True
        most = criteria.get("BestObjectiveNotImproving", {}).get("MaxNumberOfTrainingJobsNotImproving")
        return most is not None and self._not_improving >= most

    def _most_jobs(self) -> float:
        return float(self._config["ResourceLimits"].get("MaxNumberOfTrainingJobs", "inf"))

    def _time_left(self, record: Record) -> float:
        limit = self._config["ResourceLimits"].get("MaxRuntimeInSeconds", float("inf"))
        return float(limit) - (self._components.clock.real() - record.created)

    def _pause(self) -> float:
        longest = _LOOK if self._stops_early() else _LONGEST_WAIT
        return max(0.01, min(longest, self._time_left(self._record())))

    def _stops_early(self) -> bool:
        """Return whether the metrics of running training jobs are watched."""
        if self._config["Strategy"] == "Hyperband":
            return True
        return bool(self._config.get("TrainingJobEarlyStoppingType") == "Auto")

    def _start(self, record: Record, running: int) -> bool:
        """Start training jobs up to the limits; return False if the tuning job failed because one was refused."""
        while running < self._config["ResourceLimits"]["MaxParallelTrainingJobs"] and not self._exhausted:
            number = len(jobs_of(record)) + 1
            if number > self._most_jobs():
                return True
            definition = self._definitions[(number - 1) % len(self._definitions)]
            name = training_job_name(self._key.name, number, secrets.token_hex(4))
            values = self._searches[definition.name].ask(name)
            if values is None:
                self._exhausted = True
                self.changed.set()
                return True
            try:
                record = self._create(record, definition, name, values)
            except ApiError as error:
                self._ending = ("Failed", f"{error.code}: {error.message}")
                self.changed.set()
                return True
            running += 1
        return True

    def _create(self, record: Record, definition: TuningDefinition, name: str, values: Mapping[str, str]) -> Record:
        tags = {"Tags": record.spec["Tags"]} if record.spec.get("Tags") else {}
        request = {**training_request(definition, name, values), **tags}
        self._call(self._key.account, self._key.region, "CreateTrainingJob", request)
        run = self._find_run(training_key(record, name))
        if run is not None and self._stops_early():
            self._runs[name] = run
        records = self._components.records
        records.change(
            training_key(record, name),
            lambda training: replace(training, status={**training.status, "TuningJobArn": record.arn}),
        )
        return records.change(self._key, lambda current: with_job(current, name, definition.name, values))

    def _stop(self, names: list[str]) -> None:
        for name in names:
            training = self._components.records.find(self._key._replace(kind=TRAINING_KIND, name=name))
            if training is not None and training.state == "InProgress":
                self._call_stop(name)

    def _call_stop(self, name: str) -> None:
        try:
            self._call(self._key.account, self._key.region, "StopTrainingJob", {"TrainingJobName": name})
        except ApiError:  # it ended in the meantime
            self.changed.set()

    def _stop_hopeless(self, record: Record, running: list[str]) -> None:
        """Stop the training jobs that Hyperband or the median rule gives up."""
        if not self._stops_early():
            return
        automatic = self._config.get("TrainingJobEarlyStoppingType") == "Auto"
        of_jobs = {job["name"]: definition_named(record, job["definition"]) for job in jobs_of(record)}
        earlier = [self._values(name, of_jobs[name].metric) for name in self._seen]
        for name in running:
            definition = of_jobs[name]
            values = self._values(name, definition.metric)
            epochs = range(self._judged.get(name, 0) + 1, len(values) + 1)
            self._judged[name] = len(values)
            if any(
                self._searches[definition.name].should_stop(name, values[:epoch])
                or (automatic and is_worse_than_median(values[:epoch], earlier, definition.maximize))
                for epoch in epochs
            ):
                self._call_stop(name)

    def _values(self, name: str, metric: str) -> list[float]:
        """Return the values of a metric that a training job has printed so far, one for each epoch."""
        metrics = self._runs[name].metrics if name in self._runs else None
        return [point.value for point in metrics.points() if point.name == metric] if metrics is not None else []

    def _settle(self, status: str, reason: str) -> None:
        now = self._components.clock.real()

        def change(record: Record) -> Record:
            trainings = summaries(self._components.records, record)
            return move(
                record,
                status,
                **final_members(self._components, record, trainings, now),
                TuningJobCompletionDetails={"NumberOfTrainingJobsObjectiveNotImproving": self._not_improving},
                **({"FailureReason": reason} if reason else {}),
            )

        self._components.records.change(self._key, change)


def final_members(
    components: Components, record: Record, trainings: list[dict[str, Any]], now: float
) -> dict[str, Any]:
    """Return the members that a tuning job has at its end."""
    best = best_of(record, trainings)
    members: dict[str, Any] = {
        **counters(trainings),
        "HyperParameterTuningEndTime": now,
        "ConsumedResources": {"RuntimeInSeconds": max(1, round(now - record.created))},
    }
    if best is not None:
        members["BestTrainingJob"] = best
    if record.spec.get("WarmStartConfig", {}).get("WarmStartType") == "IdenticalDataAndAlgorithm":
        parents = [each for every in _trainings_of_parents(components, record) for each in every]
        overall = best_of(record, [*parents, *trainings])
        if overall is not None:
            members["OverallBestTrainingJob"] = {"TuningJobName": record.name, **overall}
    return members


def _trainings_of_parents(components: Components, record: Record) -> Iterator[list[dict[str, Any]]]:
    for parent in record.spec.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs", []):
        name = parent["HyperParameterTuningJobName"]
        found = components.records.find(record.key._replace(kind=KIND, name=name))
        if found is not None:
            trainings = summaries(components.records, found)
            yield [{**each, "TuningJobName": name} for each in trainings]
