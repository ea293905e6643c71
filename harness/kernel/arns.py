"""ARNs of SageMaker resources. The ``kind`` of a record is the resource type in its ARN."""

from __future__ import annotations

KEEPS_CASE = frozenset(
    {"training-job", "processing-job", "transform-job", "model", "endpoint", "endpoint-config", "pipeline"}
)
"""Kinds whose ARNs keep the case of the name.

Recorded in published notebook outputs from AWS: training and processing jobs since 2023, endpoints since 2024, models
and transform jobs since 2025. That pipelines do as well is assumed. Published outputs of other kinds are older and have
lower case.
"""


def arn(kind: str, account: str, region: str, name: str, service: str = "sagemaker") -> str:
    """Return the ARN of a resource. The name is in lower case for kinds that are not in ``KEEPS_CASE``."""
    shown = name if kind in KEEPS_CASE else name.lower()
    return f"arn:aws:{service}:{region}:{account}:{kind}/{shown}"


def parse_arn(text: str) -> tuple[str, str, str, str]:
    """Return ``(kind, account, region, name)`` of a SageMaker ARN. Raise ``ValueError`` for anything else."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or "/" not in parts[5]:
        raise ValueError(f"not a resource ARN: {text!r} (expected arn:aws:sagemaker:region:account:type/name)")
    kind, _, name = parts[5].partition("/")
    return kind, parts[4], parts[3], name
