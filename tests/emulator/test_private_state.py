"""The state folder is its owner's alone, whatever the umask of whoever starts the emulator."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import boto3
import pytest

from harness.clients import emulator_process
from harness.clients.emulator_process import StartOptions
from harness.stores.folder import make_private


def test_nobody_else_can_enter_the_state_folder(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o755)
    mask = os.umask(0o022)
    try:
        emulator = emulator_process.start(state, StartOptions(port=0))
    finally:
        os.umask(mask)
    try:
        keys = {"aws_access_key_id": "123456789012", "aws_secret_access_key": "harness", "region_name": "us-east-1"}
        s3 = boto3.client("s3", endpoint_url=emulator.address, **keys)
        s3.create_bucket(Bucket="mine-b")
        s3.put_object(Bucket="mine-b", Key="k", Body=b"secret")
    finally:
        emulator_process.stop(emulator)
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in (state, *state.rglob("*"))}
    assert {modes[path] for path in modes if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}, modes


@pytest.mark.parametrize(
    ("content", "closed"),
    [((), True), (("lock", "emulator.log", "s3"), True), (("reports",), True), (("lock", "data.csv"), False)],
)
def test_only_a_state_folder_is_closed(tmp_path: Path, content: tuple[str, ...], closed: bool) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o755)
    for name in content:
        (folder / name).touch()
    make_private(folder)
    assert (stat.S_IMODE(folder.stat().st_mode) == 0o700) is closed
