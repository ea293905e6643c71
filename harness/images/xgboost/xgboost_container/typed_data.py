"""Training data that is no text: Parquet tables and RecordIO frames, as features and labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .content_types import PARQUET
from .record_bodies import parse_labelled_records


def load_typed(files: list[Path], data_format: str) -> tuple[Any, Any]:
    """Features and labels of all files, one below the other. Raises what the readers raise."""
    parts = [_parquet(path) if data_format == PARQUET else parse_labelled_records(path.read_bytes()) for path in files]
    labels = np.concatenate([labels for _, labels in parts])
    features = [rows for rows, _ in parts]
    if all(isinstance(rows, np.ndarray) for rows in features):
        return np.concatenate(features), labels
    from scipy.sparse import csr_matrix, vstack

    width = max(rows.shape[1] for rows in features)
    return vstack(
        [
            csr_matrix((rows.data, rows.indices, rows.indptr), (rows.shape[0], width))
            for rows in map(csr_matrix, features)
        ]
    ).tocsr(), labels


def _parquet(path: Path) -> tuple[Any, Any]:
    """The first column is the label, the others are the features."""
    from pyarrow import parquet

    table = parquet.read_table(str(path)).to_pandas().to_numpy(dtype=np.float32)
    return table[:, 1:], table[:, 0]
