"""The configuration of one run: the parent writes it as one JSON file, the scenario's process reads it."""

from __future__ import annotations

import dataclasses
import json
import os
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.aws_run.instructions import AwsInstructions
from harness.kernel.files import write_private

VARIABLE = "HARNESS_RUN_DOCUMENT"
"""The variable that names the document's file in the environment of the scenario's process."""


@dataclass(frozen=True)
class EmulatorAccess:
    """The emulator's own endpoints: their common address, and the file with the token that they require."""

    url: str
    token_file: str


@dataclass(frozen=True)
class RequestRecording:
    """The folder in which requests and answers are recorded; with ``start``, earlier steps are answered from it."""

    folder: Path
    start: str = ""
    """The first step that is executed for real."""


@dataclass(frozen=True)
class RunDocument:
    """Everything that a scenario's process needs to know of its run."""

    run_id: str
    region: str
    role: str
    bucket: str
    fixtures: Path
    """The project's folder of fixtures."""
    generated_fixtures: Path
    """The cache folder for fixtures that a script generates."""
    work: Path
    events: Path
    data: Path | None = None
    """The user's own table (``--data``)."""
    bucket_prefix: str = ""
    """The prefix for the SDK's files in a bucket that other runs share."""
    emulator: EmulatorAccess | None = None
    """None where no emulator is used."""
    reuse: bool = False
    """Whether jobs may be answered with the results of earlier ones."""
    recording: RequestRecording | None = None
    aws: AwsInstructions | None = None
    local_mode: bool = False
    """Whether the SDK's sessions are those of its local mode."""

    def write(self, file: Path) -> None:
        """Write the document to a file that only its owner may read."""
        write_private(file, json.dumps(dataclasses.asdict(self), default=str, indent=1).encode())

    @classmethod
    def read(cls, file: Path) -> RunDocument:
        """Read a document that ``write`` has written."""
        document: RunDocument = _decode(cls, json.loads(file.read_text(encoding="utf-8")))
        return document

    @classmethod
    def of_this_process(cls) -> RunDocument:
        """Read the document that the environment of this process names."""
        return cls.read(Path(os.environ[VARIABLE]))


def _decode(annotation: Any, value: Any) -> Any:
    """Build the annotated type from plain JSON."""
    if value is None:
        return None
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        annotation = next(each for each in typing.get_args(annotation) if each is not types.NoneType)
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        hints = typing.get_type_hints(annotation)
        return annotation(**{name: _decode(hints[name], member) for name, member in value.items()})
    if annotation is Path:
        return Path(value)
    return tuple(value) if typing.get_origin(annotation) is tuple else value
