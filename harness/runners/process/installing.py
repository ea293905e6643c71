"""Rules for packages in a job: whether its program may install some, and what ``apt-get`` says there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from harness.runners.spec import RunSpec

_INSTALLS = re.compile(rb"\b(pip3?|uv|conda|ensurepip|setup\.py)\b|requirements")
_SOURCES = (".cfg", ".ipynb", ".py", ".sh", ".toml", ".txt", ".yaml", ".yml")
_MOST_FILES = 2000
_LARGEST = 1 << 20

_APT = """\
#!/bin/sh
/usr/bin/{name} "$@" && exit 0
code=$?
hosts=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
    sed -n 's|^[^#]*https\\{{0,1\\}}://\\([^/ ]*\\).*|\\1|p' | sort -u | tr '\\n' ' ')
echo "E: harness: a job may not install system packages: it does not reach ${{hosts:-any host of packages}}" \\
    "and the system folders are read-only. Remedy: use an image of your own that has them" >&2
exit $code
"""


def may_install(spec: RunSpec) -> bool:
    """Return whether a file of the job's speaks of installing packages, or there are too many files to tell.

    A warm parent has imported packages already: a program that replaces one of them has to start in a new interpreter.
    """
    for number, file in enumerate(_files(spec)):
        if number >= _MOST_FILES:
            return True
        if file.name.endswith(_SOURCES) and _INSTALLS.search(_beginning(file)):
            return True
    return False


def add_apt(folder: Path) -> None:
    """Make an ``apt-get`` and an ``apt`` that say what to do when the system's own one fails."""
    folder.mkdir()
    for name in ("apt", "apt-get"):
        file = folder / name
        file.write_text(_APT.format(name=name))
        file.chmod(0o755)


def _files(spec: RunSpec) -> Iterator[Path]:
    for top in (spec.root, *spec.mounts.values()):
        if top.is_file():
            yield top
        for folder, _, names in os.walk(top):
            yield from (Path(folder, name) for name in names)


def _beginning(file: Path) -> bytes:
    try:
        if not file.is_file():
            return b""
        with file.open("rb") as opened:
            return opened.read(_LARGEST)
    except OSError:
        return b""
