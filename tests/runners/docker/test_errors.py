"""What Docker Engine's refusals become, for those that cannot be had here on demand."""

from __future__ import annotations

import pytest

from harness.runners.docker.engine import DockerEngine
from harness.runners.docker.errors import EngineRefusal, refusal_of, refusal_of_init


class Explained(Exception):
    """As the client's errors: the engine's own words are in ``explanation``."""

    def __init__(self, explanation: str) -> None:
        super().__init__("500 Server Error")
        self.explanation = explanation


@pytest.mark.parametrize(
    ("said", "code", "message"),
    [
        ("write /var/lib/docker/tmp/x: no space left on device", 125, "has no space left on its disk: free some"),
        ('could not select device driver "" with capabilities: [[gpu]]', 125, "install the NVIDIA Container Toolkit"),
        ('OCI runtime create failed: exec: "x": executable file not found in $PATH: unknown', 127, "i:1 has no 'x'"),
        ('exec: "/x": permission denied: unknown', 126, "image i:1: '/x' is not executable"),
        ("No command specified", 127, "neither ENTRYPOINT nor CMD"),
        ("something else", 125, "did not start image i:1: something else"),
    ],
)
def test_words_of_the_engine(said: str, code: int, message: str) -> None:
    refused = refusal_of(Explained(said), "i:1")
    assert refused.code == code
    assert message in str(refused)


def test_a_wrapped_refusal_of_the_socket() -> None:
    wrapped = ConnectionError(
        "Error while fetching server API version", ("Connection aborted.", PermissionError(13, ""))
    )
    assert "add the user to the group docker" in str(refusal_of(wrapped))


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("unix:///nowhere/docker.sock", "does not answer: start it"),
        ("tcp://127.0.0.1:1", "does not answer: start it"),
        ("tcp://engine.invalid:2375", "does not answer: start it"),
        ("bogus", "bogus is no valid address of a Docker Engine"),
        ("tcp://127.0.0.1:port", "is no valid address of a Docker Engine"),
    ],
)
def test_where_no_engine_is(place: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", place)
    with pytest.raises(EngineRefusal) as refused:
        DockerEngine().info()
    assert message in str(refused.value)


def test_words_of_the_init_process() -> None:
    refused = refusal_of_init(b"[FATAL tini (7)] exec train failed: No such file or directory\n", "i:1")
    assert refused is not None
    assert (refused.code, str(refused).partition(":")[0]) == (127, "image i")
    assert refusal_of_init(b"the program's own words\n", "i:1") is None
