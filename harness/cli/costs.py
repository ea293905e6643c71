"""The cost of a run on AWS, real or estimated, as evidence for its report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from harness.promotion.cost.estimate import estimator, find_unpriced, total
from harness.promotion.cost.prices import PriceTable
from harness.promotion.destination import Destination
from harness.promotion.plan import recorded_plan
from harness.report.model import Evidence
from harness.scenario.run_folder import RunFolder

KIND = "cost"


@dataclass(frozen=True)
class Costs:
    """``destination`` is where the run really was; None when only its machines are stated."""

    prices: PriceTable
    destination: Destination | None = None

    def evidence(self, scenario: str, folder: Path) -> Evidence | None:
        """``folder`` holds the scenario's own; nothing for a scenario that used no machine."""
        if not RunFolder(folder / scenario).events.exists():
            return None
        plan = recorded_plan(scenario, folder, self.destination)
        costs = estimator(self.prices, self.destination).costs(plan)
        if not costs:
            return None
        title = "What it cost on AWS, by the price table" if plan.on_aws else "What it would have cost on AWS"
        content = {
            "rows": [asdict(cost) for cost in costs],
            "total": total(costs),
            "prices_of": self.prices.dated,
            "unpriced": find_unpriced(costs),
        }
        return Evidence(KIND, title, None, content)
