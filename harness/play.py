"""Plays one scenario file in this interpreter: ``python -m harness.play FILE``. Exit code 1 when it failed.

Runs in the scenario's own environment, so it needs boto3 and nothing else beside the standard library.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import FrameType

from harness.aws_run.hooks import AwsRequestHooks, install
from harness.scenario.events import EndEvent, EventWriter, KeptEvent, LibrariesEvent
from harness.scenario.resume.delete_later_resources import delete_later_resources, open_replay
from harness.scenario.resume.replay import Replay
from harness.scenario.run_document import RunDocument
from harness.scenario.session import Session, load_file


def open_session(name: str, events: EventWriter, run: RunDocument) -> Session:
    """Open the kind of session that the run's document names."""
    if run.local_mode:
        from harness.localmode.session import LocalModeSession

        return LocalModeSession(name, events, run)
    return Session(name, events, run)


def play(
    file: Path, events: EventWriter, run: RunDocument, hooks: AwsRequestHooks | None, replay: Replay | None
) -> bool:
    """Run ``run(session)`` of the file, then collect evidence and clean up, whatever happened.

    A run that is recorded and fails leaves everything as it is, so that it can be continued.
    """
    session: Session | None = None
    error: BaseException | None = None
    try:
        session = open_session(file.stem, events, run)
        if hooks is not None:
            hooks.follow(session)
        if replay is not None:
            replay.begin(session.run_id)
            session.replay = replay
            delete_later_resources(session, replay)
        # Also a step, so that a second or two of imports is not a second or two of silence.
        with session.step("Import the SDK"):
            module = load_file(file)
        module.run(session)
        if replay is not None:
            replay.expect_start()
    except BaseException as raised:
        error = raised
    kept = replay is not None and error is not None and not isinstance(error, KeyboardInterrupt)
    if session and kept:
        events.write(KeptEvent(run=session.run_id))
    for finish in (session.collect, *(() if kept else (session.clean_up,))) if session else ():
        try:
            finish()
        except BaseException as raised:
            error = error or raised
    events.write(LibrariesEvent(versions=dict(_versions())))
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__)) if error else ""
    if text:
        print(text, file=sys.stderr)
    interrupted = isinstance(error, KeyboardInterrupt)
    events.write(EndEvent(passed=error is None, interrupted=interrupted, traceback=text))
    return error is None


def _versions() -> Iterator[tuple[str, str]]:
    """Find the versions of libraries that results depend on; two distributions hold the module xgboost."""
    for distribution in ("boto3", "numpy", "pandas", "sagemaker", "scikit-learn", "xgboost", "xgboost-cpu"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            yield distribution.removesuffix("-cpu"), metadata.version(distribution)


def _stop(number: int, frame: FrameType | None) -> None:
    """Handle SIGTERM like Ctrl-C, so that what was created is cleaned up."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> None:
    """Play the scenario that the command line names."""
    signal.signal(signal.SIGTERM, _stop)
    file, run = Path(sys.argv[1]), RunDocument.of_this_process()
    events = EventWriter(run.events)
    hooks = install(run.aws) if run.aws else None
    replay = open_replay(file.stem, run.recording)
    passed = play(file, events, run, hooks, replay)
    events.close()
    sys.stdout.flush()
    sys.stderr.flush()
    # Nothing is left to do, and tearing down an interpreter full of SDK and its idle threads takes a noticeable while.
    os._exit(0 if passed else 1)


if __name__ == "__main__":
    main()
