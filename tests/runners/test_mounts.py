"""Other host folders below a job's ``/opt/ml``: seen at their place, writable, and nothing else of the host is."""

from __future__ import annotations

from pathlib import Path

from harness.runners.spec import Cause
from tests.runners.conftest import Workbench


def test_folders_and_files_within_each_other(bench: Workbench, tmp_path: Path) -> None:
    host = {name: tmp_path / "host" / name for name in ("output", "data", "train")}
    for folder in host.values():
        folder.mkdir(parents=True)
    (host["train"] / "rows.csv").write_text("1,2")
    (tmp_path / "host" / "config.json").write_text("{}")
    mounts = {
        "/opt/ml/output/data": host["data"],
        "/opt/ml/output": host["output"],
        "/opt/ml/input/data/train": host["train"],
        "/opt/ml/input/config.json": tmp_path / "host" / "config.json",
    }
    command = (
        "cat /opt/ml/input/data/train/rows.csv /opt/ml/input/config.json; touch /opt/ml/output/outer /opt/ml/own;"
        " touch /opt/ml/output/data/inner"
    )
    outcome, text = bench.job("sh", "-c", command, mounts=mounts)
    if bench.roots == "environment":
        assert outcome.cause is Cause.NOT_STARTED
        assert "namespaces" in outcome.message
        return
    assert (outcome.code, text) == (0, "1,2{}")
    assert sorted(path.name for path in host["output"].iterdir()) == ["data", "outer"]
    assert list((host["output"] / "data").iterdir()) == []
    assert (host["output"] / "data").stat().st_mode & 0o700 == 0o700, "whoever reads the output may look into it"
    assert [path.name for path in host["data"].iterdir()] == ["inner"]
    assert (bench.folder / "ml-1" / "own").exists()


def test_two_jobs_at_once_see_their_own(contained: Workbench, tmp_path: Path) -> None:
    runs = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "name").write_text(name)
        command = "sleep 0.3; cat /opt/ml/model/name"
        runs.append(contained.start("sh", "-c", command, mounts={"/opt/ml/model": folder}))
    for (run, output), name in zip(runs, ("one", "two"), strict=True):
        assert run.wait(40)
        assert b"".join(output).decode() == name
