"""What an instance type gives a container: vCPUs, memory and GPUs, from ``instance_types.toml``."""

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
    """A type that the table does not have limits nothing."""
    family, _, size = instance_type.removeprefix("ml.").partition(".")
    found = _table().get(family, {}).get(size)
    if found is None:
        return Resources(instance_type)
    cpus, memory, *gpus = found
    return Resources(instance_type, cpus=cpus, memory=int(memory * _GIB), gpus=int(gpus[0]) if gpus else 0)


@cache
def _table() -> Mapping[str, Mapping[str, list[float]]]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))
