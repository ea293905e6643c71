"""What each operation says of a job that there is not: the words differ from kind to kind, as the service's do."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.provenance("documented", source="source code: aws/amazon-sagemaker-operator-for-k8s")


NOT_FOUND = "Requested resource not found."
NO_JOB = "Could not find requested job with name: nobody"
NO_UPDATE = "Could not find job to update with name nobody"


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ("describe_training_job", NOT_FOUND),
        ("stop_training_job", NOT_FOUND),
        ("delete_training_job", NOT_FOUND),
        ("describe_processing_job", NO_JOB),
        ("delete_processing_job", NO_JOB),
        ("stop_processing_job", NO_UPDATE),
    ],
)
def test_an_unknown_job(sagemaker: Any, operation: str, message: str) -> None:
    member = f"{operation.split('_')[1].capitalize()}JobName"
    with pytest.raises(ClientError) as error:
        getattr(sagemaker, operation)(**{member: "nobody"})
    assert error.value.response["Error"] == {"Code": "ValidationException", "Message": message}
