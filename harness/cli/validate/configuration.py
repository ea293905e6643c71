"""``harness.toml``: its tables, settings, images and profiles, each as the command that uses it would read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from harness.cli.validate.findings import ValidationFinding
from harness.kernel.errors import ConfigurationError, StateError
from harness.profiles import find_profile
from harness.profiles.target import RunRequest
from harness.settings import FILE, PREFIX, ProjectFile, load_settings, read_project


def check_configuration(root: Path) -> Iterator[ValidationFinding]:
    """Check the file as a whole, and if that is right, each profile."""
    try:
        project = read_project(root)
    except StateError as error:
        yield _finding(root, error)
        return
    try:
        settings = load_settings(root)
    except StateError as error:  # the file is right by itself
        yield ValidationFinding(f"{PREFIX}* variables", 0, error.problem, error.remedy or "correct the environment")
        return
    for name in project.profiles:
        try:
            find_profile(name, RunRequest(settings, root))
        except StateError as error:
            yield _finding(root, error, f"[profiles.{name}]")


def project_file(root: Path) -> ProjectFile:
    """Return the parsed project file, or an empty one if it is unreadable (``check_configuration`` reports that)."""
    try:
        return read_project(root)
    except StateError:
        return ProjectFile()


def _finding(root: Path, error: StateError, table: str = "") -> ValidationFinding:
    line = _line(root / FILE, error, table) if isinstance(error, ConfigurationError) else 0
    return ValidationFinding(FILE, line, error.problem, error.remedy or "correct the file")


def _line(file: Path, error: ConfigurationError, table: str) -> int:
    """Return the line of the key that the error names, in its table if it is of one; else the line of that table."""
    if error.line:
        return error.line
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.exists() else []
    start = next((number for number, line in enumerate(lines) if table and line.strip() == table), 0)
    for number, line in enumerate(lines[start:], start + 1):
        if error.key and re.match(rf"\s*\[?[\"']?{re.escape(error.key)}[\"']?\s*[=\]]", line):
            return number
    return start + 1 if table and lines else 0
