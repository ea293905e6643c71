"""What is masked, and what stays readable."""

from __future__ import annotations

import pytest

from harness.kernel.masking import SHOW_ENVIRONMENT, mask, mask_text


@pytest.fixture(autouse=True)
def _hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SHOW_ENVIRONMENT, raising=False)


def test_secrets_by_their_names_wherever_they_are() -> None:
    description = {
        "TrainingJobName": "job",
        "HyperParameters": {"eta": "0.3", "db_Password": "x", "apiKey": "x"},
        "Containers": [{"Image": "image", "Environment": {"MODE": "x"}}, {"SessionToken": "x"}],
        "Tags": [{"Key": "team", "Value": "mine"}, {"Key": "git-credential", "Value": "x"}],
        "ContainerArguments": ["--rows", "3", "--api-token", "x", "--password=x", "end"],
        "FailureReason": "AlgorithmError: could not log in with password=x at s3://bucket/key=1/rows.csv",
        "Secrets": ["x", {"name": "n", "token": "x"}],
        "Nothing": {"Token": None, "HasKey": True},
    }
    found = mask(description)
    assert "'x'" not in repr(found)
    assert "=x" not in repr(found)
    assert found["TrainingJobName"] == "job"
    assert found["HyperParameters"]["eta"] == "0.3"
    assert found["Tags"][0] == {"Key": "team", "Value": "mine"}
    assert found["Tags"][1]["Key"] == "git-credential"
    assert found["ContainerArguments"][:3] == ["--rows", "3", "--api-token"]
    assert found["ContainerArguments"][5] == "end"
    assert "s3://bucket/key=1/rows.csv" in found["FailureReason"]
    assert found["Nothing"] == {"Token": None, "HasKey": True}
    assert description["HyperParameters"]["apiKey"] == "x", "the original is left alone"  # type: ignore[index]


def test_environments_are_shown_on_demand_but_for_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    description = {"Environment": {"MODE": "fast", "DB_PASSWORD": "x"}}
    assert mask(description) == {"Environment": {"MODE": "***", "DB_PASSWORD": "***"}}
    monkeypatch.setenv(SHOW_ENVIRONMENT, "1")
    assert mask(description) == {"Environment": {"MODE": "fast", "DB_PASSWORD": "***"}}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("export AWS_SECRET_ACCESS_KEY=abc next", "export AWS_SECRET_ACCESS_KEY=*** next"),
        ("""{"token": "abc", "n": 1}""", """{"token": ***, "n": 1}"""),
        ("db.password='a b'", "db.password=***"),
        ("KeyError: 'column'", "KeyError: 'column'"),
        ("monkeys are 3", "monkeys are 3"),
        ("--api-key=abc", "--api-key=***"),
    ],
)
def test_text(text: str, shown: str) -> None:
    assert mask_text(text) == shown
