"""The rules of script mode, without a job: command lines, variables, code archives, failure files."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.provenance("documented", source="source code: aws/sagemaker-training-toolkit")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"b": 1, "a-b": "x y"}, ["--a-b", "x y", "-b", "1"]),
        ({"flag": True, "rate": 1e-05, "none": None}, ["--flag", "True", "--none", "", "--rate", "1e-05"]),
        ({"list": [1, "2"], "map": {"k2": 2, "k": "v"}}, ["--list", "[1, '2']", "--map", "k=v,k2=2"]),
        ({}, []),
    ],
)
def test_hyperparameters_become_arguments(values: dict[str, Any], words: list[str]) -> None:
    from framework_toolkit.hyperparameters import arguments

    assert arguments(values) == words


def test_hyperparameters_are_decoded_and_sorted_out() -> None:
    from framework_toolkit.hyperparameters import decode, of_framework, of_user

    values = decode(
        {"n": "3", "s": '"3"', "bare": "text", "sagemaker_program": '"t.py"', "sagemaker_mpi_enabled": "false"}
    )
    assert of_user({**values, "_tuning_objective_metric": "auc"}) == {"n": 3, "s": "3", "bare": "text"}
    assert of_framework(values) == {"sagemaker_mpi_enabled": False}


@pytest.mark.parametrize(
    ("files", "name", "as_module", "words"),
    [
        ([], "t.py", False, [sys.executable, "t.py", "-a", "1 2"]),
        ([], "in/t.py", True, [sys.executable, "-m", "in.t", "-a", "1 2"]),
        (["setup.py"], "t.py", False, [sys.executable, "-m", "t", "-a", "1 2"]),
        (["setup.py"], "t.sh", False, ["/bin/sh", "-c", "./t.sh -a '1 2'"]),
        ([], "tool", False, ["/bin/sh", "-c", "./tool -a '1 2'"]),
    ],
)
def test_kinds_of_entry_points(tmp_path: Path, files: list[str], name: str, as_module: bool, words: list[str]) -> None:
    from framework_toolkit.entry_point import command

    for file in files:
        (tmp_path / file).touch()
    assert command(tmp_path, name, ["-a", "1 2"], as_module) == words


def test_the_variables_of_a_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from framework_toolkit.layout import Layout
    from framework_toolkit.variables import TrainingEnvironment

    layout = Layout(tmp_path)
    layout.input_config.mkdir(parents=True)
    groups = [{"hosts": ["algo-1", "algo-2"], "instance_group_name": "g", "instance_type": "ml.m5.large"}]
    resource = {"current_host": "algo-2", "hosts": ["algo-1", "algo-2"], "current_group_name": "g"}
    (layout.input_config / "resourceconfig.json").write_text(json.dumps({**resource, "instance_groups": groups}))
    (layout.input_config / "inputdataconfig.json").write_text(json.dumps({"train": {}, "Test": {}}))
    monkeypatch.setenv("TRAINING_JOB_NAME", "job")
    user = {"learning-rate": 0.1, "on": True, "text": "a", "none": None}
    environment = TrainingEnvironment(layout, {"sagemaker_program": "in/t.py"}, user, {})
    found = environment.variables()
    expected = {
        "SM_HOSTS": '["algo-1","algo-2"]',
        "SM_CHANNELS": '["Test","train"]',
        "SM_CHANNEL_TEST": str(tmp_path / "input/data/Test"),
        "SM_HP_LEARNING-RATE": "0.1",
        "SM_HP_ON": "true",
        "SM_HP_TEXT": "a",
        "SM_HP_NONE": "",
        "SM_MODULE_NAME": "in/t",
        "SM_USER_ARGS": '["--learning-rate","0.1","--none","","--on","True","--text","a"]',
        "SM_CURRENT_INSTANCE_GROUP_HOSTS": '["algo-1","algo-2"]',
    }
    assert {name: found[name] for name in expected} == expected
    described = json.loads(found["SM_TRAINING_ENV"])
    assert (described["is_master"], described["master_hostname"], described["job_name"]) == (False, "algo-1", "job")


def archive(path: Path, *members: tuple[str, str, bytes]) -> Path:
    """An archive of ``(name, target of a link or "", content)``."""
    with tarfile.open(path, "w:gz") as tar:
        for name, link, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            if link:
                member.type, member.linkname, member.size = tarfile.SYMTYPE, link, 0
            tar.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_code_comes_from_an_archive_or_stays(tmp_path: Path) -> None:
    from framework_toolkit.source import fetch_code

    code = tmp_path / "code"
    fetch_code(str(archive(tmp_path / "a.tar.gz", ("t.py", "", b"1"), ("in/x", "../t.py", b""))), code)
    assert (code / "in" / "x").read_text() == "1"
    fetch_code(str(archive(tmp_path / "b.tar.gz", ("t.py", "", b"2"))), code)
    assert (code / "t.py").read_text() == "1"


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize("member", [("../x", "", b""), ("/x", "", b""), ("x", "../../etc", b""), ("x", "/etc", b"")])
def test_an_archive_cannot_leave_the_code_folder(tmp_path: Path, member: tuple[str, str, bytes]) -> None:
    from framework_toolkit.errors import ClientError
    from framework_toolkit.source import fetch_code

    with pytest.raises(ClientError, match="lies outside of the code folder"):
        fetch_code(str(archive(tmp_path / "a.tar.gz", member)), tmp_path / "in" / "code")
    assert not list((tmp_path / "in" / "code").iterdir())


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize("content", [b"", b"text", b"\x1f\x8b\x08\x00broken"])
def test_what_is_no_archive_is_named(tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    from framework_toolkit import source
    from framework_toolkit.errors import ClientError

    monkeypatch.setattr(source, "_download", lambda address, target: target.write_bytes(content))
    with pytest.raises(ClientError, match="s3://b/k is not a gzip-compressed tar archive"):
        source.fetch_code("s3://b/k", tmp_path / "code")
    assert list(tmp_path.iterdir()) == [tmp_path / "code"]


def test_failure_texts() -> None:
    from framework_toolkit.error_capture import summary
    from framework_toolkit.errors import CommandError, InstallRequirementsError

    lines = ["fine\n", "Traceback (most recent call last):\n", "  File x\n", "KeyError: 'x' :\n", "after\n", "after\n"]
    assert summary(lines) == "KeyError: 'x'\n after"
    assert summary(["fine\n"]) == ""
    text = CommandError("python t.py", 137, "MemoryError").failure_text()
    assert text.splitlines() == [
        "ExecuteUserScriptError:",
        "ExitCode 137",
        'ErrorMessage "MemoryError"',
        'ExtraInfo "OutOfMemory: Process killed by SIGKILL (signal 9)"',
        'Command "python t.py"',
    ]
    assert InstallRequirementsError("pip", 1).failure_text().startswith("InstallRequirementsError:\nExitCode 1")


def test_output_passes_through_and_is_quoted(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from framework_toolkit import entry_point
    from framework_toolkit.errors import CommandError

    lines = ["import os, time", "print('seen', os.environ['SM_X'], flush=True)", "time.sleep(0.5)"]
    script = "\n".join([*lines, "raise ValueError('bad value')", ""])
    (tmp_path / "t.py").write_text(script)
    with pytest.raises(CommandError) as caught:
        entry_point.run([sys.executable, "t.py"], tmp_path, {"SM_X": "1"}, capture=True)
    assert (caught.value.code, caught.value.output) == (1, "raise ValueError('bad value')\n ValueError: bad value")
    shown = capfd.readouterr()
    assert "seen 1" in shown.out
    assert "ValueError: bad value" in shown.err
