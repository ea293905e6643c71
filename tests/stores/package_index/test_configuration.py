"""What pip and uv of this machine are configured for, from variables and files."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.stores.package_index.configuration import PYPI, read_pip, read_uv


@pytest.fixture
def nothing(tmp_path: Path) -> dict[str, str]:
    """An environment in which no file of this machine counts."""
    return {"XDG_CONFIG_DIRS": str(tmp_path / "system"), "XDG_CONFIG_HOME": str(tmp_path / "own")}


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_pip_variables_win_over_files_and_install_over_global(tmp_path: Path, nothing: dict[str, str]) -> None:
    write(
        tmp_path / "system/pip/pip.conf", "[global]\nindex-url = https://system.example/simple\nfind-links = /wheels\n"
    )
    extra = "extra-index-url =\n    https://a.example/simple\n    file:///b/simple"
    text = f"[global]\n{extra}\n[install]\nconstraint = c.txt\n"
    write(tmp_path / "own/pip/pip.conf", text)
    read = read_pip({**nothing, "PIP_FIND_LINKS": "/more http://l.example/links"}, tmp_path)
    assert read is not None
    assert read.indexes == ("https://system.example/simple", "https://a.example/simple", "file:///b/simple")
    assert read.find_links == ("file:///more", "http://l.example/links")
    assert read.constraints == ((Path.cwd() / "c.txt").as_uri(),)


def test_pip_without_an_index_has_its_folders_only(tmp_path: Path, nothing: dict[str, str]) -> None:
    read = read_pip({**nothing, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels"}, tmp_path)
    assert read is not None
    assert (read.indexes, read.find_links) == ((), ("file:///wheels",))


def test_uv_variables_and_files(tmp_path: Path, nothing: dict[str, str]) -> None:
    text = """
[[index]]
name = "corp"
url = "https://corp.example/simple"
[[index]]
url = "https://only.example/simple"
explicit = true
[[index]]
url = "https://default.example/simple"
default = true
[pip]
find-links = ["/wheels"]
"""
    write(tmp_path / "own/uv/uv.toml", text)
    given = {**nothing, "UV_INDEX": "extra=https://extra.example/simple", "UV_INDEX_CORP_USERNAME": "me@x"}
    read = read_uv({**given, "UV_INDEX_CORP_PASSWORD": "s"}, tmp_path)
    assert read is not None
    corp = "https://me%40x:s@corp.example/simple"
    assert read.indexes == ("https://extra.example/simple", corp, "https://default.example/simple")
    assert (read.find_links, read.first_index_only) == (("file:///wheels",), True)
    chosen = read_uv(
        {**given, "UV_DEFAULT_INDEX": "https://d.example/", "UV_INDEX_STRATEGY": "unsafe-best-match"}, tmp_path
    )
    assert chosen is not None
    assert (chosen.indexes[-1], chosen.first_index_only) == ("https://d.example/", False)


@pytest.mark.parametrize("text", ["index-url = [", "[pip\n", "\x00"])
def test_nothing_configured_and_unreadable_files_are_nothing(
    tmp_path: Path, nothing: dict[str, str], text: str
) -> None:
    write(tmp_path / "own/uv/uv.toml", text)
    assert read_uv(nothing, tmp_path) is None
    pip = read_pip({**nothing, "PIP_CONFIG_FILE": "/dev/null"}, tmp_path)
    assert pip is None
    assert PYPI == "https://pypi.org/simple/"
