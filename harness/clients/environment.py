"""The client environment: variables with which every AWS client of a program, unmodified, uses one address.

Owns the variables and the two small files they name. Starts nothing and reads no credentials.
"""

from __future__ import annotations

import configparser
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.kernel.files import write_private

SHIM = Path(__file__).parent / "shim"
LOOPBACK = "127.0.0.1,localhost,::1"
ROLE_NAME = "HarnessExecutionRole"

# Each of these would lead a client elsewhere, or make it refuse a plain address on loopback.
_HARMFUL = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
)
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
_NO_PROXIES = ("NO_PROXY", "no_proxy")
_PROFILES = "aws-config"


@dataclass(frozen=True)
class Target:
    """The target of clients: an address, an account and a region."""

    address: str
    region: str
    account: str
    secret: str = "harness"
    """The secret access key that its clients sign with."""

    @property
    def role(self) -> str:
        return f"arn:aws:iam::{self.account}:role/{ROLE_NAME}"

    @property
    def bucket(self) -> str:
        """The SDKs' own name for the default bucket."""
        return f"sagemaker-{self.region}-{self.account}"


@dataclass(frozen=True)
class Wiring:
    """Changes to an environment: variables to set, and variables to take away."""

    set: Mapping[str, str]
    unset: tuple[str, ...] = field(default=())

    def applied_to(self, inherited: Mapping[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in inherited.items() if name not in self.unset}
        return {**kept, **self.set}


def wiring(
    target: Target, folder: Path, inherited: Mapping[str, str], *, offline: bool = False, sdk_defaults: bool = True
) -> Wiring:
    """Return the changes to ``inherited`` for clients of ``target``. ``folder`` gets the files the variables name.

    Without ``sdk_defaults`` the SDKs find an empty settings file: for programs that give every role themselves. SDK v2
    checks a settings file that is not empty against its whole schema at each of hundreds of look-ups.
    """
    folder.mkdir(parents=True, exist_ok=True)
    variables = {
        **_addresses(target),
        **_direct(inherited, offline),
        **_credentials(target, folder, inherited),
        **(_sdk_settings(target, folder, inherited) if sdk_defaults else _no_sdk_settings(folder)),
        "SAGEMAKER_VALIDATE_ROLE": "false",
        "SAGEMAKER_SUPPRESS_V2_WARNING": "1",
        "PYTHONPATH": os.pathsep.join([str(SHIM), *_others(inherited.get("PYTHONPATH", ""))]),
    }
    unset = {name for name in inherited if name in _HARMFUL or name.startswith("AWS_ENDPOINT_URL_")}
    if offline:
        variables.update(_offline(target))
        unset.update(name for name in ("ALL_PROXY", "all_proxy") if name in inherited)
    return Wiring(variables, tuple(sorted(unset)))


def unwiring(inherited: Mapping[str, str]) -> Wiring:
    """The changes that take ``wiring`` back. Paths and hosts that were the user's stay; other values are unset."""
    with tempfile.TemporaryDirectory() as folder:
        target = Target("http://127.0.0.1:1", "us-east-1", "123456789012")
        names = {"AWS_ENDPOINT_URL_S3", *wiring(target, Path(folder), {}, offline=True).set}
    kept = {"PYTHONPATH": os.pathsep.join(_others(inherited.get("PYTHONPATH", "")))}
    own = LOOPBACK.split(",")
    for name in _NO_PROXIES:
        kept[name] = ",".join(host for host in inherited.get(name, "").split(",") if host and host not in own)
    changed = {name: value for name, value in kept.items() if value and name in inherited}
    return Wiring(changed, tuple(sorted(name for name in names if name in inherited and name not in changed)))


def _addresses(target: Target) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": target.address,
        "SAGEMAKER_ENDPOINT": target.address,  # smexperiments reads this one
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _direct(inherited: Mapping[str, str], offline: bool) -> dict[str, str]:
    """Return the variables of hosts without a proxy: loopback, and the user's own while their proxy is in force."""
    theirs = "" if offline else ",".join(inherited.get(name, "") for name in _NO_PROXIES)
    hosts = dict.fromkeys(host.strip() for host in f"{LOOPBACK},{theirs}".split(",") if host.strip())
    return dict.fromkeys(_NO_PROXIES, ",".join(hosts))


def _credentials(target: Target, folder: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    """Keys of the emulator only. The key id is the account, the way neighbouring tools pass one."""
    profiles = folder / _PROFILES
    _write(profiles, _profiles(target, inherited))
    return {
        "AWS_ACCESS_KEY_ID": target.account,
        "AWS_SECRET_ACCESS_KEY": target.secret,
        "AWS_DEFAULT_REGION": target.region,
        "AWS_REGION": target.region,
        "AWS_CONFIG_FILE": str(profiles),
        "AWS_SHARED_CREDENTIALS_FILE": str(profiles),
    }


def _profiles(target: Target, inherited: Mapping[str, str]) -> str:
    """Every profile the user has, by name only, so that ``Session(profile_name=...)`` works without their real keys."""
    names = ["default", *_profile_names(inherited)]
    # One file serves as both: clients look for [profile x] in the one and for [x] in the other.
    headings = dict.fromkeys(heading for name in names for heading in (_heading(name), name))
    return "\n".join(
        f"[{heading}]\nregion = {target.region}\nendpoint_url = {target.address}\n"
        f"aws_access_key_id = {target.account}\naws_secret_access_key = {target.secret}\n"
        for heading in headings
    )


def _heading(profile: str) -> str:
    """Return a heading as AWS's tools read it: quoted where it is more than a word."""
    if profile == "default":
        return profile
    return f'profile "{profile}"' if " " in profile else f"profile {profile}"


def _profile_names(inherited: Mapping[str, str]) -> list[str]:
    home = Path(inherited.get("HOME", "~")).expanduser()
    files = [
        Path(inherited.get("AWS_CONFIG_FILE") or home / ".aws" / "config").expanduser(),
        Path(inherited.get("AWS_SHARED_CREDENTIALS_FILE") or home / ".aws" / "credentials").expanduser(),
    ]
    names = {inherited.get("AWS_PROFILE", ""), inherited.get("AWS_DEFAULT_PROFILE", "")}
    for file in files:
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read(file)
        except (configparser.Error, UnicodeDecodeError, OSError):
            continue  # a file that AWS tools could not read either
        names.update(section.removeprefix("profile ").strip().strip("\"'") for section in parser.sections())
    sane = (name for name in names - {"", "default"} if re.fullmatch(r"[\w.@:/+-][\w.@:/+ -]*", name))
    return sorted(name for name in sane if not name.startswith(("sso-session", "services")))


def _sdk_settings(target: Target, folder: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    """The SDKs' settings file: no telemetry, no STS call for the default bucket, a default role."""
    file = folder / "sagemaker-config.yaml"
    _write(file, _SDK_CONFIG.format(bucket=target.bucket, role=target.role))
    # A user's own file keeps the upper hand; ours then stands where an administrator's would.
    theirs = inherited.get("SAGEMAKER_USER_CONFIG_OVERRIDE", "")
    # One beside profiles is of an earlier wiring, of another account or another state folder.
    own = not Path(theirs).with_name(_PROFILES).exists() if theirs else _usual_sdk_settings(inherited).exists()
    ours = "SAGEMAKER_ADMIN" if own else "SAGEMAKER_USER"
    return {f"{ours}_CONFIG_OVERRIDE": str(file)}


def _usual_sdk_settings(inherited: Mapping[str, str]) -> Path:
    """Return the file in which the SDKs look for a user's settings by default."""
    folder = inherited.get("XDG_CONFIG_HOME") or Path(inherited.get("HOME", "~"), ".config")
    return Path(folder, "sagemaker", "config.yaml").expanduser()


def _no_sdk_settings(folder: Path) -> dict[str, str]:
    """Neither the machine's nor the user's own: a scenario must mean the same everywhere."""
    file = folder / "sagemaker-no-config.yaml"
    _write(file, "{}\n")
    return {f"SAGEMAKER_{whose}_CONFIG_OVERRIDE": str(file) for whose in ("ADMIN", "USER")}


_SDK_CONFIG = """\
SchemaVersion: '1.0'
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
      Session:
        DefaultS3Bucket: {bucket}
  ProcessingJob:
    RoleArn: {role}
  TrainingJob:
    RoleArn: {role}
  Model:
    ExecutionRoleArn: {role}
  MonitoringSchedule:
    MonitoringScheduleConfig:
      MonitoringJobDefinition:
        RoleArn: {role}
"""


def _offline(target: Target) -> dict[str, str]:
    """Make the emulator the proxy, which refuses other hosts by name, for programs that skip the shim."""
    return {"HARNESS_OFFLINE": "1", **dict.fromkeys(_PROXIES, target.address)}


def _others(path: str) -> list[str]:
    return [entry for entry in path.split(os.pathsep) if entry and entry != str(SHIM)]


def _write(file: Path, content: str) -> None:
    """Write a file only when it differs, and in one step: another program may be reading it."""
    if not (file.exists() and file.read_text() == content):
        write_private(file, content.encode())
