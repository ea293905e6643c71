"""The recognition of scenario files and of tests that use harness. Cheap, as it sees all tests of all projects."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = "scenarios"


def uses_harness(item: pytest.Item) -> bool:
    """Every fixture of harness stands on this one; tests without it are none of our business."""
    return "sagemaker_harness" in getattr(item, "fixturenames", ())


def is_scenario(file: Path, session: pytest.Session) -> bool:
    """Return True for a scenario: in its folder or on the command line, with ``SDK`` and ``run(session)``."""
    if file.suffix != ".py" or not (file.parent.name == FOLDER or session.isinitpath(file)):
        return False
    # As ``harness.profiles.scenarios.is_private``, which costs a second to import.
    if file.name.startswith(("_", "test_")) or file.name == "conftest.py":
        return False
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    return all(any(line.startswith(beginning) for line in lines) for beginning in ("SDK", "def run("))
