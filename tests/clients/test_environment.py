"""The client environment: what a child process is given, and that real clients believe it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.clients.environment import SHIM, Target, Wiring, unwiring, wiring

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


TARGET = Target("http://127.0.0.1:4599", "us-east-1", "123456789012")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    aws = tmp_path / "home" / ".aws"
    aws.mkdir(parents=True)
    (aws / "config").write_text(
        "[default]\nregion = eu-north-1\n[profile dev]\nrole_arn = x\n[sso-session s]\na = b\n"
        '[profile "two words"]\nsso_session = s\n'
    )
    (aws / "credentials").write_text("[prod]\naws_access_key_id = AKIAREAL\naws_secret_access_key = real\n")
    return aws.parent


def given(changes: Wiring, **inherited: str) -> dict[str, str]:
    return changes.applied_to({"PATH": os.environ["PATH"], **inherited})


def test_clients_are_pointed_at_the_target(tmp_path: Path) -> None:
    environment = given(wiring(TARGET, tmp_path, {}))
    assert environment["AWS_ENDPOINT_URL"] == environment["SAGEMAKER_ENDPOINT"] == TARGET.address
    assert environment["AWS_DEFAULT_REGION"] == environment["AWS_REGION"] == "us-east-1"
    assert environment["AWS_ACCESS_KEY_ID"] == "123456789012"
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"
    assert "HTTPS_PROXY" not in environment
    assert "HARNESS_OFFLINE" not in environment


def test_what_would_lead_clients_elsewhere_is_taken_away(tmp_path: Path) -> None:
    inherited = {
        "AWS_PROFILE": "prod",
        "AWS_SESSION_TOKEN": "real",
        "AWS_ENDPOINT_URL_S3": "https://s3.example",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "KEPT": "yes",
    }
    environment = wiring(TARGET, tmp_path, inherited).applied_to(inherited)
    assert environment["KEPT"] == "yes"
    assert not {*inherited} - {"KEPT"} & {*environment}


def test_offline_the_proxy_is_the_emulator_and_loopback_goes_direct(tmp_path: Path) -> None:
    environment = given(wiring(TARGET, tmp_path, {"ALL_PROXY": "http://company"}, offline=True))
    assert environment["HARNESS_OFFLINE"] == "1"
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        assert environment[name] == TARGET.address
    assert "127.0.0.1" in environment["NO_PROXY"].split(",")
    assert "ALL_PROXY" not in environment


def test_the_users_exceptions_from_their_proxy_stay_while_it_is_in_force(tmp_path: Path) -> None:
    theirs = {"HTTPS_PROXY": "http://company", "NO_PROXY": ".corp.example", "no_proxy": "wiki, localhost"}
    environment = given(wiring(TARGET, tmp_path, theirs), **theirs)
    assert environment["HTTPS_PROXY"] == "http://company"
    for name in ("NO_PROXY", "no_proxy"):
        assert environment[name] == "127.0.0.1,localhost,::1,.corp.example,wiki"
    assert ".corp.example" not in wiring(TARGET, tmp_path, theirs, offline=True).set["NO_PROXY"]


def test_the_shim_comes_first_and_only_once(tmp_path: Path) -> None:
    once = given(wiring(TARGET, tmp_path, {"PYTHONPATH": "/mine"}))
    twice = wiring(TARGET, tmp_path, once).applied_to(once)
    assert twice["PYTHONPATH"] == os.pathsep.join([str(SHIM), "/mine"])


def test_every_profile_of_the_user_works_without_their_keys(tmp_path: Path, home: Path) -> None:
    environment = given(wiring(TARGET, tmp_path, {"HOME": str(home)}))
    code = (
        "import boto3\nfor name in ('default', 'dev', 'prod', 'two words'):\n"
        "    session = boto3.Session(profile_name=name)\n"
        "    print(name, session.get_credentials().access_key, session.client('s3').meta.endpoint_url)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    here = f"123456789012 {TARGET.address}"
    expected = [f"{name} {here}" for name in ("default", "dev", "prod", "two words")]
    assert done.stdout.splitlines() == expected, done.stderr
    written = (tmp_path / "aws-config").read_text()
    assert "AKIAREAL" not in written
    assert "sso-session" not in written


@pytest.mark.provenance("documented", source="source code: aws/sagemaker-python-sdk")
def test_the_sdk_accepts_the_settings_file_and_takes_bucket_and_role_from_it(tmp_path: Path) -> None:
    environment = given(wiring(TARGET, tmp_path, {}))
    code = (
        "import sagemaker\nfrom sagemaker.utils import resolve_value_from_config as value\n"
        "session = sagemaker.Session()\nprint(session._default_bucket_name_override)\n"
        "print(value(config_path='SageMaker.PythonSDK.Modules.TelemetryOptOut', sagemaker_session=session))\n"
        "print(value(config_path='SageMaker.TrainingJob.RoleArn', sagemaker_session=session))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if "INFO" not in line]
    assert lines == ["sagemaker-us-east-1-123456789012", "True", TARGET.role], done.stderr


def test_the_settings_of_an_earlier_wiring_are_not_the_users_own(tmp_path: Path) -> None:
    first = given(wiring(TARGET, tmp_path / "first", {}))
    second = wiring(TARGET, tmp_path / "second", first).applied_to(first)
    assert second["SAGEMAKER_USER_CONFIG_OVERRIDE"] == str(tmp_path / "second" / "sagemaker-config.yaml")
    assert "SAGEMAKER_ADMIN_CONFIG_OVERRIDE" not in second


def test_the_users_own_sdk_settings_keep_the_upper_hand(tmp_path: Path) -> None:
    environment = given(wiring(TARGET, tmp_path, {"SAGEMAKER_USER_CONFIG_OVERRIDE": "/mine.yaml"}))
    assert "SAGEMAKER_USER_CONFIG_OVERRIDE" not in environment
    assert environment["SAGEMAKER_ADMIN_CONFIG_OVERRIDE"] == str(tmp_path / "sagemaker-config.yaml")


def test_the_users_own_sdk_settings_are_found_where_the_sdks_look(tmp_path: Path, home: Path) -> None:
    usual = home / ".config" / "sagemaker" / "config.yaml"
    usual.parent.mkdir(parents=True)
    usual.write_text("SchemaVersion: '1.0'\n")
    for where in ({}, {"XDG_CONFIG_HOME": str(home / ".config")}):
        once = given(wiring(TARGET, tmp_path, {"HOME": str(home), **where}), HOME=str(home), **where)
        assert "SAGEMAKER_USER_CONFIG_OVERRIDE" not in once
        assert wiring(TARGET, tmp_path, once).applied_to(once) == once


def test_a_scenario_finds_neither_the_machines_settings_nor_the_users(tmp_path: Path) -> None:
    environment = given(wiring(TARGET, tmp_path, {}, sdk_defaults=False))
    files = {environment[f"SAGEMAKER_{whose}_CONFIG_OVERRIDE"] for whose in ("ADMIN", "USER")}
    assert [Path(file).read_text() for file in files] == ["{}\n"]


def test_files_are_not_rewritten_under_a_running_program(tmp_path: Path) -> None:
    wiring(TARGET, tmp_path, {})
    before = (tmp_path / "aws-config").stat().st_ino
    wiring(TARGET, tmp_path, {})
    assert (tmp_path / "aws-config").stat().st_ino == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["aws-config", "sagemaker-config.yaml"]


def test_what_was_set_can_be_taken_back_and_the_users_own_paths_stay(tmp_path: Path) -> None:
    before = {"PATH": "/bin", "PYTHONPATH": "/own", "NO_PROXY": "intra.example", "no_proxy": "intra.example"}
    wired = wiring(TARGET, tmp_path, before).applied_to(before)
    after = unwiring(wired).applied_to(wired)
    assert after == before
