"""Settings of an AWS profile: the account, region, role and limits for a run on AWS, read from ``harness.toml``."""

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
    """Settings of one AWS profile: one field for each key of a ``[profiles.NAME]`` table of kind "aws"."""

    name: str
    """The profile's name in ``harness.toml``."""
    account_id: str
    """The only account that the profile may use."""
    region: str
    """The AWS region of the run."""
    role: str
    """The execution role: its ARN or its name."""
    aws_profile: str = ""
    """A profile of the AWS configuration; if empty, boto3's default credentials are used."""
    bucket: str = ""
    """The bucket that scenarios write to; by default the SDK's, `sagemaker-REGION-ACCOUNT`."""
    subnets: tuple[str, ...] = ()
    """Subnets, for jobs and models that run in a VPC."""
    security_groups: tuple[str, ...] = ()
    """Security groups that belong to `subnets`."""
    kms: Mapping[str, str] = field(default_factory=dict)
    """KMS key ids for "volume" and "output"."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Your own tags, added to every resource that is created, beside the tags of harness."""
    instance_types: Mapping[str, str] = field(default_factory=dict)
    """Instance types by step, by stage ("TrainingJob", "Endpoint"…) or "default"."""
    max_runtime: Mapping[str, int] = field(default_factory=dict)
    """The longest run time of a job in seconds, by step, stage or "default"."""
    endpoint_timeout: int = 1800
    """The number of seconds within which an endpoint must come into service."""
    spot: tuple[str, ...] = ()
    """The steps or stages that train on spot capacity; ("default",) means all."""
    max_wait: int = 3600
    """The longest time in seconds that training waits for spot capacity."""
    expiry: float = 24.0
    """Hours after which resources left by a run count as abandoned and may be cleaned up by anyone."""
    prices: str = ""
    """The path of your own price table, relative to the project's folder."""
    monitoring: str = ONE_OFF
    """How monitoring runs: "one-off" runs the analyzer at once, "schedule" waits for AWS's hourly schedule."""

    def role_arn(self, partition: str = "aws") -> str:
        return self.role if self.role.startswith("arn:") else f"arn:{partition}:iam::{self.account_id}:role/{self.role}"

    @property
    def default_bucket(self) -> str:
        """The configured bucket, or else the default bucket of the SDKs."""
        return self.bucket or f"sagemaker-{self.region}-{self.account_id}"

    def request_defaults(self, run: str, scenario: str) -> RequestDefaults:
        expires = datetime.fromtimestamp(time.time() + self.expiry * HOUR, tz=timezone.utc)
        run_tags = {
            RUN_TAG: run,
            SCENARIO_TAG: scenario,
            OWNER_TAG: owner(),
            EXPIRES_TAG: expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return RequestDefaults(
            tags={**self.tags, **{key: _NOT_IN_TAGS.sub("-", value) for key, value in run_tags.items()}},
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
        """Return the instance type to use on AWS for the type that the scenario ``stated``."""
        table = self.instance_types
        return table.get(step or "") or table.get(stage) or table.get(DEFAULT) or stated


def owner() -> str:
    """Return USER@HOST, so that people who share an account can see whose resources these are."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as in many containers
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
