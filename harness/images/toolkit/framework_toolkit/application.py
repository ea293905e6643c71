"""The WSGI application of a framework's server: ``/ping``, ``/execution-parameters`` and ``/invocations``."""

from __future__ import annotations

import json
import os
import traceback
from typing import Any, Callable, Iterable

from .codecs import JSON, TEXTS, UnsupportedFormatError
from .user_functions import UserFunctions

Start = Callable[[str, "list[tuple[str, str]]"], Any]
FAILED = (
    "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n<h1>Internal Server Error</h1>\n"
    "<p>The server encountered an internal error and was unable to complete your request. Either the server is "
    "overloaded or there is an error in the application.</p>\n"
)
REASONS = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable"}
REASONS.update({413: "Request Entity Too Large", 415: "Unsupported Media Type", 500: "Internal Server Error"})


class Answer:
    """A status, a body and its type."""

    def __init__(self, body: Any = b"", content_type: str = JSON, status: int = 200) -> None:
        self.body = body.encode() if isinstance(body, str) else bytes(body)
        self.content_type = content_type
        self.status = status


class Application:
    """Answers requests with the user's functions and one loaded model."""

    def __init__(self, functions: UserFunctions, model: Any) -> None:
        self._functions = functions
        self._model = model

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        answer = self._answer(environ)
        start(
            "{} {}".format(answer.status, REASONS.get(answer.status, "Unknown")),
            [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body)))],
        )
        return [answer.body]

    def _answer(self, environ: dict[str, Any]) -> Answer:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if path == "/ping" and method in ("GET", "HEAD"):
            return Answer()
        parameters = self._functions.execution_parameters_fn
        if path == "/execution-parameters" and method == "GET" and parameters is not None:
            return self._call(lambda: Answer(json.dumps(parameters())))
        if path != "/invocations":
            return Answer(status=404)
        if method != "POST":
            return Answer(status=405)
        return self._call(lambda: self._invoke(environ))

    def _call(self, operation: Callable[[], Answer]) -> Answer:
        try:
            return operation()
        except Exception:
            traceback.print_exc()
            return Answer(FAILED, "text/html; charset=utf-8", 500)

    def _invoke(self, environ: dict[str, Any]) -> Answer:
        content_type = environ.get("CONTENT_TYPE") or JSON
        accept = environ.get("HTTP_ACCEPT", "")
        if accept in ("", "*/*"):
            accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or JSON
        body: Any = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if content_type in TEXTS:
            body = body.decode("utf-8")
        try:
            result = self._functions.transform_fn(self._model, body, content_type, accept)
        except UnsupportedFormatError as error:
            return _refuse_format(error, 415 if repr(content_type)[1:-1] in str(error) else 406)
        return _to_answer(result)


def _to_answer(result: Any) -> Answer:
    """Return the answer for what a function returned: a body, a body and its type, or a response object."""
    if isinstance(result, Answer):
        return result
    if isinstance(result, tuple) and len(result) == 2:
        return Answer(result[0], result[1])
    if hasattr(result, "get_data") and hasattr(result, "mimetype"):  # a response of Flask's
        return Answer(result.get_data(), result.mimetype, result.status_code)
    if isinstance(result, (str, bytes, bytearray)):
        return Answer(result, "text/html; charset=utf-8")
    raise TypeError(
        "output_fn or transform_fn returned {}; return a body, or a body and its content type".format(
            type(result).__name__
        )
    )


def _refuse_format(error: UnsupportedFormatError, status: int) -> Answer:
    return Answer(
        json.dumps({"error": type(error).__name__, "error-message": str(error), "stack-trace": traceback.format_exc()}),
        JSON,
        status,
    )
