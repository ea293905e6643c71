"""How tests of refusals ask: what is refused says why, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refused_job(sagemaker: Any, kind: str, request: Mapping[str, Any]) -> tuple[str, str]:
    """Code and message of a Create of a ``kind`` ("training", "processing") job, of which nothing may be left."""
    with pytest.raises(ClientError) as error:
        getattr(sagemaker, f"create_{kind}_job")(**request)
    member = f"{kind.capitalize()}JobName"
    with pytest.raises(ClientError):
        getattr(sagemaker, f"describe_{kind}_job")(**{member: request[member]})
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]
