"""Names from outside become paths in one function, and every place where they do is known."""

from __future__ import annotations

import ast
import functools
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.contract.layout import below_root
from harness.kernel.safe_paths import UnsafeName, below, safe_parts

SOURCE = Path(__file__).parents[1] / "harness"

CHECKED = {
    "contract/layout.py: below_root": "LocalPath of an input, output or checkpoint",
    "contract/layout.py: channel_path": "the name of a channel",
    "engine/jobs/archives.py: _extract": "the name and the link target of a member of an archive",
    "engine/jobs/archives.py: _extract_named": "the name of a member of an archive",
    "engine/jobs/archives.py: _refuse_hostile": "the name of a member of an archive",
    "engine/jobs/staging.py: download_all": "S3 keys and entries of manifests, of inputs and models",
    "stores/result_cache.py: take_out": "names of files of a result kept for --reuse",
}
"""Where a name is checked, and what it is the name of."""

FETCHING = {
    "asserts/objects.py: unpack": "members stay in memory",
    "engine/jobs/archives.py: _extract": "checked there",
    "engine/hosting/model_servers.py: _fetch_model": "a name of the emulator's own",
    "engine/jobs/staging.py: _download": "checked by download_all",
    "runners/docker/registry.py: _read_archive": "members stay in memory",
    "aws/remote/objects.py: download": "the caller's path",
    "stores/package_index/index.py: _fetch": "a file name that the index page passed the check with",
}
"""Where data from outside are written to files or taken out of archives, and why that is safe."""
_FETCHES = {"download", "download_file", "download_fileobj", "extract", "extractall", "extractfile", "unpack_archive"}


@functools.cache
def calls() -> list[tuple[str, str, ast.Module]]:
    """``(file: function, name called, module)`` for every call outside the images, which run as jobs do."""
    found = []
    for file in sorted(SOURCE.rglob("*.py")):
        name = file.relative_to(SOURCE).as_posix()
        if name.startswith("images/"):
            continue
        module = ast.parse(file.read_text())
        for function in ast.walk(module):
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                for node in ast.walk(function):
                    if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
                        called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                        found.append((f"{name}: {function.name}", called, module))
    return found


def imports_checks(module: ast.Module) -> bool:
    return any(isinstance(node, ast.ImportFrom) and node.module == "harness.kernel.safe_paths" for node in module.body)


def test_every_place_that_makes_a_path_of_a_name_is_listed() -> None:
    found = {place for place, called, module in calls() if called in ("below", "safe_parts") and imports_checks(module)}
    assert found == set(CHECKED)


def test_every_place_that_fetches_data_into_files_is_listed() -> None:
    assert {place for place, called, _ in calls() if called in _FETCHES} == set(FETCHING)


@given(st.text(st.sampled_from("./a\\\0\udcff é\n"), max_size=12) | st.text(max_size=600))
def test_a_path_lies_below_its_folder_or_is_refused(name: str) -> None:
    folder = Path("/state/jobs/one")
    try:
        path = below(folder, name)
    except UnsafeName:
        return
    assert path.is_relative_to(folder)
    assert path != folder
    assert not {"..", "."} & set(path.parts)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a/b", "a/b"),
        ("/etc/passwd", "etc/passwd"),
        ("//a//b/", "a/b"),
        ("./a/./b", "a/b"),
        ("...", "..."),
        ("a\\b", "a\\b"),
    ],
)
def test_names_keep_their_parts(name: str, path: str) -> None:
    assert PurePosixPath(*safe_parts(name)) == PurePosixPath(path)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a/../b", "'..'"),
        ("..", "'..'"),
        ("", "names no file"),
        ("/./", "names no file"),
        ("a\0b", "NUL"),
        ("n" * 256, "256 bytes"),
        ("é" * 128, "256 bytes"),
        ("a/" * 513, "513 parts"),
        ("\udcff", "UTF-8"),
    ],
)
def test_names_that_can_be_no_path_are_refused(name: str, why: str) -> None:
    with pytest.raises(UnsafeName, match=why):
        below(Path("/folder"), name)


def test_a_local_path_is_one_below_opt_ml() -> None:
    assert below_root("/opt/ml//processing/./in/") == "processing/in"
    for path in ("/opt/ml", "/opt/ml/", "/opt/ml/../x", "opt/ml/x", "/opt/mlx/y", "/etc", "/opt/ml/a\0b", ""):
        assert below_root(path) is None
