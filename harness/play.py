"""Plays one scenario file in this interpreter: ``python -m harness.play FILE``. Exit code 1 when it failed.

Runs in the scenario's own environment, so it needs boto3 and nothing else beside the standard library.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from types import FrameType

from harness.aws_run.hooks import ORDERS, PARENT, AwsRequestHooks, install
from harness.scenario.events import EventWriter
from harness.scenario.resume.delete_later_resources import clear_the_way, open_replay
from harness.scenario.resume.replay import Replay
from harness.scenario.session import Session, load_file


def open_session(name: str, events: EventWriter, given: Mapping[str, str] = os.environ) -> Session:
    """The session that the profile asks for."""
    if given.get("HARNESS_LOCAL_MODE"):
        from harness.localmode.session import LocalModeSession

        return LocalModeSession(name, events, given)
    return Session(name, events, given)


def play(
    file: Path, events: EventWriter, promoted: AwsRequestHooks | None = None, replay: Replay | None = None
) -> bool:
    """Runs ``run(session)`` of the file; then evidence, then clean-up, whatever happened.

    With a recording a run that failed leaves all as it is, so that it can go on from there.
    """
    session: Session | None = None
    error: BaseException | None = None
    try:
        session = open_session(file.stem, events)
        if promoted is not None:
            promoted.follow(session)
        if replay is not None:
            replay.begin(session.run_id)
            session.replay = replay
            clear_the_way(session, replay)
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
        events.tell("kept", run=session.run_id)
    for finish in (session.collect, *(() if kept else (session.clean_up,))) if session else ():
        try:
            finish()
        except BaseException as raised:
            error = error or raised
    events.tell("libraries", versions=dict(_versions()))
    told = "".join(traceback.format_exception(type(error), error, error.__traceback__)) if error else ""
    if told:
        print(told, file=sys.stderr)
    events.tell("end", passed=error is None, interrupted=isinstance(error, KeyboardInterrupt), traceback=told)
    return error is None


def _versions() -> Iterator[tuple[str, str]]:
    """Of the libraries that results hang on; two distributions hold the module xgboost."""
    for distribution in ("boto3", "numpy", "pandas", "sagemaker", "scikit-learn", "xgboost", "xgboost-cpu"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            yield distribution.removesuffix("-cpu"), metadata.version(distribution)


def _stop(number: int, frame: FrameType | None) -> None:
    """Asked to stop: as Ctrl-C, so that what was created is cleaned up."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> None:
    signal.signal(signal.SIGTERM, _stop)
    events = EventWriter(Path(os.environ["HARNESS_EVENTS"]))
    promoted = None
    if orders := os.environ.get(ORDERS):
        promoted = install(Path(orders), int(os.environ[PARENT]))
    replay = open_replay(Path(sys.argv[1]).stem)
    passed = play(Path(sys.argv[1]), events, promoted, replay)
    events.close()
    sys.stdout.flush()
    sys.stderr.flush()
    # Nothing is left to do, and tearing down an interpreter full of SDK and its idle threads takes a noticeable while.
    os._exit(0 if passed else 1)


if __name__ == "__main__":
    main()
