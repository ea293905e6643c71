"""Environments are built once by uv, found again by their lock, and missing ones are refused with the remedy."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.kernel.cache import cache_folder
from harness.runners.process.environments import Environments
from harness.runners.process.errors import EnvironmentMissing
from harness.runners.process.pool import WarmPool
from harness.runners.spec import Cause, Environment
from harness.runners.uv import find_uv
from tests.runners.conftest import workbench
from tests.runners.wheels import tiny_lock


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tiny_lock(tmp_path)


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))


def test_own_environment_needs_nothing(tmp_path: Path) -> None:
    import sys

    environments = Environments(tmp_path / "cache")
    assert environments.path(Environment("own")) == Path(sys.executable)
    assert not (tmp_path / "cache").exists()


def test_built_once_for_all_who_ask_at_once(tmp_path: Path, lock: Path) -> None:
    lines: list[str] = []
    pythons: list[Path] = []

    def build() -> None:
        pythons.append(Environments(tmp_path / "cache").build(Environment("tiny image", lock), lines.append))

    threads = [threading.Thread(target=build) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(pythons)) == 1
    assert len([line for line in lines if line.startswith("harness: installing")]) == 1
    assert any("tiny" in line for line in lines[1:-1]), "uv's own lines are passed on"
    assert list(Environments(tmp_path / "cache").complete_folders()) == [pythons[0].parent.parent.name]
    done = subprocess.run([pythons[0], "-c", "import tiny; print(tiny.WORD)"], capture_output=True, check=True)
    assert done.stdout == b"tiny\n"


def test_another_lock_or_python_is_another_environment(tmp_path: Path, lock: Path) -> None:
    environments = Environments(tmp_path / "cache")
    environments.build(Environment("tiny", lock), _quiet)
    lock.write_text(lock.read_text() + "# changed\n")
    with pytest.raises(EnvironmentMissing, match="harness images pull tiny"):
        environments.path(Environment("tiny", lock))


def test_broken_build_is_built_again(tmp_path: Path, lock: Path) -> None:
    environments = Environments(tmp_path / "cache")
    python = environments.build(Environment("tiny", lock), _quiet)
    (python.parent.parent / "harness-environment").unlink()  # as if it had been killed before the end
    python.unlink()
    with pytest.raises(EnvironmentMissing):
        environments.path(Environment("tiny", lock))
    assert environments.build(Environment("tiny", lock), _quiet) == python
    assert python.exists()


def test_removed_environment_is_gone(tmp_path: Path, lock: Path) -> None:
    environments = Environments(tmp_path / "cache")
    environments.build(Environment("tiny", lock), _quiet)
    assert environments.all_folders() == [environments.folder_of(Environment("tiny", lock))]
    assert environments.discard(environments.all_folders()[0])
    assert environments.all_folders() == []
    assert environments.complete_folders() == {}


@pytest.mark.parametrize(
    ("requirement", "python", "evidence"),
    [("no-such-package-of-harness==1.0\n", None, "no-such-package-of-harness"), ("", "3.99", "3.99")],
)
def test_failed_build_says_what_uv_said(tmp_path: Path, requirement: str, python: str | None, evidence: str) -> None:
    lock = tmp_path / "lock"
    lock.write_text(requirement)
    environments = Environments(tmp_path / "cache")
    with pytest.raises(EnvironmentMissing) as caught:
        environments.build(Environment("broken", lock, python), _quiet)
    assert "run: harness images pull broken" in str(caught.value)
    assert evidence in str(caught.value).partition("\n")[2]
    assert environments.complete_folders() == {}


@pytest.mark.parametrize("damage", ["another hash", "no hash"])
def test_file_that_is_not_the_locked_one_is_not_installed(tmp_path: Path, lock: Path, damage: str) -> None:
    requirement, _, hashed = lock.read_text().partition(" --hash=sha256:")
    lock.write_text(f"{requirement} --hash=sha256:{'0' * 64}\n" if damage == "another hash" else requirement + "\n")
    environments = Environments(tmp_path / "cache")
    with pytest.raises(EnvironmentMissing, match=r"(?is)hash.*") as caught:
        environments.build(Environment("tiny", lock), _quiet)
    assert "tiny" in str(caught.value).partition("\n")[2]
    assert hashed
    assert environments.complete_folders() == {}


def test_versions_that_the_user_prefers_elsewhere_do_not_matter(
    tmp_path: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "constraints.txt").write_text("tiny==2.0\n")
    monkeypatch.setenv("UV_CONSTRAINT", str(tmp_path / "constraints.txt"))
    monkeypatch.setenv("UV_OVERRIDE", str(tmp_path / "constraints.txt"))
    assert Environments(tmp_path / "cache").build(Environment("tiny", lock), _quiet).exists()


def test_alternative_runs_where_the_python_is_missing(tmp_path: Path, lock: Path) -> None:
    notice = "tiny 1 on this Python stands in for tiny 1: no Python 3.99 was found"
    own = Environment("tiny", lock, notice=notice)
    environment = Environment("tiny", lock, "3.99", (Environment("tiny", lock, "3.98", notice="never"), own))
    with workbench(tmp_path, None, environments=Environments(tmp_path / "cache")) as bench:
        for _ in range(2):
            outcome, text = bench.job("python", "-c", "import tiny; print(tiny.WORD)", environment=environment)
            assert outcome.code == 0, text
            assert text.splitlines()[0] == notice
            assert text.splitlines()[-1] == "tiny"
    assert Environments(tmp_path / "cache").path(environment) == Environments(tmp_path / "cache").path(own)


def test_missing_lock_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentMissing, match=r"gone\.lock"):
        Environments(tmp_path).build(Environment("image", tmp_path / "gone.lock"), _quiet)


def test_cache_folder_follows_the_users_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HARNESS_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder("environments") == tmp_path / "xdg" / "harness" / "environments"
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "own"))
    assert cache_folder("environments") == tmp_path / "own" / "environments"


def test_job_runs_in_its_environment_in_a_hidden_place(tmp_path: Path, lock: Path) -> None:
    cache = tmp_path / "home" / ".cache"
    with workbench(tmp_path, None, environments=Environments(cache), pool=WarmPool()) as bench:
        code = "import tiny, sys; print(tiny.WORD, sys.prefix)"
        environment = Environment("tiny", lock)
        outcome, text = bench.job("python", "-c", code, environment=environment)
        assert outcome.code == 0, text
        assert text.startswith("harness: installing the environment of tiny")
        assert text.splitlines()[-1] == f"tiny {next(iter(Environments(cache).complete_folders().values()))}"
        (tmp_path / "ml").mkdir()
        (tmp_path / "ml" / "code.py").write_text(code)
        place = "/opt/ml" if bench.roots != "environment" else str(tmp_path / "ml")
        warm = bench.job("python", f"{place}/code.py", environment=environment, preload=("tiny",), root=tmp_path / "ml")
        assert warm[1] == text.splitlines()[-1] + "\n"


def test_job_without_its_environment_is_not_started(tmp_path: Path, lock: Path) -> None:
    with workbench(tmp_path, None, environments=Environments(tmp_path / "cache", install=False)) as bench:
        outcome, text = bench.job("python", "-c", "print('ran')", environment=Environment("tiny", lock))
        assert (outcome.cause, text) == (Cause.NOT_STARTED, "")
        assert outcome.message == "the environment of tiny is not installed; run: harness images pull tiny"


@pytest.mark.parametrize("version", ["3.7", "3.8", "3.13"])
def test_old_and_new_pythons_are_started_warm(
    tmp_path: Path, lock: Path, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [str(place) for place in (Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin")]
    monkeypatch.setenv("PATH", os.pathsep.join([*kept, os.environ["PATH"]]))
    uv = find_uv()
    assert uv is not None
    if subprocess.run([uv, "python", "find", "--no-python-downloads", version], capture_output=True).returncode:
        pytest.skip(f"no Python {version} here")
    environment = Environment("tiny", lock, version)
    environments = Environments(tmp_path / "cache")
    environments.build(environment, print)
    with workbench(tmp_path, None, environments=environments, pool=WarmPool()) as bench:
        (tmp_path / "ml").mkdir()
        (tmp_path / "ml" / "code.py").write_text("import sys; print(sys.version_info[:2]); sys.exit(6)")
        place = "/opt/ml" if bench.roots != "environment" else str(tmp_path / "ml")
        outcome, text = bench.job(
            "python", f"{place}/code.py", environment=environment, preload=("tiny", "json"), root=tmp_path / "ml"
        )
        assert (outcome.code, text) == (6, f"{tuple(map(int, version.split('.')))}\n")


_quiet: Callable[[str], None] = lambda line: None  # noqa: E731
