"""Playing a scenario file: what it is handed, what it tells, and that it always cleans up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from harness.clients.emulator_process import package_parent
from harness.scenario.events import Event, EventReader


class Stage:
    """A folder with a scenario, and the environment a profile would give it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events = folder / "events.jsonl"
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": package_parent(),
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "HARNESS_ROLE": "arn:aws:iam::123456789012:role/R",
            "HARNESS_BUCKET": "sagemaker-us-east-1-123456789012",
            "HARNESS_RUN_ID": "run-1",
            "HARNESS_FIXTURES": str(folder / "fixtures"),
            "HARNESS_MADE": str(folder / "made"),
            "HARNESS_WORK": str(folder),
            "HARNESS_EVENTS": str(self.events),
        }

    def start(self, body: str) -> subprocess.Popen[str]:
        file = self.folder / "story.py"
        file.write_text("def run(session):\n" + "\n".join("    " + line for line in body.splitlines()))
        argv = [sys.executable, "-m", "harness.play", str(file)]
        pipe = subprocess.PIPE
        return subprocess.Popen(argv, env=self.environment, stdout=pipe, stderr=pipe, text=True)

    def play(self, body: str) -> tuple[int, list[Event]]:
        with self.start(body) as process:
            process.communicate(timeout=50)
        return process.returncode, list(EventReader(self.events).new())


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def steps(events: list[Event]) -> list[tuple[str, str]]:
    return [(event["name"], event["state"]) for event in events if event["event"] == "step"][2:]


def test_steps_expectations_and_evidence_are_told(stage: Stage) -> None:
    code, events = stage.play(
        "with session.step('One'):\n"
        "    session.expected('it is so', True)\n"
        "    session.show('text', 'A title', value=session.role)\n"
        "assert (session.run_id, session.region, session.data) == ('run-1', 'us-east-1', None)\n"
    )
    assert code == 0
    assert steps(events) == [("One", "started"), ("One", "passed")]
    told = {event["event"]: event for event in events}
    assert (told["expectation"]["text"], told["expectation"]["step"]) == ("it is so", "One")
    assert told["evidence"]["content"] == {"value": "arn:aws:iam::123456789012:role/R"}
    assert told["end"]["passed"] is True


def test_a_failing_step_ends_the_scenario_after_cleaning_up_in_reverse(stage: Stage) -> None:
    code, events = stage.play(
        "order = []\n"
        "session.cleanup(lambda: session.show('text', 'first', order=order))\n"
        "session.cleanup(order.append, 'second')\n"
        "with session.step('Breaks'):\n"
        "    raise ValueError('no such luck')\n"
    )
    assert code == 1
    assert steps(events) == [
        ("Breaks", "started"),
        ("Breaks", "failed"),
        ("Clean up", "started"),
        ("Clean up", "passed"),
    ]
    failed = next(event for event in events if event.get("state") == "failed")
    assert failed["error"] == "ValueError: no such luck"
    shown = next(event for event in events if event["event"] == "evidence")
    assert shown["content"] == {"order": ["second"]}
    assert "ValueError: no such luck" in events[-1]["traceback"]


def test_one_cleanup_that_fails_does_not_stop_the_others_and_fails_the_scenario(stage: Stage) -> None:
    code, events = stage.play("session.cleanup(session.show, 'text', 'reached')\nsession.cleanup(lambda: 1 / 0)\n")
    assert code == 1
    assert any(event.get("title") == "reached" for event in events)
    assert events[-1]["traceback"].strip().endswith("RuntimeError: clean-up: ZeroDivisionError: division by zero")


def test_asked_to_stop_it_cleans_up(stage: Stage) -> None:
    process = stage.start(
        "session.cleanup(session.show, 'text', 'cleaned')\n"
        "with session.step('Waits'):\n"
        "    import time\n"
        "    time.sleep(60)\n"
    )
    reader, seen, deadline = EventReader(stage.events), [], time.monotonic() + 30
    while not any(event.get("name") == "Waits" for event in seen) and time.monotonic() < deadline:
        seen += reader.new()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    seen += reader.new()
    assert process.returncode == 1
    assert any(event.get("title") == "cleaned" for event in seen)
    assert seen[-1]["interrupted"] is True


def test_a_file_that_cannot_be_loaded_is_told_as_a_failed_step(stage: Stage) -> None:
    code, events = stage.play("pass\ndef :")
    assert code == 1
    assert "SyntaxError" in events[-1]["traceback"]


@pytest.fixture
def clock(stage: Stage) -> Iterator[list[Any]]:
    asked: list[Any] = []

    class Clock(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"offset": 3600.0}')

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Clock)
    thread = Thread(target=server.serve_forever)
    thread.start()
    stage.environment["HARNESS_CLOCK"] = f"http://127.0.0.1:{server.server_port}/_harness/clock"
    stage.environment["http_proxy"] = "http://127.0.0.1:9"
    yield asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_clock_is_moved_where_there_is_one(stage: Stage, clock: list[Any]) -> None:
    code, _ = stage.play("session.advance_clock(3600)")
    assert code == 0
    assert clock == [("/_harness/clock", {"seconds": 3600})]


def test_a_generated_fixture_is_made_once_for_each_version_of_its_script(stage: Stage) -> None:
    maker = stage.folder / "fixtures" / "tables" / "make.py"
    maker.parent.mkdir(parents=True)
    source = (
        "def write(path, rows=1):\n"
        "    path.parent.mkdir(parents=True, exist_ok=True)\n"
        "    path.write_text('x' * rows)\n"
    )
    maker.write_text(source)
    body = (
        "for rows in (3, 3, 4):\n"
        "    made = session.made('tables/make.py', 'table.csv', rows=rows)\n"
        "    session.show('text', 'made', path=str(made), inode=made.stat().st_ino, size=made.stat().st_size)\n"
    )
    code, events = stage.play(body)
    assert code == 0
    first, again, other = [event["content"] for event in events if event["event"] == "evidence"]
    assert first == again
    assert (first["size"], other["size"]) == (3, 4)
    maker.write_text(source + "# changed\n")
    stage.events.unlink()
    _, events = stage.play(body)
    assert next(event["content"]["path"] for event in events if event["event"] == "evidence") != first["path"]
    (maker.parent / "source.csv").write_text("a\n1\n")
    stage.events.unlink()
    _, events = stage.play(body)
    paths = [event["content"]["path"] for event in events if event["event"] == "evidence"]
    assert first["path"] not in paths


def test_things_that_follow_by_themselves_take_longer_where_there_is_no_emulator(
    stage: Stage, clock: list[Any]
) -> None:
    body = "session.show('text', 'patience', seconds=session.patience)\n"
    _, events = stage.play(body)
    stage.environment.pop("HARNESS_CLOCK")
    stage.events.unlink()
    _, more = stage.play(body)
    assert [event["content"]["seconds"] for event in (*events, *more) if event["event"] == "evidence"] == [60.0, 900.0]
