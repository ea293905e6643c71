"""The rules of a fixture folder: its licence is stated, and committed files are not large."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from harness.cli.validate.findings import ValidationFinding, relative

FOLDER = "fixtures"
LARGEST_MB = 5
_LICENCES = ("LICENSE", "LICENCE", "COPYING", "NOTICE")
_NAMED = re.compile(
    r"\b(CC0|CC[ -]BY|MIT|Apache|BSD|GPL|MPL|ODbL|ODC|PDDL|Unlicense|public domain|proprietary|internal)\b|"
    r"\blicen[sc]ed? (under|of|is|:)|\blicen[sc]e:[ \t]*\S",
    re.IGNORECASE,
)
_NOT_STATED = re.compile(r"\blicen[sc]e[^.\n]*\bnot stated\b", re.IGNORECASE)
_REMEDY = (
    'add a NOTICE, or name the licence in its README.md, as in "Licence: CC BY 4.0", and where the data comes from'
)
_NOT_DATA = (".py", ".pyc", ".md", ".toml")


def fixture_folders(root: Path) -> list[Path]:
    folder = root / FOLDER
    if not folder.is_dir():
        return []
    hidden = (".", "_")
    return sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith(hidden))


def check_fixture(folder: Path, root: Path) -> Iterator[ValidationFinding]:
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and "__pycache__" not in file.parts]
    if not files:
        return
    yield from _licence(folder, root)
    for file in files:
        if file.suffix not in _NOT_DATA and (size := file.stat().st_size) > LARGEST_MB * 1_000_000:
            problem = f"has {size / 1e6:.1f} MB; {LARGEST_MB} MB is the most for a committed data file"
            remedy = "make it by a script (write(path) in a make.py, session.made(…) in the scenario)"
            yield ValidationFinding(relative(file, root), 0, problem, remedy)


def _licence(folder: Path, root: Path) -> Iterator[ValidationFinding]:
    """Find the licence: a file of its own, or its name in the README."""
    own = [file for file in folder.iterdir() if file.stem.upper() in _LICENCES and file.is_file()]
    if any(file.stat().st_size for file in own):
        return
    named = False
    for readme in sorted(folder.glob("README*")):
        for number, line in enumerate(readme.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if _NOT_STATED.search(line):
                yield ValidationFinding(
                    relative(readme, root), number, "leaves source and licence of the data open", _REMEDY
                )
                return
            named = named or _NAMED.search(line) is not None
    if not named:
        yield ValidationFinding(
            relative(folder, root), 0, "says nowhere under which licence its data may be used", _REMEDY
        )
