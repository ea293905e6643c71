"""One lock: uv resolves the requirements; of the files it lists, those for Linux and the lock's Pythons stay."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MACHINES = ("x86_64", "aarch64")
SOURCE_ARCHIVES = (
    "airspeed-ext",
    "crontab",
    "jsonpath-rw",
    "localstack-client",
    "retrying",
    "sagemaker-inference",
    "tailer",
)
"""Packages that the index has no wheel of. They are built where they are installed, with the locked build tools."""
_PATCH = 9
"""Some packages need more than the first releases of a Python."""


class NoFile(Exception):
    """A package of a lock has no file that a Python of the lock could install."""


@dataclass(frozen=True)
class Target:
    """``pythons`` are the releases that the lock holds for, on Linux with glibc."""

    requirements: Path
    lock: Path
    pythons: tuple[str, ...]
    groups: tuple[str, ...] = ()
    """Dependency groups of a ``pyproject.toml``."""


def compile_lock(target: Target) -> str:
    """The text of the lock."""
    head = f"# For Python {', '.join(target.pythons)}. Made from {target.requirements.name} by: python -m tests.locks\n"
    return head + "".join(_entry(package, target) for package in _resolve(target) if _is_needed(package, target))


def _resolve(target: Target) -> list[dict[str, Any]]:
    oldest = min(target.pythons, key=_release)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "pylock.toml"
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", str(target.requirements), "-o", str(made)]
        command += ["--format", "pylock.toml", "--python-version", f"{oldest}.{_PATCH}", "--only-binary", ":all:"]
        command += [word for name in SOURCE_ARCHIVES for word in ("--no-binary", name)]
        command += [word for group in target.groups for word in ("--group", f"{target.requirements}:{group}")]
        # One version for all Pythons of an image; for the harness itself the newest that each of its Pythons may have.
        fork = "requires-python" if target.groups else "fewest"
        command += (
            ["--universal", "--fork-strategy", fork]
            if len(target.pythons) > 1
            else ["--python-platform", "x86_64-manylinux_2_28"]
        )
        subprocess.run(command, check=True)
        packages: list[dict[str, Any]] = tomllib.loads(made.read_text())["packages"]
    return packages


def _is_needed(package: dict[str, Any], target: Target) -> bool:
    marker = package.get("marker")
    return marker is None or any(Marker(marker).evaluate(_surroundings(python, "x86_64")) for python in target.pythons)


def _entry(package: dict[str, Any], target: Target) -> str:
    pythons = [
        python
        for python in target.pythons
        if "marker" not in package or Marker(package["marker"]).evaluate(_surroundings(python, "x86_64"))
    ]
    hashes = sorted(_hashes(package, pythons))
    marker = f" ; {package['marker']}" if len(pythons) < len(target.pythons) else ""
    lines = [f"{package['name']}=={package['version']}{marker}", *(f"    --hash=sha256:{each}" for each in hashes)]
    return " \\\n".join(lines) + "\n"


def _hashes(package: dict[str, Any], pythons: Sequence[str]) -> Iterator[str]:
    wheels = [(_tags(wheel), wheel) for wheel in package.get("wheels", ())]
    for python in pythons:
        fitting = set(_fitting_tags(python))
        if not any(tags & fitting for tags, _ in wheels) and wheels:
            raise NoFile(f"{package['name']} {package['version']} has no wheel for Python {python}")
    fitting = {tag for python in pythons for tag in _fitting_tags(python)}
    files = [wheel for tags, wheel in wheels if tags & fitting] if wheels else [package["sdist"]]
    return (file["hashes"]["sha256"] for file in files)


def _tags(wheel: dict[str, Any]) -> frozenset[str]:
    name = wheel.get("name") or wheel["url"].rsplit("/", 1)[-1]
    return frozenset(map(str, parse_wheel_filename(name)[3]))


def _fitting_tags(python: str) -> Iterator[str]:
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(5, 29) for machine in MACHINES]
    platforms += [f"manylinux{year}_{machine}" for year in ("1", "2010", "2014") for machine in MACHINES]
    yield from map(str, cpython_tags(_release(python), platforms=platforms))
    yield from map(str, compatible_tags(_release(python), platforms=platforms))


def _release(python: str) -> tuple[int, int]:
    major, minor = python.split(".")
    return int(major), int(minor)


def _surroundings(python: str, machine: str) -> dict[str, str]:
    return {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{python}.20",
        "python_version": python,
        "sys_platform": "linux",
    }
