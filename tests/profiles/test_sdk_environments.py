from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from harness.kernel.errors import StateError
from harness.profiles import sdk_environments
from harness.profiles.sdk_environments import V3, is_installed, own_generation, python_for


def test_the_generation_beside_the_harness_needs_no_other_environment() -> None:
    assert own_generation() == "v2"
    assert python_for("v2", print) == Path(sys.executable)
    assert is_installed("v2")


def test_without_it_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk_environments, "own_generation", lambda: None)
    with pytest.raises(StateError, match=r"pip install 'sagemaker\[local\]>=2.257,<3'"):
        python_for("v2", print)


def test_v3_is_installed_when_asked_for_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    assert not is_installed("v3")
    assert list(tmp_path.iterdir()) == []


def test_a_build_that_fails_is_one_line_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("harness.runners.uv.find_uv", lambda: None)
    with pytest.raises(StateError, match="uv, which installs the environment of sdk-v3, is not installed"):
        python_for("v3", lambda line: None)


def test_the_lock_pins_everything_and_names_no_host() -> None:
    assert V3.lock is not None
    lines = [line.removesuffix(" \\") for line in V3.lock.read_text().splitlines() if not line.startswith("#")]
    pins = [line for line in lines if not line.startswith(" ")]
    hashes = [line.strip() for line in lines if line.startswith(" ")]
    assert any(line.startswith("sagemaker==3.") for line in pins)
    assert all(re.match(r"[a-z0-9._-]+==[\w.+!-]+( ; .*)?$", line) for line in pins)
    assert len(hashes) >= len(pins)
    assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in hashes)
