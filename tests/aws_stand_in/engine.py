"""The emulator behind the stand-in, which really does the work: requests passed on to it, and questions of our own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import aiohttp
from yarl import URL

from tests.aws_stand_in import chunks
from tests.aws_stand_in.names import Host
from tests.aws_stand_in.refusals import Answer
from tests.aws_stand_in.sigv4 import Sent

_OURS = ("host", "authorization", "content-length", "transfer-encoding", "expect", "connection")
_THEIRS = ("transfer-encoding", "connection", "keep-alive", "date", "server")


class NotThere(Exception):
    """The engine refused to answer a question of the stand-in's own."""


class Engine:
    """``address`` of an emulator, in which everything belongs to ``account``."""

    def __init__(self, session: aiohttp.ClientSession, address: str, token: str, account: str, region: str) -> None:
        self._session = session
        self._address = address
        self._token = token
        self._account = account
        self._region = region

    async def forward(self, host: Host, sent: Sent) -> Answer:
        path, _, query = sent.target.partition("?")
        if host.bucket:
            path = f"/{host.bucket}{path}"
        query = "&".join(part for part in query.split("&") if part and not part.startswith("X-Amz-"))
        headers, body = dict(sent.headers), sent.body
        if chunks.is_chunked(headers):
            headers, body = chunks.decode(headers, body)
        headers = {name: value for name, value in headers.items() if name not in _OURS}
        headers["authorization"] = self._authorization(host.signing, host.region)
        url = URL(f"{self._address}{path}{'?' if query else ''}{query}", encoded=True)
        async with self._session.request(sent.method, url, headers=headers, data=body) as response:
            found = await response.read()
            kept = {name: value for name, value in response.headers.items() if name.lower() not in _THEIRS}
            return Answer(response.status, kept, found)

    async def ask(self, operation: str, **asked: Any) -> Mapping[str, Any]:
        """SageMaker's own answer."""
        headers = {
            "authorization": self._authorization("sagemaker", self._region),
            "x-amz-target": f"SageMaker.{operation}",
            "content-type": "application/x-amz-json-1.1",
        }
        async with self._session.post(self._address, headers=headers, data=json.dumps(asked)) as response:
            body = await response.read()
            if response.status != 200:
                raise NotThere(body.decode())
            answer: Mapping[str, Any] = json.loads(body or b"{}")
            return answer

    async def advance(self, seconds: float) -> None:
        """Returns when everything that became due is done."""
        url, headers = f"{self._address}/_harness/clock", {"authorization": f"Bearer {self._token}"}
        async with self._session.post(url, headers=headers, json={"seconds": seconds}) as response:
            response.raise_for_status()
            await response.read()

    def _authorization(self, service: str, region: str) -> str:
        scope = f"{self._account}/20260101/{region}/{service}/aws4_request"
        return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}"
