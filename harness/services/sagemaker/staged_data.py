"""Checks of S3 data that SageMaker makes before it accepts a job: there must be objects where the request points."""

from __future__ import annotations

from harness.kernel.errors import ValidationException
from harness.kernel.s3uri import S3Uri
from harness.services.scope import Scope
from harness.stores.objects import BucketMissing


def require_objects(scope: Scope, uri: str, role: str) -> None:
    """``ValidationException`` in the service's words when no object lies under the S3 URL."""
    place = s3_uri(uri)
    try:
        found = next(iter(scope.objects.list(place)), None)
    except BucketMissing:
        found = None
    if found is None:
        raise ValidationException(
            f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket '
            f"exists in the selected region ({scope.region}), that objects exist under that S3 prefix, and that the "
            f'role "{role}" has "s3:ListBucket" permissions on bucket "{place.bucket}".'
        )


def s3_uri(text: str) -> S3Uri:
    try:
        return S3Uri.parse(text)
    except ValueError as error:
        raise ValidationException(f"The S3 URI is invalid: {error}") from error
