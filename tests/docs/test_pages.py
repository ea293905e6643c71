"""The documentation's links lead somewhere, and its reference is what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.services.registry import operation
from harness.settings import PREFIX
from tests.docs.__main__ import FOLDER
from tests.docs.pages import ROOT, Page, pages
from tests.docs.reference import PAGES
from tests.docs.reference.settings import VARIABLES
from tests.docs.reference.supported import NOT_YET_OPERATIONS, README, readme_with_table


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_links_lead_somewhere(page: Page) -> None:
    lost = [target for target in page.links() if not _leads(page, target)]
    assert not lost, f"{page.name}: {lost}"


def _leads(page: Page, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = (page.path.parent / path).resolve() if path else page.path
    if not file.exists():
        return False
    return not anchor or anchor in Page(file).anchors()


def test_the_index_names_every_page() -> None:
    index = Page(ROOT / "harness" / "docs" / "README.md")
    named = {(index.path.parent / target.partition("#")[0]).resolve() for target in index.links()}
    missing = [
        page.name for page in pages() if page.path not in named and page.path not in (index.path, ROOT / "README.md")
    ]
    assert not missing


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_is_what_the_code_says(name: str) -> None:
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert written == PAGES[name](), "make it again: tox -e docs, or python -m tests.docs"


def test_the_table_of_the_readme_is_what_the_code_says() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == readme_with_table(text), "make it again: tox -e docs, or python -m tests.docs"
    assert [name for name in NOT_YET_OPERATIONS if operation("sagemaker", name) is not None] == []


def test_the_reference_has_no_other_pages() -> None:
    assert sorted(file.name for file in FOLDER.iterdir()) == sorted(PAGES)


def test_every_variable_told_is_read_somewhere() -> None:
    source = "".join(file.read_text(encoding="utf-8") for file in Path(ROOT / "harness").rglob("*.py"))
    read = re.findall(r'"(HARNESS_[A-Z0-9_]+)"', source)
    prefixes = tuple(name for name in read if name.endswith("_") and name != PREFIX)
    assert [name for name in VARIABLES if name not in read and not name.startswith(prefixes)] == []


def test_blocks_are_found_with_what_is_said_of_them(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text(
        "<!-- needs: docker -->\n```sh\none\n```\n\n<!-- not executed: it costs -->\n```sh\ntwo\n```\n"
        "<!-- file: a/mine.py -->\n\n```python\n# three\n```\n<!-- file: lost -->\nwords\n```text\nfour\n```\n"
    )
    page = Page(file)
    assert [(block.language, block.text, block.file, block.skipped) for block in page.blocks()] == [
        ("sh", "one", "", ""),
        ("sh", "two", "", "it costs"),
        ("python", "# three", "a/mine.py", ""),
        ("text", "four", "", ""),
    ]
    assert page.needs == ["docker"]
    assert page.anchors() == set()
