"""The plugin's ``needs(part)`` for this suite: the parts it knows, and those that only this suite asks for.

A test that wants a part that is missing is skipped with the reason; where ``HARNESS_REQUIRE`` names it (CI), it fails.
"""

from __future__ import annotations

import shutil

import pytest

from harness.profiles import needs, sdk_environments
from harness.pytest_plugin.needs import check_needs as check_parts
from harness.pytest_plugin.needs import marked_needs

PARTS: dict[str, needs.Part] = {
    **needs.PARTS,
    "localstack": (needs.PARTS["localstack"][0], "LocalStack's environment is not installed (.ci/localstack does it)"),
    "sdk-v3-environment": (
        lambda: sdk_environments.is_installed("v3"),
        "the environment of SDK v3 is not built (harness images pull sdk-v3)",
    ),
    "registry": (lambda: shutil.which("docker-registry") is not None, "docker-registry is not installed"),
    # Downloads hundreds of megabytes of old wheels: only when asked for.
    "index": (
        lambda: "index" in needs.read_required_parts(),
        "downloads from the package index; ask with HARNESS_REQUIRE=index",
    ),
}


def check_needs(item: pytest.Item) -> None:
    """Called before each test is set up."""
    check_parts(marked_needs(item), PARTS)
