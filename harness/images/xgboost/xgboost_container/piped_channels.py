"""Channels in Pipe mode: the first epoch of a FIFO, kept in a file that is then read like any other."""

from __future__ import annotations

import shutil
from pathlib import Path

from .content_types import CSV, PARQUET, RECORDIO_PROTOBUF
from .errors import UserError
from .layout import Layout
from .versions import Version

WITHOUT_PIPES = (3, 2)
NAMES = {CSV: "CSV", PARQUET: "Parquet", RECORDIO_PROTOBUF: "RecordIO-Protobuf"}


def refuse_pipes(data_format: str, version: Version) -> None:
    if version.xgboost >= WITHOUT_PIPES:
        raise UserError("Pipe mode for {} is no longer supported.".format(NAMES[data_format]))
    if data_format == PARQUET:
        raise UserError("Pipe mode for Parquet is not supported by this image: use File mode.")


def read_pipe(layout: Layout, channel: str, folder: Path) -> Path:
    """Copy a channel into a folder of its own below ``folder``; return that folder."""
    kept = folder / channel
    kept.mkdir()
    with open(str(layout.channel(channel)) + "_0", "rb") as fifo, (kept / "data").open("wb") as file:
        shutil.copyfileobj(fifo, file, 1 << 20)
    return kept
