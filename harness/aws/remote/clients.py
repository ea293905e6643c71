"""boto3 clients for the emulator's own calls to one address. They ignore the user's AWS configuration."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

CONNECTIONS = 32
CONNECT_SECONDS = 5.0
READ_SECONDS = 120.0
ATTEMPTS = 4

Keys = tuple[str, str]
"""An access key and its secret."""

# The user's AWS profiles and configuration files are neither needed nor used.
_NOBODYS = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


class Clients:
    """One client per service, account and region; thread-safe, as boto3's clients are once made."""

    def __init__(self, address: str, keys_of: Callable[[str], Keys], *, token: str = "", proxied: bool = False) -> None:
        self._address = address
        self._keys_of = keys_of
        self._token = token
        self._proxied = proxied
        self._made: dict[tuple[str, str, str], Any] = {}
        self._lock = threading.Lock()

    def get(self, service: str, account: str, region: str) -> Any:
        with self._lock:
            cached = self._made.get((service, account, region))
            if cached is None:
                cached = self._made[service, account, region] = self.client(service, self._keys_of(account), region)
        return cached

    def client(self, service: str, keys: Keys, region: str) -> Any:
        import boto3
        from botocore.config import Config
        from botocore.session import Session

        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_pool_connections=CONNECTIONS,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            **({} if self._proxied else {"proxies": {}}),
        )
        session = boto3.Session(botocore_session=Session(session_vars=_NOBODYS))
        access, secret = keys
        return session.client(
            service,
            endpoint_url=self._address,
            region_name=region,
            aws_access_key_id=access,
            aws_secret_access_key=secret,
            aws_session_token=self._token or None,
            config=config,
        )

    def close(self) -> None:
        with self._lock:
            for client in self._made.values():
                client.close()
            self._made.clear()
