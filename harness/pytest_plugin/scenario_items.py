"""Scenario files as test items: ``scenarios/NAME.py::run`` is played as ``harness run`` plays it, in its own Python."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.kernel.errors import StateError
from harness.profiles.parity import claims_of, only_claim
from harness.profiles.scenarios import read
from harness.pytest_plugin.claims import skip_local_only
from harness.pytest_plugin.needs import check_needs, marked_needs
from harness.pytest_plugin.runs import run_of

REPORT = "report.json"
STOP_SECONDS = 60.0
_UNDER = " " * 18


class ScenarioFile(pytest.File):
    def collect(self) -> Iterator[pytest.Item]:
        try:
            scenario = read(self.path)
            claim = only_claim(claims_of(self.path), self.path.name)
        except (StateError, ValueError) as error:
            raise self.CollectError(str(error)) from None
        item: ScenarioItem = ScenarioItem.from_parent(self, name="run")
        item.scenario, item.claim = scenario, claim
        for tag in scenario.tags:
            item.keywords[tag] = True
        yield item


class ScenarioFailed(Exception):
    """The report of a scenario that did not pass."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class ScenarioItem(pytest.Item):
    scenario: Any
    claim: Any

    def setup(self) -> None:
        check_needs([*self.scenario.needs, *marked_needs(self)])
        skip_local_only(self.claim, self.config)

    def runtest(self) -> None:
        run = run_of(self.config)
        if not run.on_aws:
            run.require_emulator()  # it runs from here on, so every scenario of the run shares it
        with tempfile.TemporaryDirectory(prefix="harness-") as output:
            folder = run.state / "reports" / self.scenario.name
            code = self._play(folder, Path(output) / "output")
            if code == 0:
                return
            report = _read(folder / REPORT)
            said = (Path(output) / "output").read_text(errors="replace").strip()
            failure = _describe(report, folder) if report else f"harness run ended with code {code}:\n{said}"
            raise ScenarioFailed(failure)

    def _play(self, folder: Path, output: Path) -> int:
        run = run_of(self.config)
        (folder / REPORT).unlink(missing_ok=True)
        options = [*run.options(), "--report-dir", str(folder), "--json"]
        argv = [sys.executable, "-m", "harness.cli", "run", str(self.path), *options]
        package = str(Path(__file__).resolve().parents[2])
        paths = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH", ""))))
        root = self.path.parent.parent if self.path.parent.name == "scenarios" else run.root
        with (
            output.open("wb") as stream,
            subprocess.Popen(
                argv,
                cwd=root,
                env={**os.environ, "PYTHONPATH": paths},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stream,
                start_new_session=True,
            ) as program,
        ):
            try:
                return program.wait()
            except BaseException:  # Ctrl-C, or a time limit: the scenario cleans up first
                _end(program)
                raise

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, ScenarioFailed):
            return excinfo.value.text
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"{self.scenario.name}: {self.scenario.title}"


def _end(program: subprocess.Popen[bytes]) -> None:
    program.send_signal(signal.SIGINT)
    try:
        program.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        program.kill()


def _read(file: Path) -> dict[str, Any] | None:
    """Read the one scenario of a report; None when the run ended before there was one."""
    try:
        played: list[dict[str, Any]] = json.loads(file.read_text())["scenarios"]
    except (OSError, ValueError, KeyError):
        return None
    return played[0] if played else None


def _describe(report: dict[str, Any], folder: Path) -> str:
    """Describe a failed scenario: one line for the summary, then its steps, what failed, and where to look."""
    failed = next((step for step in report["steps"] if step["state"] == "failed"), None)
    traceback = report["traceback"].rstrip() or "it did not end"
    what = (failed["error"] if failed else "").splitlines() or traceback.splitlines()[-1:]
    lines = [f"{failed['name']}: {what[0]}" if failed else what[0], ""]
    for step in report["steps"]:
        lines.append(f"{step['state']:8}{step['seconds']:6.1f} s  {step['name']}")
        for met in step["expectations"]:
            if not met["passed"]:
                lines += [f"{_UNDER}{line}" for line in (f"expected: {met['text']}", *met["evidence"].splitlines())]
    for resource in report["resources"]:
        if resource["status"] == "Failed":
            reason = resource["description"].get("FailureReason", "")
            lines += ["", f"{resource['kind']} {resource['name']} failed: {reason}"]
            lines += [f"  | {line}" for line in resource["log_tail"][-20:]]
    # The program prints its traceback too; once is enough.
    said = [line for line in report["log_tail"] if line.strip() and line not in traceback]
    output = ["", "end of its output:", *(f"  | {line}" for line in said)] if said else []
    return "\n".join([*lines, "", traceback, *output, "", f"report: {folder / 'report.html'}"])
