"""A channel's files as one DMatrix, read by XGBoost's own text parser."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

from .content_types import CSV, LIBSVM
from .csv_text import delimiter_of, first_line, refuse_text_cells
from .data_files import files_to_read, is_data_file
from .errors import UserError
from .libsvm_text import check_libsvm
from .logs import log
from .versions import Version


def check_files(channel: Path, data_format: str, version: Version) -> None:
    """The container's look at first lines, and ours at text cells."""
    for path in files_to_read(channel, version.flattens_channels):
        if not is_data_file(path):
            continue
        if data_format == CSV:
            refuse_text_cells(path, delimiter_of(first_line(path)))
        else:
            check_libsvm(path)


def load_matrix(channels: list[Path], data_format: str, weights: bool, version: Version) -> Any:
    files = [path for channel in channels for path in files_to_read(channel, version.flattens_channels)]
    log.info("files path: %s", ", ".join(map(str, channels)))
    query = _query(data_format, weights, files)
    with tempfile.TemporaryDirectory(prefix="sagemaker_xgboost_input_data") as folder:
        matrix = _parse(_plain_names(files, Path(folder)), query, data_format)
    if matrix.get_label().size == 0:
        raise UserError(
            "Got input data without labels. Please check the input data set. If training job is running on multiple "
            "instances, please switch to using single instance if number of records in the data set is less than "
            "number of workers (16 * number of instance) in the cluster."
        )
    return matrix


def _query(data_format: str, weights: bool, files: list[Path]) -> str:
    if data_format == LIBSVM:
        return "format=libsvm"
    query = "format=csv&label_column=0&delimiter={}".format(delimiter_of(first_line(files[0])))
    return query + ("&weight_column=1" if weights else "")


def _plain_names(files: list[Path], folder: Path) -> str:
    """Links whose names cannot collide with the syntax of XGBoost's URIs (`;`, `?`, `#`)."""
    links = []
    for number, path in enumerate(files):
        link = folder / "{:06d}".format(number)
        link.symlink_to(path)
        links.append(str(link))
    return ";".join(links)


def _parse(uri: str, query: str, data_format: str) -> Any:
    import xgboost

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # text input is deprecated in xgboost, and still the container's way
            return xgboost.DMatrix(uri + "?" + query)
    except Exception as error:
        raise UserError("Failed to load {} data with exception:\n{}".format(data_format, error)) from error
