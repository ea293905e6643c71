"""A scenario's statements on comparisons: ``TOLERANCES`` and ``KNOWN_DIFFERENCES``; read from its file, never run.

TOLERANCES = {"TrainingJob */metrics/*": 1e-3}
KNOWN_DIFFERENCES = {
    "Hour/exit_message": "AWS words it differently",
    "TrainingJob */curves/*": {"reason": "…", "when": {"profile": "local*", "xgboost": "3.0.*"}},
}
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from harness.kernel.errors import ConfigurationError


@dataclass(frozen=True)
class KnownDifference:
    """A difference with its reason. ``when`` are conditions: "profile", or a library, and a pattern for it."""

    reason: str
    when: Mapping[str, str] = field(default_factory=dict)

    def holds(self, profile: str, libraries: Mapping[str, str]) -> bool:
        facts = {**libraries, "profile": profile}
        return all(fnmatchcase(facts.get(name, ""), pattern) for name, pattern in self.when.items())


@dataclass(frozen=True)
class AllowedDifferences:
    tolerances: Mapping[str, float] = field(default_factory=dict)
    known: Mapping[str, KnownDifference] = field(default_factory=dict)

    def reasons(self, profile: str, libraries: Mapping[str, str]) -> dict[str, str]:
        """Return the known differences that hold for a run, with their reasons."""
        return {pattern: known.reason for pattern, known in self.known.items() if known.holds(profile, libraries)}

    def document(self) -> dict[str, Any]:
        return {
            pattern: {"reason": known.reason, "when": dict(known.when)} if known.when else known.reason
            for pattern, known in self.known.items()
        }


def concessions_of(file: Path) -> AllowedDifferences:
    """``ConfigurationError`` says what a statement should look like."""
    tolerances, known = (_read_constant(file, name) for name in ("TOLERANCES", "KNOWN_DIFFERENCES"))
    for pattern, value in tolerances.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            problem = f"TOLERANCES[{pattern!r}] must be a number from 0 on, not {value!r}"
            raise ConfigurationError(file.name, problem, key="TOLERANCES")
    return AllowedDifferences(
        {pattern: float(value) for pattern, value in tolerances.items()},
        {pattern: _parse_known(file, pattern, value) for pattern, value in known.items()},
    )


def _parse_known(file: Path, pattern: str, value: Any) -> KnownDifference:
    entry = {"reason": value} if isinstance(value, str) else value
    if isinstance(entry, dict) and set(entry) <= {"reason", "when"}:
        reason, when = entry.get("reason"), entry.get("when", {})
        fits = isinstance(when, dict) and all(isinstance(word, str) for pair in when.items() for word in pair)
        if isinstance(reason, str) and reason.strip() and fits:
            return KnownDifference(reason.strip(), when)
    raise ConfigurationError(
        file.name,
        f'KNOWN_DIFFERENCES[{pattern!r}] must be a reason, or {{"reason": "…", "when": {{"profile" or a '
        f"library: a pattern}}}}, not {value!r}",
        key="KNOWN_DIFFERENCES",
    )


def _read_constant(file: Path, name: str) -> dict[str, Any]:
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=variable)], value=value) if variable == name:
                pass
            case ast.AnnAssign(target=ast.Name(id=variable), value=ast.expr() as value) if variable == name:
                pass
            case _:
                continue
        try:
            stated = ast.literal_eval(value)
        except ValueError:
            stated = None
        if isinstance(stated, dict) and all(isinstance(pattern, str) for pattern in stated):
            return stated
        raise ConfigurationError(file.name, f"{name} must be a constant dict of patterns, written out", key=name)
    return {}
