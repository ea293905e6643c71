"""Training on several hosts: who of them has data, and XGBoost's collective operations among those.

The first host listens at both ports: at the first every host says whether it has data, at the second XGBoost's tracker
connects those that have some. A host without data leaves, and the job goes on without it.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from typing import Any, Callable, Iterator

from .errors import AlgorithmError, UserError
from .logs import log
from .versions import Version

MEETING_PORT = 9099
TRACKER_PORT = 9100
PATIENCE = 15 * 60.0
PAUSE = 0.1

# Packages of earlier releases come without the tracker.
SINCE_TRACKER = (1, 0)
SINCE_COLLECTIVE = (1, 7)
SINCE_TRACKER_IN_CPP = (2, 1)


def refuse_old_releases(hosts: list[str], version: Version) -> None:
    if len(hosts) > 1 and version.xgboost < SINCE_TRACKER:
        raise UserError(
            "Training on {} hosts ({}) is not supported by this image: the package of XGBoost {}.{} has no tracker. "
            "Use one instance, or version 1.0-1 or later.".format(len(hosts), ", ".join(hosts), *version.xgboost)
        )


def find_participants(
    hosts: list[str], current: str, has_data: bool, prepare: Callable[[list[str]], None]
) -> list[str]:
    """The hosts that have data, in their order. ``prepare`` is called with them on the first host, before others know.

    ``hosts`` are all hosts of the job; each calls this function.
    """
    if current != hosts[0]:
        return _ask(hosts[0], {"host": current, "has_data": has_data})
    answers = {current: has_data}
    with socket.socket() as listener, contextlib.ExitStack() as connections:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((socket.gethostbyname(current), MEETING_PORT))
        listener.listen(len(hosts))
        listener.settimeout(PATIENCE)
        others = []
        while len(answers) < len(hosts):
            try:
                connection = connections.enter_context(listener.accept()[0])
            except socket.timeout:
                missing = ", ".join(host for host in hosts if host not in answers)
                raise AlgorithmError("These hosts were not heard of for 15 minutes: {}".format(missing)) from None
            with connection.makefile("r") as stream:
                said = json.loads(stream.readline())
            answers[said["host"]] = said["has_data"]
            others.append(connection)
        participants = [host for host in hosts if answers[host]]
        if participants:
            prepare(participants)
        for connection in others:
            connection.sendall(json.dumps(participants).encode() + b"\n")
    return participants


def _ask(first: str, message: dict[str, Any]) -> list[str]:
    late = time.monotonic() + PATIENCE
    while True:
        try:
            with socket.create_connection((first, MEETING_PORT), timeout=PATIENCE) as connection:
                connection.sendall(json.dumps(message).encode() + b"\n")
                with connection.makefile("r") as stream:
                    participants: list[str] = json.loads(stream.readline())
                return participants
        except (OSError, ValueError) as error:  # it does not listen yet, or its name is not known yet
            if time.monotonic() > late:
                raise AlgorithmError("Host {} cannot be reached: {}".format(first, error)) from error
            time.sleep(PAUSE)


class Tracker:
    """XGBoost's tracker on this host."""

    def __init__(self, host: str, workers: int, version: Version) -> None:
        from xgboost.tracker import RabitTracker

        address = socket.gethostbyname(host)
        if version.xgboost >= SINCE_TRACKER_IN_CPP:
            self._tracker = RabitTracker(workers, address, TRACKER_PORT, sortby="task")
            self._tracker.start()
        else:
            self._tracker = RabitTracker(address, workers, TRACKER_PORT)
            self._tracker.start(workers)
        self._version = version

    def wait(self) -> None:
        if self._version.xgboost >= SINCE_TRACKER_IN_CPP:
            self._tracker.wait_for()
        else:
            self._tracker.join()


@contextlib.contextmanager
def connected(participants: list[str], current: str, version: Version, tracker: Tracker | None) -> Iterator[bool]:
    """Connect the participants while the block runs; yield whether this host is the master, which saves the model."""
    tracker = tracker or (Tracker(current, len(participants), version) if current == participants[0] else None)
    number, address = participants.index(current), socket.gethostbyname(participants[0])
    log.info("Connecting %s hosts, this is number %s", len(participants), number)
    if version.xgboost >= SINCE_COLLECTIVE:
        from xgboost import collective

        words = {"dmlc_tracker_uri": address, "dmlc_tracker_port": TRACKER_PORT, "dmlc_task_id": _task(number)}
        if version.xgboost < SINCE_TRACKER_IN_CPP:
            words = {name.upper(): value for name, value in words.items()}
            words["xgboost_communicator"] = "rabit"
        collective.init(**words)
        rank, leave = collective.get_rank(), collective.finalize
    else:
        from xgboost import rabit

        words = {"DMLC_TRACKER_URI": address, "DMLC_TRACKER_PORT": TRACKER_PORT, "DMLC_TASK_ID": _task(number)}
        rabit.init(["{}={}".format(name, value).encode() for name, value in words.items()])
        rank, leave = rabit.get_rank(), rabit.finalize
    # Not left in order after an error: the other hosts would not answer.
    yield rank == 0
    leave()
    if tracker is not None:
        tracker.wait()


def _task(number: int) -> str:
    return "{:06d}".format(number)
