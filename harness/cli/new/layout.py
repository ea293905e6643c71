"""The files of ``harness new``: ``scenarios/NAME.py`` and ``fixtures/NAME/``, from the templates beside this file."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from harness.cli.new.tables import Table, Unusable
from harness.profiles.scenarios import FOLDER

FIXTURES = "fixtures"
_METRICS = {"binary:logistic": "logloss", "multi:softmax": "mlogloss", "reg:squarederror": "rmse"}
_MADE_UP = Table(Path(), "late", (), {}, "binary:logistic", 2, 1.38)


@dataclass(frozen=True)
class ScenarioTemplate:
    """``table`` None is for the made-up one."""

    name: str
    sdk: str
    table: Table | None


def write_starter(root: Path, starter: ScenarioTemplate) -> list[Path]:
    """The files, in the order a person would read them. Nothing that exists is touched."""
    scenario, folder = root / FOLDER / f"{starter.name}.py", root / FIXTURES / starter.name
    for path in (scenario, folder):
        if path.exists():
            existing = path.relative_to(root)
            raise Unusable(f"{existing} exists, and is not overwritten: choose another name, or move it away")
    texts = _texts(starter, scenario, folder)
    for file, text in texts.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    written = list(texts)
    if starter.table:
        written.append(Path(shutil.copyfile(starter.table.file, folder / "table.csv")))
    return written


def _texts(starter: ScenarioTemplate, scenario: Path, folder: Path) -> dict[Path, str]:
    templates = Environment(
        loader=PackageLoader("harness.cli.new"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=False,
    )
    learnt = starter.table or _MADE_UP
    values: dict[str, Any] = {
        "name": starter.name,
        "prefix": starter.name.replace("_", "-").strip("-"),
        "label": learnt.label,
        "hyperparameters": _hyperparameters(learnt),
        "metric": _METRICS[learnt.objective],
        "worst": f"{learnt.worst:.3g}",
        "table": starter.table,
    }

    def render(template: str) -> str:
        return templates.get_template(template).render(values)

    texts = {scenario: render(f"scenario_{starter.sdk}.py.jinja"), folder / "README.md": render("README.md.jinja")}
    if starter.table is None:
        return texts | {folder / "make.py": render("make_up.py.jinja")}
    schema = json.dumps(starter.table.schema, indent=2, ensure_ascii=False) + "\n"
    return texts | {folder / "make.py": render("make_from_table.py.jinja"), folder / "schema.json": schema}


def _hyperparameters(table: Table) -> dict[str, Any]:
    values: dict[str, Any] = {"objective": table.objective, "eval_metric": _METRICS[table.objective]}
    if table.objective.startswith("multi:"):
        values["num_class"] = table.classes
    return values | {"num_round": 20, "max_depth": 3, "eta": 0.2}
