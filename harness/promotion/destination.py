"""``Destination``: where a promoted run goes and what the profile provides there, as ``harness.toml`` says it."""

from __future__ import annotations

import getpass
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

from harness.aws_run.request_defaults import DEFAULT, RequestDefaults

RUN_TAG, SCENARIO_TAG, OWNER_TAG, EXPIRES_TAG = "harness:run", "harness:scenario", "harness:owner", "harness:expires"
TAGS = (RUN_TAG, SCENARIO_TAG, OWNER_TAG, EXPIRES_TAG)
HOUR = 3600.0
ONE_OFF, SCHEDULE = "one-off", "schedule"
_NOT_IN_TAGS = re.compile(r"[^\w\s.:/=+@-]")


@dataclass(frozen=True)
class Destination:
    """One field for each key of a ``[profiles.NAME]`` table of kind "aws"."""

    name: str
    """The profile's own name in ``harness.toml``."""
    account_id: str
    """The only account it may ever touch."""
    region: str
    """Where it runs."""
    role: str
    """The execution role, as an ARN or by name."""
    aws_profile: str = ""
    """A profile of the AWS configuration; without one, credentials come from wherever boto3 finds them."""
    bucket: str = ""
    """For what scenarios store; by default the SDK's own, `sagemaker-REGION-ACCOUNT`."""
    subnets: tuple[str, ...] = ()
    """Where jobs and models run in a VPC."""
    security_groups: tuple[str, ...] = ()
    """Given with `subnets`."""
    kms: Mapping[str, str] = field(default_factory=dict)
    """Key ids for "volume" and "output"."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Your own, on everything that is created, beside the harness's."""
    instance_types: Mapping[str, str] = field(default_factory=dict)
    """By step, by stage ("TrainingJob", "Endpoint"…) or "default"."""
    max_runtime: Mapping[str, int] = field(default_factory=dict)
    """Seconds a job may run, by step, stage or "default"."""
    endpoint_timeout: int = 1800
    """Seconds an endpoint may take to come into service."""
    spot: tuple[str, ...] = ()
    """The steps or stages that train on spot capacity; ("default",) is all."""
    max_wait: int = 3600
    """Seconds that training may wait for spot capacity."""
    expiry: float = 24.0
    """Hours after which what is left of a run counts as forgotten."""
    prices: str = ""
    """A price table of the user's own, from the project's folder."""
    monitoring: str = ONE_OFF
    """What becomes of a scenario's hour: the analyzer runs at once, or AWS's own schedule is waited for."""

    def role_arn(self, partition: str = "aws") -> str:
        return self.role if self.role.startswith("arn:") else f"arn:{partition}:iam::{self.account_id}:role/{self.role}"

    @property
    def default_bucket(self) -> str:
        """The SDKs' own name where none is given."""
        return self.bucket or f"sagemaker-{self.region}-{self.account_id}"

    def request_defaults(self, run: str, scenario: str) -> RequestDefaults:
        expires = datetime.fromtimestamp(time.time() + self.expiry * HOUR, tz=timezone.utc)
        ours = {
            RUN_TAG: run,
            SCENARIO_TAG: scenario,
            OWNER_TAG: owner(),
            EXPIRES_TAG: expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return RequestDefaults(
            tags={**self.tags, **{key: _NOT_IN_TAGS.sub("-", value) for key, value in ours.items()}},
            subnets=self.subnets,
            security_groups=self.security_groups,
            volume_key=self.kms.get("volume", ""),
            output_key=self.kms.get("output", ""),
            instance_types=self.instance_types,
            max_runtime=self.max_runtime,
            spot=self.spot,
            max_wait=self.max_wait,
        )

    def instance_type(self, stated: str, step: str | None, stage: str) -> str:
        """What a machine that the scenario states becomes here."""
        table = self.instance_types
        return table.get(step or "") or table.get(stage) or table.get(DEFAULT) or stated


def owner() -> str:
    """Who is at the keyboard, for the people of an account shared by many."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as in many containers
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
