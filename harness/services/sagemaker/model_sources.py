"""Checks where a container's model data lies, for models and model packages."""

from __future__ import annotations

from typing import Any

from harness.kernel.errors import ValidationException
from harness.services.sagemaker.jobs import refuse_members
from harness.services.sagemaker.staged_data import s3_uri


def check_model_source(source: dict[str, Any] | None) -> None:
    """Check the S3DataSource of a ModelDataSource."""
    if source is None:
        return
    refuse_members(source, ("HubAccessConfig", "ManifestS3Uri"))
    s3_uri(source["S3Uri"])
    if source["CompressionType"] == "Gzip" and source["S3DataType"] != "S3Object":
        raise ValidationException("ModelDataSource: CompressionType Gzip needs S3DataType S3Object")
