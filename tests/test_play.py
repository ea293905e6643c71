"""Playing a scenario file: what it is handed, what it tells, and that it always cleans up."""

from __future__ import annotations

import dataclasses
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
from harness.scenario.events import EndEvent, Event, EventReader, EvidenceEvent, ExpectationEvent, StepEvent
from harness.scenario.run_document import VARIABLE, EmulatorAccess, RunDocument


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
            VARIABLE: str(folder / "run.json"),
        }
        self.document = RunDocument(
            run_id="run-1",
            region="us-east-1",
            role="arn:aws:iam::123456789012:role/R",
            bucket="sagemaker-us-east-1-123456789012",
            fixtures=folder / "fixtures",
            generated_fixtures=folder / "made",
            work=folder,
            events=self.events,
        )

    def start(self, body: str) -> subprocess.Popen[str]:
        file = self.folder / "story.py"
        file.write_text("def run(session):\n" + "\n".join("    " + line for line in body.splitlines()))
        self.document.write(self.folder / "run.json")
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
    return [(event.name, event.state) for event in events if isinstance(event, StepEvent)][2:]


def evidence(events: list[Event]) -> list[EvidenceEvent]:
    return [event for event in events if isinstance(event, EvidenceEvent)]


def end(events: list[Event]) -> EndEvent:
    assert isinstance(events[-1], EndEvent)
    return events[-1]


def test_steps_expectations_and_evidence_are_told(stage: Stage) -> None:
    code, events = stage.play(
        "with session.step('One'):\n"
        "    session.expected('it is so', True)\n"
        "    session.show('text', 'A title', value=session.role)\n"
        "assert (session.run_id, session.region, session.data) == ('run-1', 'us-east-1', None)\n"
    )
    assert code == 0
    assert steps(events) == [("One", "started"), ("One", "passed")]
    (expectation,) = [event for event in events if isinstance(event, ExpectationEvent)]
    assert (expectation.text, expectation.step) == ("it is so", "One")
    assert evidence(events)[0].content == {"value": "arn:aws:iam::123456789012:role/R"}
    assert end(events).passed


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
    failed = next(event for event in events if isinstance(event, StepEvent) and event.state == "failed")
    assert failed.error == "ValueError: no such luck"
    assert evidence(events)[0].content == {"order": ["second"]}
    assert "ValueError: no such luck" in end(events).traceback


def test_one_cleanup_that_fails_does_not_stop_the_others_and_fails_the_scenario(stage: Stage) -> None:
    code, events = stage.play("session.cleanup(session.show, 'text', 'reached')\nsession.cleanup(lambda: 1 / 0)\n")
    assert code == 1
    assert [event.title for event in evidence(events)] == ["reached"]
    assert end(events).traceback.strip().endswith("RuntimeError: clean-up: ZeroDivisionError: division by zero")


def test_asked_to_stop_it_cleans_up(stage: Stage) -> None:
    process = stage.start(
        "session.cleanup(session.show, 'text', 'cleaned')\n"
        "with session.step('Waits'):\n"
        "    import time\n"
        "    time.sleep(60)\n"
    )
    reader, seen, deadline = EventReader(stage.events), list[Event](), time.monotonic() + 30
    while ("Waits", "started") not in steps(seen) and time.monotonic() < deadline:
        seen += reader.new()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    seen += reader.new()
    assert process.returncode == 1
    assert [event.title for event in evidence(seen)] == ["cleaned"]
    assert end(seen).interrupted


def test_a_file_that_cannot_be_loaded_is_told_as_a_failed_step(stage: Stage) -> None:
    code, events = stage.play("pass\ndef :")
    assert code == 1
    assert "SyntaxError" in end(events).traceback


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
    emulator = EmulatorAccess(f"http://127.0.0.1:{server.server_port}/_harness", "")
    stage.document = dataclasses.replace(stage.document, emulator=emulator)
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
    first, again, other = [event.content for event in evidence(events)]
    assert first == again
    assert (first["size"], other["size"]) == (3, 4)
    maker.write_text(source + "# changed\n")
    stage.events.unlink()
    _, events = stage.play(body)
    assert evidence(events)[0].content["path"] != first["path"]
    (maker.parent / "source.csv").write_text("a\n1\n")
    stage.events.unlink()
    _, events = stage.play(body)
    paths = [event.content["path"] for event in evidence(events)]
    assert first["path"] not in paths


def test_things_that_follow_by_themselves_take_longer_where_there_is_no_emulator(
    stage: Stage, clock: list[Any]
) -> None:
    body = "session.show('text', 'patience', seconds=session.patience)\n"
    _, events = stage.play(body)
    stage.document = dataclasses.replace(stage.document, emulator=None)
    stage.events.unlink()
    _, more = stage.play(body)
    assert [event.content["seconds"] for event in evidence([*events, *more])] == [60.0, 900.0]
