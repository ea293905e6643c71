"""Changes between versions of moto and of this format. Each change is one entry; saved documents are not edited.

Class names are full names: ``moto.iam.models.Role``.
"""

from __future__ import annotations

from collections.abc import Mapping

FORMAT = 1
"""The format of the documents and of ``services.sqlite``. Increased when an older harness could not read them."""

RENAMED_CLASSES: dict[str, str] = {}
"""Name in the document -> name in the moto that is supported now."""

RENAMED_FIELDS: dict[str, Mapping[str, str]] = {}
"""Class -> field in the document -> field now."""

NOT_STORED: Mapping[str, frozenset[str]] = {
    # Pages that a client is reading: their tokens are not valid after a restart.
    "moto.cloudwatch.models.CloudWatchBackend": frozenset({"paged_metric_data"}),
}

APPEND_ONLY: Mapping[str, tuple[str, str]] = {
    "moto.logs.models.LogStream": ("events", "arn"),
    "moto.cloudwatch.models.CloudWatchBackend": ("metric_data", "region_name"),
}
"""Class -> the list of its that only grows (or is cut), and the field that names the list within the back end. The
elements never change, so a request writes only those that are new."""

OWN_ROWS: frozenset[str] = frozenset({"moto.sqs.models.Message", "moto.ssm.models.Parameter"})
"""Classes of which there may be thousands. Their fields are plain values that belong to no other object."""
