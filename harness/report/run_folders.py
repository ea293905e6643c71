"""The report folders of earlier runs, wherever their reports were written. Reads names and the history only."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from harness.report.history import Past, read_history

REPORTS = "reports"
REPORT = "report.json"


def run_folders(state: Path) -> list[Path]:
    """Folders of runs that still exist, the newest run first. One of a run that was killed has no report.

    They are those in the state folder and those that the history names, which ``--report-dir`` put elsewhere.
    """
    named = {Path(past.report): past.at for past in read_history(state).runs if past.report}
    found = {folder: 0.0 for folder in (state / REPORTS).glob("*/") if folder.is_dir()}
    found |= {folder: at for folder, at in named.items() if folder.is_dir()}
    return sorted(found, key=lambda folder: (found[folder] or _moment(folder), folder.name), reverse=True)


def latest_run(state: Path, scenario: str, profiles: frozenset[str]) -> Past | None:
    """The newest run of a scenario in the history, other than on one of ``profiles``."""
    runs = [past for past in read_history(state).of(scenario) if past.profile not in profiles]
    return max(runs, key=lambda past: past.at, default=None)


def _moment(folder: Path) -> float:
    """When the run began, by the name that ``harness run`` gives a folder; else when it was last changed."""
    try:
        return datetime.strptime(folder.name[:15], "%Y%m%d-%H%M%S").astimezone().timestamp()
    except ValueError:
        return folder.stat().st_mtime
