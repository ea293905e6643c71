"""Finds the pickles of state that earlier versions saved. Only ``migration`` loads them.

Loading a pickle runs what its author wrote. So even the import, which the user has to ask for, builds no other objects
than those that this format knows: moto's models and plain containers. Any other name in a pickle is refused.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from harness.kernel.errors import StateError

PLAIN = frozenset(
    {
        "builtins.set", "builtins.frozenset", "builtins.bytearray", "builtins.object", "builtins.dict", "builtins.list",
        "builtins.int", "builtins.str", "builtins.float", "copyreg._reconstructor", "datetime.datetime",
        "datetime.date", "datetime.timedelta", "datetime.timezone", "decimal.Decimal", "uuid.UUID", "re._compile",
    }
)  # fmt: skip
_BUCKETS = (
    "SELECT name FROM bucket WHERE typeof(config) = 'blob'",
    "SELECT bucket FROM pickled_settings",
)
LOCKS = {
    "_thread.allocate_lock": threading.Lock,
    "_thread.lock": threading.Lock,
    "_thread.RLock": threading.RLock,
    "threading.Lock": threading.Lock,
    "threading.RLock": threading.RLock,
}


class OldPickle(NamedTuple):
    service: str
    """The signing name of the service, which is the name of the folder."""
    account: str
    region: str
    path: Path


def find_pickles(state: Path) -> list[OldPickle]:
    """``aws/SERVICE/ACCOUNT/REGION.pickle`` in the state folder."""
    paths = sorted(state.glob("aws/*/*/*.pickle"))
    return [OldPickle(path.parent.parent.name, path.parent.name, path.stem, path) for path in paths]


def buckets_with_pickles(state: Path) -> list[str]:
    """Return the buckets whose settings are still a pickle. The database is only read."""
    path = state / "s3" / "objects.sqlite"
    if not path.is_file():
        return []
    with contextlib.closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)) as db:
        names: set[str] = set()
        for query in _BUCKETS:
            with contextlib.suppress(sqlite3.DatabaseError):  # made by another version, or damaged: not said here
                names.update(row[0] for row in db.execute(query))
    return sorted(names)


def describe_old_state(state: Path) -> str:
    """Return one line that lists the pickles of an earlier harness; empty if there are none."""
    names = [str(each.path.relative_to(state)) for each in find_pickles(state)]
    names += [f"the settings of the bucket {name}" for name in buckets_with_pickles(state)]
    if not names:
        return ""
    return (
        f"not loaded from {state}: {', '.join(names)}. An earlier harness kept this as pickles, and loading a pickle "
        "can run code; take it over with `harness migrate`, or forget all state with `harness reset`"
    )


def remove_pickles(pickles: Iterable[OldPickle]) -> None:
    for each in pickles:
        each.path.unlink(missing_ok=True)
        for folder in (each.path.parent, each.path.parent.parent):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def load_backend_pickle(old: OldPickle) -> dict[str, Any]:
    """Load the fields of a back end."""
    try:
        names = load_pickle(old.path.read_bytes())
        _, fields = names
        return dict(fields)
    except (OSError, TypeError, ValueError) as error:
        raise StateError(f"{old.path} is not a state file of an earlier harness: {error}") from error


def load_pickle(data: bytes) -> Any:
    try:
        return _Restricted(io.BytesIO(data)).load()
    except StateError:
        raise
    except Exception as error:
        raise StateError(f"a pickle of an earlier harness cannot be read: {type(error).__name__}: {error}") from error


class _Restricted(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        from harness.aws.moto.saved_state.classes import UnknownClass, class_named

        full = f"{module}.{name}"
        if full in LOCKS:
            return LOCKS[full]
        if full in PLAIN:
            return super().find_class(module, name)
        try:
            return class_named(full)
        except UnknownClass:
            raise StateError(
                f"a pickle names {full}, which is no part of the state of an AWS service, so it is not imported"
            ) from None
