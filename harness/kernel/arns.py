"""ARNs of SageMaker resources. The ``kind`` of a record is the resource type its ARN carries."""

from __future__ import annotations


def arn(kind: str, account: str, region: str, name: str, service: str = "sagemaker") -> str:
    """SageMaker writes the resource name of an ARN in lower case."""
    return f"arn:aws:{service}:{region}:{account}:{kind}/{name.lower()}"


def parse_arn(text: str) -> tuple[str, str, str, str]:
    """``(kind, account, region, name)`` of a SageMaker ARN; ``ValueError`` for anything else."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or "/" not in parts[5]:
        raise ValueError(f"not a resource ARN: {text!r}")
    kind, _, name = parts[5].partition("/")
    return kind, parts[4], parts[3], name
