"""Validation of a job's hyperparameters, in the container's order: aliases, required, parse, range, dependencies."""

from __future__ import annotations

from typing import Any

from .dependencies import check_dependencies
from .errors import UserError
from .hyperparameter_table import ALIASES, hyperparameter_table
from .versions import Version


def validate_hyperparameters(given: dict[str, Any], version: Version) -> dict[str, Any]:
    table = hyperparameter_table(version)
    texts = {ALIASES.get(name, name): text for name, text in given.items()}
    for name, row in table.items():
        if row.required and name not in texts:
            raise UserError("Missing required hyperparameter: {}".format(name))
    values = {}
    for name, text in texts.items():
        if name not in table:
            raise UserError("Extraneous hyperparameter found: {}".format(name))
        values[name] = table[name].parse_text(text)
    for name, value in values.items():
        table[name].check(value)
    check_dependencies(values, version)
    return values
