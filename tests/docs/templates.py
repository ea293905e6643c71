"""What ``.ci/templates`` needs of Python: a template of ``harness/docs/ci`` as a shell script, and what a wheel lacks.

``python -m tests.docs.templates script FILE`` prints what a CI would run of the file, in its order.
``python -m tests.docs.templates wheel FILE`` fails when a file of the package is not in the wheel.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOREIGN = "${{"
"""An expression that only the CI itself can resolve; no command may need one."""


def as_script(template: Mapping[Any, Any]) -> str:
    """Of GitHub's or GitLab's, told apart by what each must have."""
    lines = _github(template) if "jobs" in template else _gitlab(template)
    return "set -eu\n" + "\n".join(lines) + "\n"


def _github(template: Mapping[Any, Any]) -> Iterator[str]:
    yield from _variables(template.get("env", {}))
    for job in template["jobs"].values():
        for step in job["steps"]:
            if "run" in step:
                yield from _step(step["name"], step["run"])


def _gitlab(template: Mapping[Any, Any]) -> Iterator[str]:
    yield from _variables(template.get("variables", {}))
    for name, job in template.items():
        if name != "variables":
            for line in (*job.get("before_script", ()), *job["script"]):
                yield from _step(line, line)


def _variables(given: Mapping[str, str]) -> Iterator[str]:
    """As a CI does: what is set from outside wins, and values may name other variables."""
    for name, value in given.items():
        yield f': "${{{name}:={value}}}"; export {name}'


def _step(name: str, command: str) -> Iterator[str]:
    if FOREIGN in command:
        raise ValueError(f"{name}: a command with {FOREIGN} cannot be tried outside of the CI")
    yield f"printf '\\n--- %s\\n' {shlex.quote(name)}"
    yield f"bash -euo pipefail -c {shlex.quote(command)}"


def missing(wheel: Path) -> list[str]:
    """Files of the package that git knows and the wheel has not."""
    known = subprocess.run(["git", "ls-files", "harness"], cwd=ROOT, check=True, capture_output=True, text=True)
    there = {name for name in known.stdout.split() if (ROOT / name).exists()}  # what was just deleted is still known
    return sorted(there - set(zipfile.ZipFile(wheel).namelist()))


def main(what: str, file: str) -> int:
    if what == "script":
        sys.stdout.write(as_script(yaml.safe_load(Path(file).read_text(encoding="utf-8"))))
        return 0
    lacking = missing(Path(file))
    sys.stdout.writelines(f"not in the wheel: {name}\n" for name in lacking)
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
