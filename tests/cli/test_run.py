"""``harness run`` and ``harness list``: scenarios played, shown, reported."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from harness.cli.play import Play
from harness.cli.progress import display, summary_lines
from harness.clients.emulator_process import find
from harness.profiles.scenarios import Scenario
from tests.cli.conftest import Project

PASSES = (
    "from harness.asserts import Expectations\n"
    "with session.step('Make a bucket'):\n"
    "    session.client('s3').create_bucket(Bucket='the-bucket')\n"
    "    Expectations(session).that(True, 'it is made')\n"
    "print('said by the scenario')\n"
)
FAILS = "with session.step('Break'):\n    print('a last word')\n    raise ValueError('no such luck')\n"


def test_scenarios_pass_and_fail_with_their_codes(project: Project) -> None:
    project.scenario("good", PASSES)
    project.scenario("bad", FAILS)
    good = project.run("run", "good", "--report-dir", "out")
    assert good.returncode == 0, good.stdout + good.stderr
    assert "✓ Make a bucket" in good.stdout
    assert "passed 1 of 1 scenario, 1 of 1 expectations" in good.stdout
    assert sorted(file.name for file in (project.folder / "out").iterdir()) == [
        "good", "junit.xml", "report.html", "report.json",
    ]  # fmt: skip
    assert "said by the scenario" in (project.folder / "out" / "good" / "scenario.log").read_text()
    # The run's configuration is gone when the run is over.
    assert sorted(file.name for file in (project.folder / "out" / "good").iterdir()) == [
        "events.jsonl",
        "scenario.log",
        "work",
    ]
    assert find(project.state) is None
    both = project.run("run")
    assert both.returncode == 1
    for text in ("✗ Break", "failed in step 'Break': ValueError: no such luck", "  | a last word", "passed 1 of 2"):
        assert text in both.stdout


def test_a_failure_is_told_once_with_its_place(project: Project) -> None:
    project.scenario(
        "unmet",
        "from harness.asserts import Expectations\n"
        "session.cleanup(lambda: session.client('s3').delete_bucket(Bucket='never-made'))\n"
        "print('a last word')\n"
        "with session.step('Look'):\n"
        "    Expectations(session).that(1 + 1 == 3, 'the sum is 3', 'found 2\\nin all')\n",
    )
    said = project.run("run", "unmet").stdout
    for text in ("expected: the sum is 3", "\nfound 2\nin all\n", "  | a last word", "NoSuchBucket"):
        assert text in said
    assert said.count("expected: the sum is 3") == said.count("\nfound 2\n") == 1
    assert re.search(r"^at .*/unmet\.py:\d+: Expectations\(session\)\.that\(1 \+ 1 == 3", said, re.MULTILINE)
    assert "failed in step 'Clean up': RuntimeError: clean-up: " in said
    assert "ExpectationFailed" not in said


def test_json_is_all_there_is_on_standard_output(project: Project) -> None:
    project.scenario("good", PASSES)
    report = project.json("run", "good")
    assert report["passed"] is True
    assert [step["name"] for step in report["scenarios"][0]["steps"]] == ["Import the SDK", "Make a bucket"]


def test_a_terminal_sees_steps_and_their_times(project: Project) -> None:
    project.scenario("good", PASSES)
    master, slave = pty.openpty()
    with subprocess.Popen(
        project.argv("run", "good"), cwd=project.folder, env={**project.environment, "TERM": "xterm"},
        stdout=slave, stderr=slave,
    ) as process:  # fmt: skip
        os.close(slave)
        shown = b""
        while True:
            try:
                chunk = os.read(master, 65536)
            except OSError:
                break
            shown += chunk
    os.close(master)
    text = shown.decode()
    assert process.returncode == 0
    assert any(spinner in text for spinner in "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
    assert "✓" in text
    assert "Make a bucket" in text


def test_the_users_own_data_reaches_the_scenario(project: Project) -> None:
    (project.folder / "mine.csv").write_text("x")
    project.scenario("good", "assert session.data.read_text() == 'x'\n")
    assert project.run("run", "good", "--data", "mine.csv").returncode == 0
    assert project.run("run", "good", "--data", "none.csv").returncode == 2


def test_a_report_that_could_not_be_written_is_told_before_anything_runs(project: Project) -> None:
    project.scenario("good", "pass\n")
    (project.folder / "taken").write_text("")
    done = project.run("run", "good", "--report-dir", "taken/report")
    folder = project.folder / "taken" / "report"
    assert (done.returncode, done.stdout) == (3, "")
    assert (
        done.stderr
        == f"harness: the report's folder {folder} cannot be created (Not a directory); choose another folder\n"
    )


def test_a_run_interrupted_before_a_scenario_began_did_not_pass(tmp_path: Path) -> None:
    place = SimpleNamespace(name="local", address="http://127.0.0.1:1")
    scenarios = [Scenario(name, tmp_path / f"{name}.py", name, "v2", ()) for name in ("one", "two")]
    play = Play(cast("Any", place), tmp_path, None, display(quiet=True), interrupted=[signal.SIGINT])
    report = play.all(scenarios, version="1")
    assert (report.passed, report.verdict, report.unplayed) == (False, "interrupted", ["one", "two"])
    told = summary_lines(report, tmp_path / "report.html")
    assert told[0].startswith("interrupted: passed 0 of 2 scenarios, ")
    assert told[1] == "not begun: one, two"


def test_ctrl_c_lets_the_scenario_clean_up(project: Project) -> None:
    body = (
        "session.cleanup(lambda: (session.work / 'cleaned').write_text(''))\n"
        "with session.step('Wait'):\n    import time\n    time.sleep(60)\n"
    )
    project.scenario("slow", body)
    argv = project.argv("run", "slow", "--report-dir", "out")
    with subprocess.Popen(
        argv, cwd=project.folder, env=project.environment, stdout=subprocess.PIPE, text=True
    ) as process:
        events, deadline = project.folder / "out" / "slow" / "events.jsonl", time.monotonic() + 30
        while time.monotonic() < deadline and not (events.exists() and '"Wait"' in events.read_text()):
            pass
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "stopping: the scenario cleans up" in told
    assert "interrupted in step 'Wait'" in told
    assert "\ninterrupted: passed 0 of 1 scenario" in told
    assert "FAILED" not in told
    assert "harness: interrupted" in (project.folder / "out" / "report.html").read_text()
    assert (project.folder / "out" / "slow" / "work" / "cleaned").exists()
    report = json.loads((project.folder / "out" / "report.json").read_text())
    assert report["scenarios"][0]["interrupted"] is True
    assert find(project.state) is None


def test_a_scenario_that_is_killed_is_a_failed_one(project: Project) -> None:
    project.scenario("dies", "import os\nwith session.step('Die'):\n    os.kill(os.getpid(), 9)\n")
    done = project.run("run")
    assert done.returncode == 1
    assert "failed in step 'Die': its program ended with code 137" in done.stdout


def test_the_scenario_is_offline(project: Project) -> None:
    project.scenario("reaches", "import socket\nsocket.create_connection(('192.0.2.1', 443), timeout=2)\n")
    done = project.run("run")
    assert done.returncode == 1
    assert "refused to reach 192.0.2.1:443" in done.stdout


def test_list_describes_without_running(project: Project) -> None:
    assert "No scenarios" in project.run("list").stdout
    project.scenario("one", "pass", head='raise SystemExit(9)\nSDK = "v2"\nTITLE = "The title"\nTAGS = ("a", "b")\n')
    assert project.run("list").stdout.splitlines()[1].split() == ["one", "v2", "never", "a,", "b", "The", "title"]
    (listed,) = project.json("list")
    assert (listed["name"], listed["sdk"], listed["tags"]) == ("one", "v2", ["a", "b"])
    assert Path(listed["file"]) == project.folder / "scenarios" / "one.py"
    assert project.run("run", "two").returncode == 2
