"""``harness run`` in less time: several scenarios at once, only those that failed, jobs that are reused."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from pathlib import Path

import pytest

from harness.clients.emulator_process import find
from harness.kernel.cache import cache_folder
from harness.profiles.scenarios import read
from harness.profiles.workers import next_to_play
from harness.promotion.plan import recorded_plan
from tests.cli.conftest import Project

# Passes only while the other one runs as well.
MEETS = """
import pathlib, time
here = pathlib.Path({folder!r})
with session.step("Meet"):
    (here / session.name).write_text("")
    deadline = time.monotonic() + 20
    while len(list(here.iterdir())) < 2:
        assert time.monotonic() < deadline, "nobody came"
        time.sleep(0.02)
"""


@pytest.fixture
def meeting(project: Project, tmp_path: Path) -> Project:
    (tmp_path / "meeting").mkdir()
    for name in ("two", "one"):
        project.scenario(name, MEETS.format(folder=str(tmp_path / "meeting")))
    return project


def test_scenarios_run_at_the_same_time_and_are_reported_as_chosen(meeting: Project) -> None:
    done = meeting.run("run", "two", "one", "--workers", "2", "--report-dir", "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "one | ✓ Meet" in done.stdout
    assert "two | ✓ Meet" in done.stdout
    report = json.loads((meeting.folder / "out" / "report.json").read_text())
    assert [scenario["name"] for scenario in report["scenarios"]] == ["two", "one"]


def test_a_terminal_shows_them_together(meeting: Project) -> None:
    master, slave = pty.openpty()
    with subprocess.Popen(
        meeting.argv("run", "--workers", "auto" if len(os.sched_getaffinity(0)) > 1 else "2"),
        cwd=meeting.folder, env={**meeting.environment, "TERM": "xterm"}, stdout=slave, stderr=slave,
    ) as process:  # fmt: skip
        os.close(slave)
        shown = b""
        while True:
            try:
                shown += os.read(master, 65536)
            except OSError:
                break
    os.close(master)
    assert process.returncode == 0, shown.decode()
    end = shown.decode().rpartition("\x1b[")[2] if b"\x1b[" in shown else shown.decode()
    assert "passed 2 of 2" in shown.decode()
    assert shown.decode().count("Meet") >= 2, end


def test_ctrl_c_stops_all_of_them_cleanly(project: Project) -> None:
    body = (
        "session.cleanup(lambda: (session.work / 'cleaned').write_text(''))\n"
        "with session.step('Wait'):\n    import time\n    time.sleep(60)\n"
    )
    for name in ("one", "three", "two"):
        project.scenario(name, body)
    argv = project.argv("run", "--workers", "2", "--report-dir", "out")
    with subprocess.Popen(argv, cwd=project.folder, env=project.environment, stdout=subprocess.PIPE) as process:
        events = [project.folder / "out" / name / "events.jsonl" for name in ("one", "three")]
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not all(
            each.exists() and '"Wait"' in each.read_text() for each in events
        ):
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130
    assert all((each.parent / "work" / "cleaned").exists() for each in events)
    report = json.loads((project.folder / "out" / "report.json").read_text())
    assert [(each["name"], each["interrupted"]) for each in report["scenarios"]] == [("one", True), ("three", True)]
    assert find(project.state) is None


def test_those_that_would_disturb_each_other_wait(project: Project) -> None:
    bodies = {
        "clock": "session.advance_clock(3600)",
        "faults": "session.faults.clear()",
        "plain": "pass",
        "scheduled": "session.client('sagemaker').create_monitoring_schedule()",
    }
    found = {}
    for name, body in bodies.items():
        project.scenario(name, body)
        found[name] = read(project.folder / "scenarios" / f"{name}.py")
    everything = [found[name] for name in ("clock", "scheduled", "faults", "plain")]
    assert next_to_play(everything, []) == found["clock"]
    assert next_to_play(everything[1:], [found["clock"]]) == found["plain"]
    assert next_to_play([found["faults"]], [found["plain"]]) is None
    assert next_to_play([found["plain"]], [found["faults"]]) is None
    assert next_to_play([found["faults"]], []) == found["faults"]


def test_only_those_that_failed_last_time(project: Project) -> None:
    project.scenario("good", "pass")
    project.scenario("bad", "assert False")
    assert project.run("run").returncode == 1
    project.scenario("bad", "pass")
    again = project.run("run", "--last-failed")
    assert again.returncode == 0
    assert "passed 1 of 1 scenario" in again.stdout
    none = project.run("run", "--last-failed")
    assert "no previously failed scenarios, running all" in none.stderr
    assert "passed 2 of 2 scenarios" in none.stdout


JOB = """
import time
from tests.cloud import ROLE, SKLEARN
with session.step("Process"):
    client = session.client("sagemaker")
    client.create_processing_job(
        ProcessingJobName=f"job-{session.run_id}",
        AppSpecification={"ImageUri": SKLEARN, "ContainerEntrypoint": ["sleep", "1.5"]},
        RoleArn=ROLE,
        ProcessingResources={
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
    )
    client.get_waiter("processing_job_completed_or_stopped").wait(ProcessingJobName=f"job-{session.run_id}")
"""


def test_jobs_are_reused_from_a_run_on_another_state_folder(project: Project, tmp_path: Path) -> None:
    project.scenario("story", JOB)
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "environments").symlink_to(cache_folder("environments"))
    project.environment["HARNESS_CACHE"] = str(cache)
    reports = []
    for state in ("one", "two", "three"):
        reuse = [] if state == "three" else ["--reuse"]
        done = project.run("run", *reuse, "--state", state, "--report-dir", f"out-{state}")
        assert done.returncode == 0, done.stdout + done.stderr
        assert ("1 job reused" in done.stdout) == (state == "two"), done.stdout
        reports.append(json.loads((project.folder / f"out-{state}" / "report.json").read_text())["scenarios"][0])
    (first,), (second,), (third,) = (report["resources"] for report in reports)
    assert (first["reused_from"], second["reused_from"], third["reused_from"]) == ("", first["name"], "")
    assert second["status"] == "Completed"
    plans = [recorded_plan("story", project.folder / f"out-{state}", None) for state in ("one", "two")]
    (then,), (now,) = ([planned.seconds for planned in plan.resources] for plan in plans)
    assert then
    assert now == pytest.approx(then, abs=1.0), "what it costs is what it takes when it runs"
    assert reports[1]["steps"][1]["reused"] == [second["name"]]
    page = (project.folder / "out-two" / "report.html").read_text()
    assert f"with the result of {first['name']}" in page


CLOUD = """
[profiles.cloud]
kind = "aws"
region = "us-east-1"
account_id = "111122223333"
role = "Role"
"""


@pytest.mark.parametrize("option", [["--reuse"], ["--workers", "2"], ["--keep"], ["--from", "last-good"]])
def test_what_needs_the_emulator_is_refused_elsewhere(project: Project, option: list[str]) -> None:
    project.scenario("good", "pass")
    (project.state / "kept").mkdir(parents=True)
    entries = [{"run": "r"}, {"entered": "One"}]
    (project.state / "kept" / "good.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    (project.folder / "harness.toml").write_text(CLOUD)
    done = project.run("run", "good", "--profile", "cloud", *option)
    assert done.returncode == 2
    assert f"{option[0]} is for local profiles; 'cloud' is not one" in done.stderr
    assert project.run("run", "--workers", "none").returncode == 2
