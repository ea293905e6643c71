"""Plays one scenario file in this interpreter: ``python -m harness.session.play FILE``. Exit code 0 when it passed, 1 when not.

Runs in the scenario's own environment, so it needs boto3 and nothing else beside the standard library.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from pathlib import Path
from types import ModuleType

from harness.session.events import EventWriter
from harness.session.scenario import Session


def load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"scenario_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def play(file: Path, events: EventWriter) -> bool:
    """Runs ``run(session)`` of the file; then evidence, then clean-up, whatever happened."""
    session: Session | None = None
    error: BaseException | None = None
    try:
        session = Session(file.stem, events)
        # Also a step, so that a second or two of imports is not a second or two of silence.
        with session.step("Import the SDK"):
            module = load(file)
        module.run(session)
    except BaseException as raised:
        error = raised
    for finish in (session.collect, session.clean_up) if session else ():
        try:
            finish()
        except BaseException as raised:
            error = error or raised
    told = "".join(traceback.format_exception(type(error), error, error.__traceback__)) if error else ""
    if told:
        print(told, file=sys.stderr)
    events.tell("end", passed=error is None, interrupted=isinstance(error, KeyboardInterrupt), traceback=told)
    return error is None


def main() -> None:
    events = EventWriter(Path(os.environ["HARNESS_EVENTS"]))
    passed = play(Path(sys.argv[1]), events)
    events.close()
    sys.stdout.flush()
    sys.stderr.flush()
    # Nothing is left to do, and tearing down an interpreter full of SDK and its idle threads takes a noticeable while.
    os._exit(0 if passed else 1)


if __name__ == "__main__":
    main()
