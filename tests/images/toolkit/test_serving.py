"""Serving with a user's functions, without a server: which function runs, and what each answer looks like."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.images.toolkit.conftest import IMAGES

pytestmark = pytest.mark.provenance("documented", source="source code: aws/sagemaker-scikit-learn-container")


class Doubling:
    def predict(self, data: Any) -> Any:
        return np.asarray(data) * 2


@pytest.fixture
def defaults(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(IMAGES / "scikit-learn"))
    import sklearn_defaults

    return sklearn_defaults


def invoke(
    defaults: Any,
    body: bytes = b"",
    script: Any = None,
    path: str = "/invocations",
    method: str = "POST",
    **headers: str,
) -> tuple[int, str, bytes]:
    from framework_toolkit.application import Application
    from framework_toolkit.user_functions import UserFunctions

    started: list[Any] = []
    environ = {
        "PATH_INFO": path,
        "REQUEST_METHOD": method,
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
        **headers,
    }
    answered = Application(UserFunctions(script, defaults), Doubling())(environ, lambda *each: started.append(each))
    (status, named), *_ = started
    return int(status.split()[0]), dict(named)["Content-Type"], b"".join(answered)


def npy(values: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array(values))
    return file.getvalue()


@pytest.mark.parametrize(
    ("body", "kind", "accept", "expected"),
    [
        (b"[[1, 2]]", "", "", b"[[2.0, 4.0]]"),
        (b"1,2\n3,4\n", "text/csv", "text/csv", b"2.0,4.0\n6.0,8.0\n"),
        (b"1,2\n", "text/csv", "*/*", b"[2.0, 4.0]"),
        (npy([[1]]), "application/x-npy", "application/json", b"[[2]]"),
        (b"[1]", "application/json", "application/x-npy", npy(np.array([2.0], dtype=np.float32))),
    ],
)
def test_the_default_functions(defaults: Any, body: bytes, kind: str, accept: str, expected: bytes) -> None:
    status, content_type, answer = invoke(defaults, body, CONTENT_TYPE=kind, HTTP_ACCEPT=accept)
    assert (status, answer) == (200, expected)
    assert content_type == (accept if accept not in ("", "*/*") else "application/json")


def test_types_that_nobody_reads_or_writes(defaults: Any) -> None:
    status, kind, answer = invoke(defaults, b"x", CONTENT_TYPE="image/png")
    assert (status, kind) == (415, "application/json")
    assert set(json.loads(answer)) == {"error", "error-message", "stack-trace"}
    assert invoke(defaults, b"[1]", CONTENT_TYPE="application/json", HTTP_ACCEPT="image/png")[0] == 406


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        (("a,b", "text/csv"), (200, "text/csv", b"a,b")),
        ("text", (200, "text/html; charset=utf-8", b"text")),
        (b"\x00", (200, "text/html; charset=utf-8", b"\x00")),
    ],
)
def test_what_transform_fn_returns(defaults: Any, returned: Any, expected: tuple[int, str, bytes]) -> None:
    script = SimpleNamespace(transform_fn=lambda model, body, kind, accept: returned)
    assert invoke(defaults, b"[1]", script) == expected


def test_nothing_returned_and_errors_are_a_500_page(defaults: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_: Any) -> None:
        raise KeyError("gone")

    for function in (lambda *_: None, fail):
        status, kind, answer = invoke(defaults, b"[1]", SimpleNamespace(transform_fn=function))
        assert (status, kind) == (500, "text/html; charset=utf-8")
        assert b"Internal Server Error" in answer
    shown = capsys.readouterr().err
    assert "KeyError: 'gone'" in shown
    assert "output_fn or transform_fn returned NoneType" in shown


def test_paths_beside_invocations(defaults: Any) -> None:
    assert invoke(defaults, path="/ping", method="GET")[0] == 200
    assert invoke(defaults, path="/invocations", method="GET")[0] == 405
    assert invoke(defaults, path="/execution-parameters", method="GET")[0] == 404
    script = SimpleNamespace(execution_parameters_fn=lambda: {"MaxPayloadInMB": 1})
    assert json.loads(invoke(defaults, b"", script, "/execution-parameters", "GET")[2]) == {"MaxPayloadInMB": 1}


def test_transform_fn_excludes_the_functions_that_it_replaces(defaults: Any) -> None:
    from framework_toolkit.errors import ClientError
    from framework_toolkit.user_functions import UserFunctions

    with pytest.raises(ClientError, match="Cannot use transform_fn implementation with"):
        UserFunctions(SimpleNamespace(transform_fn=len, predict_fn=len), defaults)  # type: ignore[arg-type]


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_script_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from framework_toolkit.errors import ClientError
    from framework_toolkit.user_functions import load_script

    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(ClientError, match=r"the script infer.py \(SAGEMAKER_PROGRAM\) is not in the model's code"):
        load_script("infer.py", tmp_path)
    (tmp_path / "infer_of_test.py").write_text("def model_fn(folder): return folder\n")
    assert load_script("infer_of_test.py", tmp_path).model_fn("m") == "m"
