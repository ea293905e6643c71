"""The pytest plugin: options, markers, fixtures, and scenarios as test items. Entry point ``harness`` of ``pytest11``.

Every pytest run of an environment with harness loads it: it imports nothing until a fixture or a scenario is used.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from harness.pytest_plugin.fixtures import (
    boto_session,
    harness_bucket,
    harness_expectations,
    harness_prefix,
    harness_role,
    harness_session,
    sagemaker_harness,
    sagemaker_session,
)
from harness.pytest_plugin.recognition import is_scenario, uses_harness

__all__ = [
    "boto_session",
    "harness_bucket",
    "harness_expectations",
    "harness_prefix",
    "harness_role",
    "harness_session",
    "sagemaker_harness",
    "sagemaker_session",
]

_KEY = "harness_messages"
SCOPES = ("function", "class", "module", "package", "session")


def pytest_addoption(parser: pytest.Parser) -> None:
    # pytest-profiling has a --profile of its own, and two plugins with one option end the run before it begins.
    names = (
        ["--harness-profile"] if importlib.util.find_spec("pytest_profiling") else ["--profile", "--harness-profile"]
    )
    group = parser.getgroup("harness", "SageMaker harness")
    group.addoption(
        *names,
        dest="harness_profile",
        default="local",
        metavar="NAME",
        help="where harness's fixtures and scenarios run",
    )
    group.addoption(
        "--harness-state",
        default=None,
        metavar="DIR",
        help="the emulator's state folder, kept between runs (default: .harness/pytest, emptied first)",
    )
    group.addoption(
        "--harness-yes", action="store_true", help="tests and scenarios may run on AWS, where they cost money"
    )
    group.addoption(
        "--harness-budget",
        type=_dollars,
        metavar="DOLLARS",
        help="what each scenario may cost on AWS, and all test functions together",
    )
    parser.addini(
        "harness_scope", "how long an account of harness's fixtures lasts: " + ", ".join(SCOPES), default="function"
    )


def _dollars(text: str) -> float:
    import argparse

    try:
        dollars = float(text)
    except ValueError:
        dollars = 0.0
    if not 0 < dollars < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no amount of dollars above 0")
    return dollars


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "needs(part, ...): with harness's fixtures, skipped with the reason where a part is missing"
    )
    config.addinivalue_line(
        "markers", 'parity(claim): "same-as-aws", "differs: <reason>" or "local-only: <reason>"; one for each scenario'
    )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """End the run after the session's fixtures, while pytest-xdist still waits for its worker: later it kills."""
    _end_run(session.config)


def pytest_unconfigure(config: pytest.Config) -> None:
    _end_run(config)  # of a run that ended before its session began


def _end_run(config: pytest.Config) -> None:
    runs = sys.modules.get("harness.pytest_plugin.runs")
    if runs is None:  # nothing was used
        return
    runs.end_run(config)
    if hasattr(config, "workeroutput"):  # pytest-xdist's, for the process that has the terminal
        config.workeroutput[_KEY] = config.stash.get(runs.MESSAGES, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    messages: list[str] = getattr(node, "workeroutput", {}).get(_KEY, [])
    if messages:
        from harness.pytest_plugin.runs import MESSAGES

        node.config.stash.setdefault(MESSAGES, []).extend(messages)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    runs = sys.modules.get("harness.pytest_plugin.runs")
    messages: list[str] = config.stash.get(runs.MESSAGES, []) if runs is not None else []
    if messages:
        terminalreporter.section("harness on AWS")
    for line in messages:
        terminalreporter.write_line(line)


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Generator[None, Any, Any]:
    collectors = yield
    if is_scenario(file_path, parent.session):
        from harness.pytest_plugin.scenario_items import ScenarioFile

        if not any(isinstance(each, ScenarioFile) for each in collectors):
            collectors.append(ScenarioFile.from_parent(parent, path=file_path))
    return collectors


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """pytest would import a scenario that is named on the command line; it belongs in an interpreter of its own."""
    if not is_scenario(module_path, parent.session):
        return None
    from harness.pytest_plugin.scenario_items import ScenarioFile

    scenario: pytest.Collector = ScenarioFile.from_parent(parent, path=module_path)
    return scenario


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if uses_harness(item):
        from harness.pytest_plugin.claims import check_item

        check_item(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    if call.when != "teardown" and uses_harness(item):
        from harness.pytest_plugin.runs import current_run

        for harness in run.harnesses if (run := current_run(item.config)) else ():
            harness.outcomes[item.nodeid] = harness.outcomes.get(item.nodeid, True) and not report.failed
        if report.failed:
            from harness.pytest_plugin.evidence import attach

            attach(item, report)
    return report
