"""The events of the last passing run of each test, kept so that tests can be planned on AWS."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from harness.promotion.plan import RunPlan, learned_plan
from harness.promotion.teardown.run import STEP
from harness.scenario.events import EndEvent, Event, StepEvent, format_event, read_events
from harness.scenario.run_folder import EVENTS, RunFolder

if TYPE_CHECKING:
    from harness.promotion.destination import Destination
    from harness.pytest_plugin.emulator_target import SagemakerHarness


def describe(harness: SagemakerHarness) -> None:
    """Record the descriptions of what a test created, while it exists. When that fails, nothing is kept."""
    if harness.went_well:
        try:
            harness.session.collect()
        except Exception:
            harness.outcomes.clear()


class Rehearsals:
    """One folder of events for the tests that shared a fixture, usually a single test; the last run replaces others."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, harness: SagemakerHarness, on_aws: bool = False) -> None:
        """Keep the events of tests that went well."""
        if not harness.went_well:
            return
        tests = sorted(harness.outcomes)
        more: list[Event] = [EndEvent(passed=True, tests=tests)]
        if on_aws:  # this step identifies a run on AWS
            more.insert(0, StepEvent(name=STEP, state="passed"))
        kept = self._folder / hashlib.sha256("\n".join(tests).encode()).hexdigest()[:16] / EVENTS
        draft = kept.with_name(f"{EVENTS}.{secrets.token_hex(4)}")
        written = RunFolder(harness.folder).events.read_text(encoding="utf-8")
        with contextlib.suppress(OSError):  # a convenience for later: no test fails for it
            kept.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(written + "".join(format_event(each) + "\n" for each in more), encoding="utf-8")
            draft.replace(kept)

    def plans(self, tests: Iterable[str], destination: Destination) -> list[RunPlan]:
        """Make the plans of tests; that of a test without a recording is empty."""
        known, plans = self._newest(), dict[str, RunPlan]()
        for test in tests:
            file = known.get(test)
            if file is None:
                plans[test] = RunPlan(test, (), (), None, command=f"pytest '{test}'")
            else:
                plans[str(file)] = learned_plan(test, file, file.parent, destination)
        return list(plans.values())

    def _newest(self) -> dict[str, Path]:
        known: dict[str, Path] = {}
        for file in sorted(self._folder.glob(f"*/{EVENTS}"), key=lambda each: each.stat().st_mtime):
            ends = [event for event in read_events(file) if isinstance(event, EndEvent)]
            known.update((test, file) for end in ends for test in end.tests)
        return known
