"""``needs(part)``: a test that wants a real part is skipped with the reason where the part is missing.

Where ``HARNESS_REQUIRE`` names the part (CI), its absence is a failure instead.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable

import pytest


def _works(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _namespaces() -> bool:
    kinds = ("--mount", "--net", "--pid", "--fork", "true")
    return _works("unshare", *kinds) or _works("unshare", "--user", "--map-root-user", *kinds)


def _browser() -> bool:
    return any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))


def _required() -> set[str]:
    return {part.strip() for part in os.environ.get("HARNESS_REQUIRE", "").split(",") if part.strip()}


PARTS: dict[str, tuple[Callable[[], bool], str]] = {
    "docker": (lambda: _works("docker", "info"), "no Docker engine answers"),
    "localstack": (lambda: False, "LocalStack is not set up for the tests"),
    "browser": (_browser, "no Chromium on PATH"),
    "namespaces": (_namespaces, "namespaces are refused"),
    "proot": (lambda: shutil.which("proot") is not None, "proot is not installed"),
    "root": (lambda: os.geteuid() == 0, "only root can do this"),
    # Downloads hundreds of megabytes of old wheels: only when asked for.
    "index": (lambda: "index" in _required(), "downloads from the package index; ask with HARNESS_REQUIRE=index"),
}


def check_needs(item: pytest.Item) -> None:
    """Called before each test is set up."""
    for marker in item.iter_markers("needs"):
        for part in marker.args:
            present, reason = PARTS[part]
            if present():
                continue
            if part in _required():
                pytest.fail(f"needs {part}, which HARNESS_REQUIRE names: {reason}", pytrace=False)
            pytest.skip(f"needs {part}: {reason}")
