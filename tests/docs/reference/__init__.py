"""The reference pages of the documentation, made from the code they speak of. ``python -m tests.docs`` writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.docs.reference import cli, expectations, profiles, provenance, settings, supported, testing

PAGES: Mapping[str, Callable[[], str]] = {
    "cli.md": cli.page,
    "expectations.md": expectations.page,
    "profiles.md": profiles.page,
    "provenance.md": provenance.page,
    "pytest.md": testing.page,
    "settings.md": settings.page,
    "supported.md": supported.page,
}
