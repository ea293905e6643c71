"""Where the reports of earlier runs are: in the state folder, or where --report-dir put them."""

from __future__ import annotations

import json
from pathlib import Path

from harness.report.history import FILE
from harness.report.run_folders import latest_run, run_folders


def wrote(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "report.json").write_text("{}")
    return folder


def past(folder: Path, at: float, profile: str = "local") -> str:
    return json.dumps(
        {
            "run": "r",
            "at": at,
            "profile": profile,
            "scenario": "it",
            "passed": True,
            "seconds": 1.0,
            "report": str(folder),
        }
    )


def test_folders_of_the_history_are_found_wherever_they_are_and_the_newest_is_first(tmp_path: Path) -> None:
    state = tmp_path / ".harness"
    old, elsewhere = wrote(state / "reports" / "20260101-000000"), wrote(tmp_path / "out")
    gone = tmp_path / "gone"
    (state / FILE).write_text("\n".join([past(old, 10.0), past(elsewhere, 20.0), past(gone, 30.0, "aws")]) + "\n")
    assert run_folders(state) == [elsewhere, old]
    newest = latest_run(state, "it", frozenset(["aws"]))
    assert newest is not None
    assert newest.report == str(elsewhere)
    assert latest_run(state, "other", frozenset()) is None
