"""``check_needs``: skips a test, or fails it, where a part of this machine that it needs is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from harness.profiles.needs import PARTS, Part, read_required_parts


def marked_needs(item: pytest.Item) -> list[str]:
    return [part for marker in item.iter_markers("needs") for part in marker.args]


def check_needs(needs: Iterable[str], parts: Mapping[str, Part] = PARTS) -> None:
    """Called before a test is set up. Where ``HARNESS_REQUIRE`` names a part (CI), its absence is a failure."""
    for part in needs:
        if part not in parts:
            pytest.fail(f"needs({part!r}): there is no such part; known: {', '.join(parts)}", pytrace=False)
        present, reason = parts[part]
        if present():
            continue
        if part in read_required_parts():
            pytest.fail(f"needs {part}, which HARNESS_REQUIRE names: {reason}", pytrace=False)
        pytest.skip(f"needs {part}: {reason}")
