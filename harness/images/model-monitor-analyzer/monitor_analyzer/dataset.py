"""Chooses the reader for a run's data set. A reader yields frames of named columns, block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from . import messages
from .capture_rows import CaptureRows
from .config import AnalysisConfig
from .csv_files import CsvFiles
from .dataset_format import CAPTURE, CSV, JSON, PARQUET
from .errors import AnalyzerError
from .json_files import JsonFiles
from .parquet_files import ParquetFiles
from .record_sources import CaptureFiles, PreprocessedLines, plain_lines
from .scripts import Preprocessor
from .source_files import files_below


class DatasetReader(Protocol):
    def frames(self, text_columns: frozenset[str], only: frozenset[str] | None = None) -> Iterator[Any]:
        """Columns are Int64, Float64, Boolean or String (the cells' text). May be called again for a second pass.

        Integers in text_columns keep their text (`007`); with `only`, no other columns come.
        """

    def order(self, seen: list[str]) -> list[str]:
        """The data set's own order of the columns, given the order in which the frames brought them."""


def open_dataset(config: AnalysisConfig, baseline_names: Sequence[str]) -> DatasetReader:
    files = files_below(config.dataset_source)
    if not files:
        raise AnalyzerError(messages.SOURCE_EMPTY.format(path=config.dataset_source))
    form = config.dataset_format
    script = config.record_preprocessor_script
    preprocessor = Preprocessor(script) if script else None
    if form.kind == CAPTURE:
        window = (config.start_time, config.end_time) if config.start_time and config.end_time else None
        return CaptureFiles(files, CaptureRows(form.capture_sides, baseline_names), window, preprocessor)
    if preprocessor and form.kind == PARQUET:
        raise AnalyzerError(messages.SCRIPT_PARQUET)
    if preprocessor:
        return PreprocessedLines(lambda: plain_lines(files, form.kind == CSV and form.header), preprocessor)
    if form.kind == CSV:
        return CsvFiles(files, form.header, baseline_names, form.output_last)
    if form.kind == JSON:
        return JsonFiles(files, form.lines)
    return ParquetFiles(files)
