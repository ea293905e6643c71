"""The pages of the documentation as this suite reads them: their blocks of code, their links and their headings.

A block ```sh is executed unless a comment `<!-- not executed: why -->` stands before it. `<!-- file: NAME -->` before a
block makes it a file of the project in which the page's commands run. `<!-- needs: PART -->` anywhere on a page is the
test suite's marker of that name, for the whole page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_COMMENT = re.compile(r"<!--\s*(not executed|file|needs):\s*(.*?)\s*-->")
_FENCE = re.compile(r"^\s*```(\w*)")


@dataclass(frozen=True)
class Block:
    line: int
    language: str
    text: str
    file: str = ""
    skipped: str = ""
    """Why it is not executed."""


@dataclass(frozen=True)
class Page:
    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def needs(self) -> list[str]:
        return [value for kind, value in _COMMENT.findall(self.text) if kind == "needs"]

    def blocks(self) -> Iterator[Block]:
        said: tuple[str, str] = ("", "")
        language, begun, lines = None, 0, list[str]()
        for number, line in enumerate(self.text.splitlines(), 1):
            fence, comment = _FENCE.match(line), _COMMENT.search(line)
            if language is not None:
                if fence:
                    yield _block(begun, language, lines, said)
                    language, lines, said = None, [], ("", "")
                else:
                    lines.append(line)
            elif fence:
                language, begun = fence[1], number
            elif comment:
                said = (comment[1], comment[2])
            elif line.strip():
                said = ("", "")

    def _unfenced(self) -> str:
        """Without the blocks, in which a hash begins no heading."""
        return re.sub(r"^\s*```.*?^\s*```\s*$", "", self.text, flags=re.MULTILINE | re.DOTALL)

    def anchors(self) -> set[str]:
        """As GitHub makes them of headings."""
        found: set[str] = set()
        for heading in re.findall(r"^#+ (.+)$", self._unfenced(), re.MULTILINE):
            slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
            again = 0
            while (name := f"{slug}-{again}" if again else slug) in found:
                again += 1
            found.add(name)
        return found

    def links(self) -> list[str]:
        """The targets that are no addresses of the web."""
        prose = re.sub(r"`[^`\n]*`", "code", self._unfenced())
        targets = re.findall(r"\]\(([^)\s]+)\)", prose)
        return [target for target in targets if not re.match(r"[a-z]+:", target)]


def _block(line: int, language: str, lines: list[str], said: tuple[str, str]) -> Block:
    kind, value = said
    return Block(
        line, language, "\n".join(lines), value if kind == "file" else "", value if kind == "not executed" else ""
    )


def pages() -> list[Page]:
    folders = (ROOT / "harness" / "docs", ROOT / "harness" / "docs" / "reference", ROOT / "harness" / "docs" / "ci")
    return [Page(ROOT / "README.md"), *(Page(file) for folder in folders for file in sorted(folder.glob("*.md")))]
