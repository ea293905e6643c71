"""The ``[profiles.NAME]`` tables: what they may say, and the words in which the rest is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.kernel.errors import StateError
from harness.profiles import find_profile, profiles_on_aws
from harness.profiles.aws import AwsProfile
from harness.profiles.configuration import read_choices, read_destination
from harness.profiles.target import RunRequest
from harness.settings import Settings

LEAST = {"account_id": "012345678901", "region": "eu-central-1", "role": "Role"}
ROLE = "arn:aws:iam::012345678901:role/path/Other"


def test_the_least_that_will_do() -> None:
    found = read_destination("aws", LEAST)
    assert found.role_arn() == "arn:aws:iam::012345678901:role/Role"
    assert found.role_arn("aws-cn").startswith("arn:aws-cn:")
    assert found.default_bucket == "sagemaker-eu-central-1-012345678901"
    assert read_destination("aws", {**LEAST, "role": ROLE, "bucket": "mine"}).role_arn() == ROLE


def test_one_value_for_all_or_one_for_each() -> None:
    found = read_destination(
        "aws", {**LEAST, "instance_types": "ml.m5.large", "max_runtime": {"TrainingJob": 60}, "spot": True}
    )
    assert found.instance_type("ml.m5.xlarge", "Any step", "TrainingJob") == "ml.m5.large"
    assert found.max_runtime == {"TrainingJob": 60}
    assert found.spot == ("default",)
    assert read_destination("aws", {**LEAST, "spot": ["Train"]}).spot == ("Train",)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"account_id": 12345678901}, "account_id must be 12 digits in quotes, not 12345678901"),
        ({"region": "Frankfurt"}, "region must be a region such as"),
        ({"role": "arn:aws:iam::1:user/me"}, "role must be the name or the ARN of an IAM role"),
        ({"subnets": ["subnet-1"]}, "subnets and security_groups go together"),
        ({"subnets": "subnet-1", "security_groups": ["sg"]}, "subnets must be a list of texts, not 'subnet-1'"),
        ({"kms": {"disk": "k"}}, 'kms must be a table with "volume" and "output"'),
        ({"tags": {"harness:run": "x"}}, "tags must be tags of your own"),
        ({"tags": {str(number): "x" for number in range(47)}}, "46 tags at most"),
        ({"instance_types": {"Train": "m5.large"}}, "instance_types must be an instance type such as"),
        ({"max_runtime": 0}, "max_runtime must be a number of seconds, not 0"),
        ({"endpoint_timeout": True}, "endpoint_timeout must be a number of seconds"),
        ({"expiry": "1d"}, "expiry must be a number of hours, not '1d'"),
        ({"prize": 1}, "unknown key 'prize'; known: account_id, aws_profile"),
    ],
)
def test_what_makes_no_sense_is_named(more: dict[str, Any], told: str) -> None:
    with pytest.raises(StateError, match=r"harness.toml: profile 'aws'") as raised:
        read_destination("aws", {**LEAST, **more})
    assert told in str(raised.value)


@pytest.mark.parametrize("key", sorted(LEAST))
def test_what_is_missing_is_named_with_its_meaning(key: str) -> None:
    with pytest.raises(StateError, match=rf"profile 'prod' needs {key}: .*; add it under \[profiles.prod\]"):
        read_destination("prod", {name: value for name, value in LEAST.items() if name != key})


def test_a_kind_with_an_emulator_takes_what_that_is_started_with(tmp_path: Path) -> None:
    assert read_choices("ci", {"runner": "docker", "s3_url": "http://127.0.0.1:9000"})["runner"] == "docker"
    with pytest.raises(StateError, match="runner must be 'process' or 'docker' or 'sdk-local', not 'podman'"):
        read_choices("ci", {"runner": "podman"})
    with pytest.raises(StateError, match="unknown key 'region'; known: aws_backend, runner, s3_url"):
        read_choices("ci", {"region": "x"})
    (tmp_path / "harness.toml").write_text('[profiles.local]\nregion = "x"\n')
    with pytest.raises(StateError, match="profile 'local': unknown key 'region'"):
        find_profile("local", RunRequest(Settings(), tmp_path))


def test_any_name_may_be_of_the_kind(tmp_path: Path) -> None:
    lines = [f'{key} = "{value}"' for key, value in LEAST.items()]
    (tmp_path / "harness.toml").write_text("\n".join(["[profiles.prod]", 'kind = "aws"', *lines]))
    found = find_profile("prod", RunRequest(Settings(), tmp_path))
    assert isinstance(found, AwsProfile)
    assert (found.name, found.destination.region) == ("prod", "eu-central-1")


def test_a_profile_says_what_the_commands_need_to_know(tmp_path: Path) -> None:
    lines = [f'{key} = "{value}"' for key, value in LEAST.items()]
    (tmp_path / "harness.toml").write_text("\n".join(["[profiles.prod]", 'kind = "aws"', *lines]))
    known = {name: find_profile(name, RunRequest(Settings(), tmp_path)) for name in ("local", "docker", "localmode")}
    known["prod"] = find_profile("prod", RunRequest(Settings(), tmp_path))
    assert {name: profile.is_local for name, profile in known.items()} == {
        "local": True,
        "docker": True,
        "localmode": True,
        "prod": False,
    }
    assert [name for name, profile in known.items() if profile.destination] == ["prod"]
    assert [name for name, profile in known.items() if profile.local_mode] == ["localmode"]
    assert profiles_on_aws(tmp_path) == {"aws", "prod"}
    with pytest.raises(StateError, match="there is no emulator"):
        known["prod"].emulator(tmp_path)
