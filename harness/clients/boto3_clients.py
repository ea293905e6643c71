"""boto3 clients of a target, whatever the environment of this process says."""

from __future__ import annotations

import os
from typing import Any

from harness.clients.environment import Target

# The profile and files of this machine's user must be neither needed nor followed.
_OWN_CONFIGURATION = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


def client(target: Target, service: str) -> Any:
    import boto3
    from botocore.session import Session

    session = boto3.Session(
        botocore_session=Session(session_vars=_OWN_CONFIGURATION),
        aws_access_key_id=target.account,
        aws_secret_access_key=target.secret,
        region_name=target.region,
    )
    return session.client(service, endpoint_url=target.address)
