"""The checks of tests that use harness: their ``needs`` and their one parity claim."""

from __future__ import annotations

import pytest

from harness.profiles.parity import LOCAL_ONLY, Parity, only_claim
from harness.pytest_plugin.needs import check_needs, marked_needs
from harness.pytest_plugin.runs import current_run, run_of


def check_item(item: pytest.Item) -> None:
    """Skip a test, or fail it, before it begins."""
    check_needs(marked_needs(item))
    claim = parity_of(item)
    if claim is not None and claim.claim == LOCAL_ONLY:
        skip_local_only(claim, item.config)
    run = current_run(item.config)
    if run is not None and run.stopped:
        pytest.fail(run.stopped, pytrace=False)


def is_left_out(item: pytest.Item) -> bool:
    """Return True when a test will be skipped, or fail before it begins."""
    from _pytest.skipping import evaluate_skip_marks

    try:
        check_item(item)
        return evaluate_skip_marks(item) is not None
    except (pytest.skip.Exception, pytest.fail.Exception):
        return True


def skip_local_only(claim: Parity, config: pytest.Config) -> None:
    """Skip what is local-only on a profile that is not local."""
    run = run_of(config)
    if claim.claim == LOCAL_ONLY and (run.on_aws or not run.profile.is_local):
        pytest.skip(f"local-only ({claim.reason}); the profile is {run.profile_name}")


def parity_of(item: pytest.Item) -> Parity | None:
    """Find the claim of a test's markers and its module's ``PARITY``; none is needed outside a folder of scenarios."""
    texts: list[object] = [text for marker in item.iter_markers("parity") for text in marker.args]
    stated = getattr(getattr(item, "module", None), "PARITY", None)
    if stated is not None:
        texts.append(stated)
    if not texts and item.path.parent.name != "scenarios":
        return None
    try:
        return only_claim(texts, item.nodeid)
    except ValueError as error:
        pytest.fail(str(error), pytrace=False)
