"""Continues a failed run from one of its steps: opens its recording, and deletes what was created after that step."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from harness.scenario.resume.replay import Replay
from harness.scenario.run_document import RequestRecording
from harness.scenario.session import Session

_GONE_SECONDS = 30.0
STEP = "Take away what came after"


def open_replay(scenario: str, recording: RequestRecording | None) -> Replay | None:
    """Open the recording, before any session is made; return None where nothing is recorded."""
    if recording is None:
        return None
    replay = Replay(recording.folder / f"{scenario}.jsonl", recording.start)
    replay.install()
    return replay


def delete_later_resources(session: Session, replay: Replay) -> None:
    """Delete what later steps created, as they will use the same names. What has no Delete operation is left."""
    created = replay.list_later_resources()
    if not created:
        return
    with replay.suspend(), session.step(STEP):
        for kind, identity in created:
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
