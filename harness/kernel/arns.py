"""ARNs of SageMaker resources. The ``kind`` of a record is the resource type its ARN carries."""

from __future__ import annotations

KEEPS_CASE = frozenset({"training-job", "processing-job", "transform-job", "model", "endpoint", "endpoint-config"})
"""Kinds whose ARNs have the name as it was given.

Seen in outputs of AWS: training and processing jobs since 2023, endpoints since 2024, models and transform jobs since
2025. Of other kinds there are earlier outputs only, which have lower case.
"""


def arn(kind: str, account: str, region: str, name: str, service: str = "sagemaker") -> str:
    """The ARN of a resource; for kinds that are not in ``KEEPS_CASE`` the name is in lower case."""
    shown = name if kind in KEEPS_CASE else name.lower()
    return f"arn:aws:{service}:{region}:{account}:{kind}/{shown}"


def parse_arn(text: str) -> tuple[str, str, str, str]:
    """``(kind, account, region, name)`` of a SageMaker ARN; ``ValueError`` for anything else."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or "/" not in parts[5]:
        raise ValueError(f"not a resource ARN: {text!r}")
    kind, _, name = parts[5].partition("/")
    return kind, parts[4], parts[3], name
