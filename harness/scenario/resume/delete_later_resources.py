"""Going on from a step of a run that failed: its recording is opened, and what came after that step is taken away."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Any

from harness.scenario.resume.replay import FILE, FROM, Replay
from harness.scenario.session import Session

_GONE_SECONDS = 30.0
STEP = "Take away what came after"


def open_replay(scenario: str) -> Replay | None:
    """Before any session is made; None where nothing is recorded."""
    folder = os.environ.get(FILE)
    if not folder:
        return None
    replay = Replay(Path(folder) / f"{scenario}.jsonl", os.environ.get(FROM, ""))
    replay.install()
    return replay


def clear_the_way(session: Session, replay: Replay) -> None:
    """The steps to be run again create things of the same names. What has no Delete, or none any more, is left."""
    made = replay.made_later()
    if not made:
        return
    with replay.alive(), session.step(STEP):
        for kind, identity in made:
            _remove(session.client("sagemaker"), kind, identity)


def _remove(client: Any, kind: str, identity: dict[str, Any]) -> None:
    from botocore import xform_name
    from botocore.exceptions import ClientError

    delete, describe = (getattr(client, xform_name(f"{verb}{kind}"), None) for verb in ("Delete", "Describe"))
    if delete is None:
        return
    with contextlib.suppress(ClientError):
        delete(**identity)
        deadline = time.monotonic() + _GONE_SECONDS
        while describe is not None and time.monotonic() < deadline:
            describe(**identity)  # raises once it is gone
            time.sleep(0.05)
