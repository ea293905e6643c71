"""What tests did the last time they went well: their sessions' events, kept so that they can be planned on AWS."""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.promotion.plan import RunPlan, learned_plan
from harness.promotion.teardown.run import STEP
from harness.scenario.run_folder import EVENTS, RunFolder

if TYPE_CHECKING:
    from harness.promotion.destination import Destination
    from harness.pytest_plugin.places import SagemakerHarness


def describe(place: SagemakerHarness) -> None:
    """Asks how long things took, while they exist. What cannot be asked is not kept, and no fault of the tests."""
    if place.went_well:
        try:
            place.session.collect()
        except Exception:
            place.outcomes.clear()


class Rehearsals:
    """One folder for the tests that had one place together, so usually for each test; the last time replaces others."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, place: SagemakerHarness, on_aws: bool = False) -> None:
        if not place.went_well:
            return
        tests, now = sorted(place.outcomes), time.time()
        more: list[Mapping[str, Any]] = [{"event": "end", "at": now, "passed": True, "tests": tests}]
        if on_aws:  # by this step a run on AWS is known
            more.insert(0, {"event": "step", "name": STEP, "state": "passed", "at": now})
        kept = self._folder / hashlib.sha256("\n".join(tests).encode()).hexdigest()[:16] / EVENTS
        draft = kept.with_name(f"{EVENTS}.{secrets.token_hex(4)}")
        told = RunFolder(place.folder).events.read_text(encoding="utf-8")
        with contextlib.suppress(OSError):  # a convenience for later: no test fails for it
            kept.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(told + "".join(json.dumps(each) + "\n" for each in more), encoding="utf-8")
            draft.replace(kept)

    def plans(self, tests: Iterable[str], destination: Destination) -> list[RunPlan]:
        """Of all these tests; one that was never kept has a plan that knows nothing."""
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
            with contextlib.suppress(ValueError, KeyError, IndexError):  # not written by us
                known.update((test, file) for test in json.loads(file.read_text("utf-8").splitlines()[-1])["tests"])
        return known
