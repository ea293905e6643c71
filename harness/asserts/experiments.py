"""Expectations on experiments: a run has these parameters and metrics; the table of all runs."""

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
        """A run (trial component) of an experiment, by its own or its display name; returns its description.

        ``parameters`` are values it must have, ``metrics`` the bounds of last values. AWS takes metrics in with delay.
        """
        last: dict[str, Any] = {}

        def there() -> bool:
            last.update(self._component(experiment, run))
            return bool(last) and not _missing(last, parameters or {}, metrics or {})

        self._waited(there, self._session.patience if seconds is None else seconds, lambda: True)
        told = f"{experiment} has a run {run}"
        if not last:
            names = ", ".join(
                each.get("DisplayName", each["TrialComponentName"]) for each in self._summaries(experiment)
            )
            self.fail(told, f"it has {names or 'none'}")
        wrong = _missing(last, parameters or {}, metrics or {})
        stated = ", ".join([*(parameters or {}), *(metrics or {})])
        evidence = "\n".join([*wrong, last_answer("describe_trial_component", last)])
        self.that(not wrong, f"{told} with {stated}" if stated else told, evidence)
        return last

    def experiment_table(self, experiment: str, title: str = "") -> list[dict[str, Any]]:
        """One row for each run, its parameters and last metrics, shown in the report; at least one run is expected."""
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
    given, last = _parameters(component), _last_metrics(component)
    wrong = [
        f"  parameter {name}: expected {want!r}, found {given.get(name)!r}"
        for name, want in parameters.items()
        if name not in given or not _same(given[name], want)
    ]
    wrong += [
        f"  metric {name}: expected {low:g} to {high:g}, found {last.get(name)!r}"
        for name, (low, high) in metrics.items()
        if name not in last or not low <= last[name] <= high
    ]
    return wrong


def _same(found: Any, wanted: Any) -> bool:
    """The service keeps numbers as numbers and everything else as text, as which SDKs send hyperparameters, too."""
    return bool(found == wanted) or str(found) == str(wanted) or str(found).strip('"') == str(wanted)


def _parameters(component: Mapping[str, Any]) -> dict[str, Any]:
    return {name: next(iter(value.values())) for name, value in component.get("Parameters", {}).items()}


def _last_metrics(component: Mapping[str, Any]) -> dict[str, float]:
    return {each["MetricName"]: float(each["Last"]) for each in component.get("Metrics", []) if "Last" in each}


def _row(component: Mapping[str, Any]) -> dict[str, Any]:
    name = component.get("DisplayName") or component["TrialComponentName"]
    return {"Run": name, **_parameters(component), **_last_metrics(component)}
