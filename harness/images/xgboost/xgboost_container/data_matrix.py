"""A channel's files as one DMatrix; text is read by XGBoost's own parser."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

from .content_types import CSV, LIBSVM
from .csv_text import BYTE_ORDER_MARK, delimiter_of, first_line, has_byte_order_mark, refuse_text_cells
from .data_files import files_to_read
from .errors import UserError
from .libsvm_text import check_libsvm
from .logs import log
from .typed_data import load_typed
from .versions import Version

SINCE_DELIMITERS = (0, 90)


def check_files(channel: Path, data_format: str, version: Version) -> None:
    """The container's look at first lines, and ours at text cells."""
    for path in files_to_read(channel, version.flattens_channels):
        if data_format == CSV:
            refuse_text_cells(path, delimiter_of(first_line(path)))
        elif data_format == LIBSVM:
            check_libsvm(path)


def load_matrix(channels: list[Path], data_format: str, weights: bool, version: Version) -> Any:
    files = [path for channel in channels for path in files_to_read(channel, version.flattens_channels)]
    if not files:
        raise UserError("No file in {} that is not nested too deep".format(", ".join(map(str, channels))))
    log.info("files path: %s", ", ".join(map(str, channels)))
    if data_format in (CSV, LIBSVM):
        query = _query(data_format, weights, files, version)
        with tempfile.TemporaryDirectory(prefix="sagemaker_xgboost_input_data") as folder:
            matrix = _parse(_plain_names(files, Path(folder)), query, data_format)
    else:
        matrix = _load_typed(files, data_format)
    if matrix.get_label().size == 0:
        raise UserError(
            "Got input data without labels. Please check the input data set. If training job is running on multiple "
            "instances, please switch to using single instance if number of records in the data set is less than "
            "number of workers (16 * number of instance) in the cluster."
        )
    return matrix


def _query(data_format: str, weights: bool, files: list[Path], version: Version) -> str:
    if data_format == LIBSVM:
        return "format=libsvm"
    delimiter = delimiter_of(first_line(files[0]))
    query = "format=csv&label_column=0"
    if version.xgboost >= SINCE_DELIMITERS:
        query += "&delimiter={}".format(delimiter)
    elif delimiter != ",":
        raise UserError("XGBoost {}.{} reads CSV with commas only, not with '{}'.".format(*version.xgboost, delimiter))
    return query + ("&weight_column=1" if weights else "")


def _plain_names(files: list[Path], folder: Path) -> str:
    """Links whose names cannot collide with the syntax of XGBoost's URIs (`;`, `?`, `#`).

    A file with a byte order mark is copied without it: XGBoost skips the mark where a block begins, which in a channel
    of several files is not the beginning of every file.
    """
    links = []
    for number, path in enumerate(files):
        link = folder / "{:06d}".format(number)
        if has_byte_order_mark(path):
            with path.open("rb") as stream, link.open("wb") as copy:
                stream.seek(len(BYTE_ORDER_MARK))
                shutil.copyfileobj(stream, copy)
        else:
            link.symlink_to(path)
        links.append(str(link))
    return ";".join(links)


def _load_typed(files: list[Path], data_format: str) -> Any:
    import xgboost

    try:
        features, labels = load_typed(files, data_format)
        return xgboost.DMatrix(features, label=labels)
    except Exception as error:
        raise UserError("Failed to load {} data with exception:\n{}".format(data_format, error)) from error


def _parse(uri: str, query: str, data_format: str) -> Any:
    import xgboost

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # text input is deprecated in xgboost, and still the container's way
            return xgboost.DMatrix(uri + "?" + query)
    except Exception as error:
        raise UserError("Failed to load {} data with exception:\n{}".format(data_format, error)) from error
