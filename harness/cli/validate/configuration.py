"""``harness.toml``: its tables, settings, images and profiles, each as the command that uses it would read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from harness.cli.validate.findings import ValidationFinding
from harness.kernel.errors import StateError
from harness.profiles import find_profile
from harness.profiles.target import RunRequest
from harness.settings import FILE, PREFIX, ProjectFile, load_settings, read_project

_NAMED = (r"'([^']+)'", r"(\w+) must be", r"\[([\w.]+)\]")
"""How a message names a key or a table, the more telling first."""


def check_configuration(root: Path) -> Iterator[ValidationFinding]:
    """A file that cannot be read as a whole gives one finding; else each profile is looked at by itself."""
    try:
        project = read_project(root)
    except StateError as error:
        yield _finding(root, error)
        return
    try:
        settings = load_settings(root)
    except StateError as error:  # the file is right by itself
        yield ValidationFinding(f"{PREFIX}* variables", 0, str(error), "correct the environment")
        return
    for name in project.profiles:
        try:
            find_profile(name, RunRequest(settings, root))
        except StateError as error:
            yield _finding(root, error, f"[profiles.{name}]")


def project_file(root: Path) -> ProjectFile:
    """Read the file; return nothing where it cannot be read, as another finding says so."""
    try:
        return read_project(root)
    except StateError:
        return ProjectFile()


def _finding(root: Path, error: StateError, table: str = "") -> ValidationFinding:
    problem, _, remedy = str(error).removeprefix(f"{FILE}: ").removeprefix(f"{FILE} ").partition("; ")
    return ValidationFinding(FILE, _line(root / FILE, str(error), table), problem, remedy or "correct the file")


def _line(file: Path, problem: str, table: str) -> int:
    """Find the line of the first name in the message, within its table if it has one."""
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.exists() else []
    if found := re.search(r"at line (\d+)", problem):
        return int(found[1])
    start = next((number for number, line in enumerate(lines) if table and line.strip() == table), 0)
    for name in (name for pattern in _NAMED for name in re.findall(pattern, problem)):
        for number, line in enumerate(lines[start:], start + 1):
            if re.match(rf"\s*\[?[\"']?{re.escape(name)}[\"']?\s*[=\]]", line):
                return number
    return start + 1 if table and lines else 0
