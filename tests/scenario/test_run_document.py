"""The document of a run: what is written is read back, and nobody else may read it."""

from __future__ import annotations

import stat
from pathlib import Path

from harness.aws_run.instructions import AwsInstructions
from harness.aws_run.request_defaults import RequestDefaults
from harness.scenario.run_document import EmulatorAccess, RequestRecording, RunDocument
from harness.scenario.run_folder import RunFolder

LEAST = RunDocument(
    run_id="r",
    region="us-east-1",
    role="arn:aws:iam::123456789012:role/R",
    bucket="b",
    fixtures=Path("/f"),
    generated_fixtures=Path("/g"),
    work=Path("/w"),
    events=Path("/e"),
)
DEFAULTS = RequestDefaults(tags={"a": "b"}, subnets=("s-1",), max_runtime={"default": 60}, spot=("Train",))


def test_a_document_is_read_as_it_was_written(tmp_path: Path) -> None:
    full = RunDocument(
        **{
            **vars(LEAST),
            "data": Path("/d.csv"),
            "bucket_prefix": "p",
            "emulator": EmulatorAccess("http://127.0.0.1:1/_harness", "/t"),
            "reuse": True,
            "recording": RequestRecording(Path("/kept"), "Train"),
            "aws": AwsInstructions("r", Path("/ledger"), DEFAULTS, False, 7),
            "local_mode": True,
        }
    )
    for document in (LEAST, full):
        document.write(tmp_path / "run.json")
        assert RunDocument.read(tmp_path / "run.json") == document
    assert stat.S_IMODE((tmp_path / "run.json").stat().st_mode) == 0o600


def test_a_run_folder_keeps_no_document_of_an_earlier_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path).prepare()
    LEAST.write(folder.document)
    folder.events.write_text("{}\n")
    folder.prepare()
    assert [file.name for file in tmp_path.iterdir()] == ["work"]
    LEAST.write(folder.document)
    folder.remove_document()
    folder.remove_document()
    assert not folder.document.exists()
