"""``BatchCaller``: the bodies of a transform job, sent to its model server on kept-alive connections, with retries."""

from __future__ import annotations

import http.client
from collections.abc import Mapping

from harness.contract.splitting import LARGEST_BODY
from harness.engine.hosting.model_servers import ModelServer

CLIENT, ALGORITHM = "ClientError", "AlgorithmError"


class CallFailed(Exception):
    """No good answer came for a body; ``kind`` says whose fault that is taken to be."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class BatchCaller:
    """Used by several threads at once; ``close`` when all of them are done."""

    def __init__(self, server: ModelServer, headers: Mapping[str, str], timeout: float, retries: int) -> None:
        self._server = server
        self._headers = dict(headers)
        self._timeout = timeout
        self._retries = retries
        self._idle: list[http.client.HTTPConnection] = []

    def answer(self, body: bytes) -> bytes:
        """The answer to a body; after the retries that the job allows for 5xx and lost connections, ``CallFailed``."""
        status, text = 0, b""
        for _ in range(self._retries + 1):
            status, text = self._call(body)
            if 0 < status < 500:
                break
        shown = text.decode(errors="replace")
        if status == 0:
            raise CallFailed(ALGORITHM, f"Unable to get response from algorithm: {shown}")
        if status >= 300:
            kind = CLIENT if status < 500 else ALGORITHM
            raise CallFailed(kind, f"{kind}: {status}\n\nMessage:\n{shown}")
        return text

    def close(self) -> None:
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    def _call(self, body: bytes) -> tuple[int, bytes]:
        try:
            kept = self._idle.pop()
        except IndexError:
            return self._ask(self._server.connect(self._timeout), body)
        status, text = self._ask(kept, body)
        if status == 0 and not isinstance(text, _TimedOut):  # the server had closed it: no attempt yet
            return self._ask(self._server.connect(self._timeout), body)
        return status, text

    def _ask(self, connection: http.client.HTTPConnection, body: bytes) -> tuple[int, bytes]:
        """Status 0 and a text when no answer came."""
        try:
            connection.request("POST", "/invocations", body, self._headers)
            response = connection.getresponse()
            answer = response.status, _read(response, connection)
        except TimeoutError:
            connection.close()
            return 0, _TimedOut(f"no answer within {self._timeout:g} seconds".encode())
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return 0, (str(error) or type(error).__name__).encode()
        if response.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        return answer


def _read(response: http.client.HTTPResponse, connection: http.client.HTTPConnection) -> bytes:
    """Return the body, which is held in memory, as the body of the request is."""
    body = response.read(LARGEST_BODY + 1)
    if len(body) > LARGEST_BODY:
        connection.close()
        raise CallFailed(ALGORITHM, f"{ALGORITHM}: an answer of the model is over the limit of {LARGEST_BODY:,} bytes")
    return body


class _TimedOut(bytes):
    """The text of a call that was made, and took too long."""
