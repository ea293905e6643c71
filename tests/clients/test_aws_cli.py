"""The AWS CLI of the package index, unmodified, in a user's shell script."""

from __future__ import annotations

import os

import pytest

from tests.clients.conftest import PROGRAMS, Client
from tests.clients.environments import built

pytestmark = [
    pytest.mark.needs("index"),
    pytest.mark.slow,
    pytest.mark.provenance("documented", source="source code: aws/aws-cli"),
]

# Between the waiter's end and what notes the time lies a start of Python.
PROMPT = 2.0


def test_a_shell_script(client: Client, pytestconfig: pytest.Config) -> None:
    tools = built(pytestconfig, "awscli", "awscli>=1.40,<2").parent
    ended = client.shell("sh", PROGRAMS / "aws_cli.sh", PROGRAMS, PATH=f"{tools}{os.pathsep}{os.environ['PATH']}")
    assert ended.code == 0, ended.text
    lines = ended.lines
    for line in ("big file: same", "480", "model\tCompleted", "123456789012"):
        assert line in lines, ended.text
    returned = float(next(line for line in lines if line.startswith("returned at")).split()[-1])
    status, at = next(line for line in lines if line.startswith("Completed\t")).split("\t")
    assert status == "Completed"
    assert returned - float(at) <= PROMPT
    assert "InvokedProductionVariant" in ended.text
    assert 'Could not find endpoint "arn:aws:sagemaker:us-east-1:123456789012:endpoint/endpoint".' in ended.text
    assert any(line.startswith("refused with") for line in lines)
