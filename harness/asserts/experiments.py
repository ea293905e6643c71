"""Expectations on experiments: the parameters and metrics of a run, and the table of all runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.asserts.evidence import last_answer
from harness.asserts.expectation import Expectation

Bounds = tuple[float, float]


class Experiments(Expectation):
    def experiment_run(
        self,
        experiment: str,
        run: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        metrics: Mapping[str, Bounds] | None = None,
        seconds: float | None = None,
    ) -> dict[str, Any]:
        """Expect a run (trial component) of an experiment, by its name or display name; return its description.

        ``parameters`` are the values that it must have, ``metrics`` the bounds of its last values. AWS stores metrics
        with a delay, so this waits for them.
        """
        last: dict[str, Any] = {}

        def complete() -> bool:
            last.update(self._component(experiment, run))
            return bool(last) and not _missing(last, parameters or {}, metrics or {})

        self._wait_for(complete, self._session.patience if seconds is None else seconds, lambda: True)
        expectation = f"{experiment} has a run {run}"
        if not last:
            names = ", ".join(
                each.get("DisplayName", each["TrialComponentName"]) for each in self._summaries(experiment)
            )
            self.fail(expectation, f"it has {names or 'none'}")
        wrong = _missing(last, parameters or {}, metrics or {})
        stated = ", ".join([*(parameters or {}), *(metrics or {})])
        evidence = "\n".join([*wrong, last_answer("describe_trial_component", last)])
        self.that(not wrong, f"{expectation} with {stated}" if stated else expectation, evidence)
        return last

    def experiment_table(self, experiment: str, title: str = "") -> list[dict[str, Any]]:
        """Expect at least one run; show a table of all runs, their parameters and last metrics in the report."""
        rows = [_row(self._described_component(each["TrialComponentName"])) for each in self._summaries(experiment)]
        self.that(bool(rows), f"{experiment} has runs", "list_trial_components lists none")
        columns = list(dict.fromkeys(column for row in rows for column in row))
        cells = [[row.get(column) for column in columns] for row in rows]
        self._session.show("table", title or f"Runs of {experiment}", columns=columns, rows=cells, compared=False)
        return rows

    def _component(self, experiment: str, run: str) -> dict[str, Any]:
        names = {run, f"{experiment}-{run}".lower(), f"{experiment}-{run}"}
        for each in self._summaries(experiment):
            if each["TrialComponentName"] in names or each.get("DisplayName") == run:
                return self._described_component(each["TrialComponentName"])
        return {}

    def _described_component(self, name: str) -> dict[str, Any]:
        ask = self._session.client("sagemaker").describe_trial_component
        description: dict[str, Any] = ask(TrialComponentName=name)
        return description

    def _summaries(self, experiment: str) -> Iterator[dict[str, Any]]:
        pages = self._session.client("sagemaker").get_paginator("list_trial_components")
        for page in pages.paginate(ExperimentName=experiment):
            yield from page["TrialComponentSummaries"]


def _missing(component: Mapping[str, Any], parameters: Mapping[str, Any], metrics: Mapping[str, Bounds]) -> list[str]:
    actual, last = _parameters(component), _last_metrics(component)
    wrong = [
        f"  parameter {name}: expected {want!r}, found {actual.get(name)!r}"
        for name, want in parameters.items()
        if name not in actual or not _same(actual[name], want)
    ]
    wrong += [
        f"  metric {name}: expected {low:g} to {high:g}, found {last.get(name)!r}"
        for name, (low, high) in metrics.items()
        if name not in last or not low <= last[name] <= high
    ]
    return wrong


def _same(actual: Any, expected: Any) -> bool:
    """Compare parameters, also as text: SageMaker stores all values but numbers as text, as SDKs send them."""
    return bool(actual == expected) or str(actual) == str(expected) or str(actual).strip('"') == str(expected)


def _parameters(component: Mapping[str, Any]) -> dict[str, Any]:
    return {name: next(iter(value.values())) for name, value in component.get("Parameters", {}).items()}


def _last_metrics(component: Mapping[str, Any]) -> dict[str, float]:
    return {each["MetricName"]: float(each["Last"]) for each in component.get("Metrics", []) if "Last" in each}


def _row(component: Mapping[str, Any]) -> dict[str, Any]:
    name = component.get("DisplayName") or component["TrialComponentName"]
    return {"Run": name, **_parameters(component), **_last_metrics(component)}
