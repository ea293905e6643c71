"""As much of a Session as expectations use: clients, patience, and what was told."""

from __future__ import annotations

from typing import Any

from tests.cloud import Cloud


class Told:
    patience = 3.0

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._clients = {"s3": cloud.s3, "sagemaker": cloud.sagemaker, "logs": cloud.logs}
        self.told: list[tuple[str, bool]] = []
        self.shown: list[tuple[str, str, dict[str, Any]]] = []

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._cloud.client(service)
        return self._clients[service]

    def expected(self, text: str, passed: bool, evidence: str) -> None:
        assert passed or evidence, text
        self.told.append((text, passed))

    def show(self, kind: str, title: str, **content: Any) -> None:
        self.shown.append((kind, title, content))

    def close(self) -> None:
        for name, client in self._clients.items():
            if name not in ("s3", "sagemaker", "logs"):
                client.close()
