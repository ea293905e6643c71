"""The report folders of earlier runs: those in the state folder, and those that the history names."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from harness.report.history import Past, read_history

REPORTS = "reports"
REPORT = "report.json"


def run_folders(state: Path) -> list[Path]:
    """Return the folders of runs that still exist, the newest run first. That of a run that was killed has no report.

    Folders outside the state folder come from ``--report-dir``; the history names them.
    """
    named = {Path(past.report): past.at for past in read_history(state).runs if past.report}
    folders = {folder: 0.0 for folder in (state / REPORTS).glob("*/") if folder.is_dir()}
    folders |= {folder: at for folder, at in named.items() if folder.is_dir()}
    return sorted(folders, key=lambda folder: (folders[folder] or _start_time(folder), folder.name), reverse=True)


def latest_run(state: Path, scenario: str, profiles: frozenset[str]) -> Past | None:
    """Return the newest run of a scenario in the history that was not on one of ``profiles``."""
    runs = [past for past in read_history(state).of(scenario) if past.profile not in profiles]
    return max(runs, key=lambda past: past.at, default=None)


def _start_time(folder: Path) -> float:
    """Return when the run started by the name of its folder, else when the folder was last changed."""
    try:
        return datetime.strptime(folder.name[:15], "%Y%m%d-%H%M%S").astimezone().timestamp()
    except ValueError:
        return folder.stat().st_mtime
