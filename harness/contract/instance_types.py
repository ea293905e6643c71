"""The vCPUs, memory and GPUs of instance types, from ``instance_types.toml``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from harness.runners.spec import Resources

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FILE = Path(__file__).with_suffix(".toml")
_GIB = 1 << 30


def resources_of(instance_type: str) -> Resources:
    """Return the resources of an instance type. A type that is not in the table has no limits."""
    family, _, size = instance_type.removeprefix("ml.").partition(".")
    row = _table().get(family, {}).get(size)
    if row is None:
        return Resources(instance_type)
    cpus, memory, *gpus = row
    return Resources(instance_type, cpus=cpus, memory=int(memory * _GIB), gpus=int(gpus[0]) if gpus else 0)


@cache
def _table() -> Mapping[str, Mapping[str, list[float]]]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))
