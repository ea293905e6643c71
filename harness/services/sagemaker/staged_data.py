"""Checks the S3 URIs of a request, as SageMaker does before it accepts a job."""

from __future__ import annotations

from harness.kernel.errors import ValidationException
from harness.kernel.s3uri import S3Uri
from harness.services.scope import Scope
from harness.stores.objects import BucketMissing


def require_objects(scope: Scope, uri: str, role: str) -> None:
    """Raise ``ValidationException``, worded as AWS does, if there is no object under the S3 URI."""
    target = s3_uri(uri)
    try:
        first = next(iter(scope.objects.list(target)), None)
    except BucketMissing:
        first = None
    if first is None:
        raise ValidationException(
            f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket '
            f"exists in the selected region ({scope.region}), that objects exist under that S3 prefix, and that the "
            f'role "{role}" has "s3:ListBucket" permissions on bucket "{target.bucket}".'
        )


def s3_uri(text: str) -> S3Uri:
    try:
        return S3Uri.parse(text)
    except ValueError as error:
        raise ValidationException(f"The S3 URI is invalid: {error}") from error
