"""Converts state that an earlier harness saved as pickles (``harness migrate``).

The pickles are loaded with ``old_pickles.load_pickle``, which builds no other objects than the state may hold.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from moto.core.base_backend import BaseBackend

from harness.aws.moto import patched_backends
from harness.aws.moto.dispatch import LOCK, PACKAGES
from harness.aws.moto.object_rows import ObjectRows
from harness.aws.moto.saved_state.bucket_settings import settings_to_text
from harness.aws.moto.saved_state.old_pickles import (
    OldPickle,
    find_pickles,
    load_backend_pickle,
    load_pickle,
    remove_pickles,
)
from harness.aws.moto.saved_state.rows import ServiceRows
from harness.aws.moto.saved_state.services import ServiceState


def migrate(state: Path) -> list[str]:
    """Write the pickled state in the present format, then remove the pickles. Return what was converted.

    This replaces newer state of the same service, account and region, or bucket. Raises ``StateError`` and changes
    nothing if a pickle cannot be converted.
    """
    pickles = find_pickles(state)
    objects = ObjectRows(state / "s3" / "objects.sqlite")
    rows = ServiceRows(state / "aws")
    try:
        with LOCK:
            settings = {name: load_pickle(data) for name, data in objects.pickled_settings().items()}
            texts = {name: settings_to_text(fields) for name, fields in settings.items()}
            _save_services(rows, pickles)
            with objects.transaction():
                for bucket, text in texts.items():
                    objects.put_settings(bucket, text)
    finally:
        rows.close()
        objects.close()
    remove_pickles(pickles)
    services = [f"{each.service} of {each.account} in {each.region}" for each in pickles]
    return [*services, *(f"the settings of the bucket {name}" for name in texts)]


def _save_services(rows: ServiceRows, pickles: list[OldPickle]) -> None:
    services = ServiceState(rows, patched_backends.SAVED, patched_backends.backend_of)
    loaded = [(each, load_backend_pickle(each)) for each in pickles]
    patched_backends.forget_all()
    patched_backends.install(services)
    try:
        for each, fields in loaded:
            backend = patched_backends.backend_of(PACKAGES.get(each.service, each.service), each.account, each.region)
            backend.__dict__.update(fields)
            _refer_to(backend)
            services.touch(backend)
        services.save()
    finally:
        patched_backends.uninstall(services)
        patched_backends.forget_all()


def _refer_to(backend: Any) -> None:
    """Replace references to an empty copy of the back end, as a pickle has them, by the back end itself."""
    seen: set[int] = set()
    waiting = [*backend.__dict__.values()]
    while waiting:
        value = waiting.pop()
        if id(value) in seen or isinstance(value, BaseBackend):
            continue
        seen.add(id(value))
        fields = getattr(value, "__dict__", {}) if type(value).__module__.startswith("moto.") else {}
        fields.update((name, backend) for name, item in fields.items() if isinstance(item, BaseBackend))
        waiting += fields.values()
        waiting += dict.values(value) if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
