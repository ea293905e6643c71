"""A job may change its Python environment for itself: the environment that others use stays as it was built."""

from __future__ import annotations

from pathlib import Path

from harness.runners.process.environments import Environments
from harness.runners.spec import Environment
from tests.runners.conftest import Workbench, _skip_unless_given, workbench
from tests.runners.wheels import tiny_lock

_CHANGE = """
cd $(python -c 'import site; print(site.getsitepackages()[0])') && echo 'WORD = "new"' > other.py
rm tiny.py && rm -r tiny-1.0.dist-info && mkdir tiny-1.0.dist-info && ls -A tiny-1.0.dist-info
echo 'echo tool' > $(dirname $(command -v python))/tool && chmod +x $(dirname $(command -v python))/tool
tool; python -c 'import other; print(other.WORD)'; python -c 'import tiny' 2>&1 | tail -n 1
"""


def test_what_a_job_installs_or_removes_is_its_own(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    environments = Environments(tmp_path / "environments")
    tiny = Environment("tiny", lock=tiny_lock(tmp_path))
    before = _listing(environments.build(tiny, print).parent.parent)
    with workbench(tmp_path, "namespace", environments=environments) as bench:
        _skip_unless_given(bench)
        assert _changed(bench, tiny) == ["tool", "new", "ModuleNotFoundError: No module named 'tiny'"]
        assert _changed(bench, tiny) == ["tool", "new", "ModuleNotFoundError: No module named 'tiny'"]
        _, text = bench.job("sh", "-c", "python -c 'import tiny; print(tiny.WORD)'", environment=tiny)
    assert text.strip() == "tiny"
    assert _listing(environments.path(tiny).parent.parent) == before


def _changed(bench: Workbench, environment: Environment) -> list[str]:
    outcome, text = bench.job("sh", "-c", _CHANGE, environment=environment)
    assert outcome.code == 0, text
    return text.splitlines()


def _listing(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*") if "__pycache__" not in path.parts)
