"""boto3 clients of a target, whatever the environment of this process says."""

from __future__ import annotations

from typing import Any

from harness.clients.environment import Target


def client(target: Target, service: str) -> Any:
    import boto3

    session = boto3.Session(
        aws_access_key_id=target.account, aws_secret_access_key=target.secret, region_name=target.region
    )
    return session.client(service, endpoint_url=target.address)
