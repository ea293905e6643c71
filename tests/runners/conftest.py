"""Runners whose leftovers are looked for after each test, and a short way to run one program in them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.runners.process import folders
from harness.runners.process.environments import Environments
from harness.runners.process.pool import WarmPool
from harness.runners.process.runner import ProcessRunner
from harness.runners.spec import Environment, Outcome, RunSpec
from tests.cloud import eventually as cloud_eventually

PROGRAMS = Path(__file__).parent / "programs"
OWN = Environment("own")


def eventually(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    """As elsewhere, with less patience: programs here do next to nothing."""
    return cloud_eventually(condition, seconds)


class Workbench:
    """A runner with a hidden home and a shown program folder; ``job`` runs one program to its end."""

    def __init__(self, folder: Path, runner: ProcessRunner) -> None:
        self.folder = folder
        self.runner = runner
        self.roots = runner.host.roots.value
        self._count = 0

    def spec(self, *argv: str, **more: Any) -> RunSpec:
        self._count += 1
        root = more.pop("root", None) or self.folder / f"ml-{self._count}"
        root.mkdir(exist_ok=True)
        more.setdefault("needs_absolute_root", self.roots != "environment")
        more.setdefault("visible", (PROGRAMS,))
        return RunSpec(
            name=f"job-{self._count}", argv=argv, environment=more.pop("environment", OWN), root=root, **more
        )

    def start(self, *argv: str, **more: Any) -> tuple[Any, list[bytes]]:
        output: list[bytes] = []
        return self.runner.start(self.spec(*argv, **more), output.append), output

    def job(self, *argv: str, **more: Any) -> tuple[Outcome, str]:
        run, output = self.start(*argv, **more)
        outcome = run.wait(40)
        assert outcome is not None, b"".join(output)
        return outcome, b"".join(output).decode()


def mounts(folder: Path) -> list[str]:
    """Those that could be ours; other tests may mount things of their own at the same time."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if str(folder) in line or " /opt/" in line or " /harness" in line]


@contextlib.contextmanager
def workbench(folder: Path, roots: str | None, **more: Any) -> Iterator[Workbench]:
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    (home / "secret").write_text("nobody's business")
    before = mounts(folder)
    runner = ProcessRunner(
        folder / "runs",
        environments=more.pop("environments", None) or Environments(folder / "environments"),
        hidden=(home, *more.pop("hidden", ())),
        roots=roots,
        **more,
    )
    try:
        yield Workbench(folder, runner)
    finally:
        runner.close()
    left = list((folder / "runs").iterdir()) if (folder / "runs").exists() else []
    assert left == [], "folders of jobs are left"
    assert folders.users_of(folder / "runs") == [], "processes of jobs are left"
    assert mounts(folder) == before, "mounts are left"


def _skip_unless_given(bench: Workbench) -> None:
    host = bench.runner.host
    if bench.roots == "namespace" and not host.granted:
        pytest.skip(f"this host refuses namespaces: {host.refusal}")
    if bench.roots == "proot" and not host.wrapper:
        pytest.skip(f"proot: {host.refusal}")


@pytest.fixture(params=["namespace", "proot", "environment"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workbench]:
    """Every way to ``/opt/ml`` there is: ``bench.job("sh", "-c", "exit 3")``."""
    with workbench(tmp_path, request.param) as made:
        _skip_unless_given(made)
        yield made


@pytest.fixture
def contained(tmp_path: Path) -> Iterator[Workbench]:
    """Namespaces: ``contained.job("python", "/opt/ml/x.py")``."""
    with workbench(tmp_path, "namespace") as made:
        _skip_unless_given(made)
        yield made


@pytest.fixture
def warm(tmp_path: Path) -> Iterator[Workbench]:
    """Namespaces and a warm pool of one: ``warm.job("python", path, preload=("json",))``."""
    with workbench(tmp_path, "namespace", pool=WarmPool(limit=1)) as made:
        _skip_unless_given(made)
        yield made
