"""``SagemakerHarness``: what the fixture ``sagemaker_harness`` gives, and how it is made on the emulator."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.clients.admin_api import TOKEN_FILE
from harness.clients.environment import Target, wiring
from harness.kernel.cache import cache_folder
from harness.kernel.kinds import BY_TYPE
from harness.play import open_session
from harness.pytest_plugin.rehearsals import describe
from harness.pytest_plugin.runs import LOCAL_MODE, Run
from harness.scenario.events import EventWriter
from harness.scenario.run_folder import RunFolder, new_run_id
from harness.scenario.session import Session
from harness.settings import read_project

if TYPE_CHECKING:
    from harness.scenario.faults import Faults

_LOG_GROUPS = tuple(f"/aws/sagemaker/{kind}" for kind in ("TrainingJobs", "ProcessingJobs", "TransformJobs"))


@dataclass(frozen=True)
class SagemakerHarness:
    """``folder`` holds what the session tells (``events.jsonl``) and its downloads; ``state`` is the emulator's, or
    where ``harness run`` keeps ledgers."""

    profile: str
    address: str
    account: str
    state: Path
    folder: Path
    session: Session
    ledger: Path | None = None
    """On AWS: what the test created there, line by line."""
    outcomes: dict[str, bool] = field(default_factory=dict, compare=False, repr=False)
    """The tests that had it, and whether each went well so far."""

    @property
    def went_well(self) -> bool:
        return bool(self.outcomes) and all(self.outcomes.values())

    @property
    def prefix(self) -> str:
        """The test's own: for keys in the bucket, and for names that must be free. On AWS tests share the account."""
        return self.session.run_id

    def client(self, service: str) -> Any:
        """A boto3 client of this test's account."""
        return self.session.client(service)

    def advance_clock(self, seconds: float) -> None:
        """Let time pass at once; returns when everything that became due is finished. All accounts share the clock."""
        self.session.advance_clock(seconds)

    @property
    def faults(self) -> Faults:
        """Faults for this test's account; none is left when it ends."""
        return self.session.faults

    def logs(self, name: str) -> list[str]:
        """Everything that a job or the servers of an endpoint wrote, in order."""
        from botocore.exceptions import ClientError

        client, lines = self.client("logs"), []
        streams = [(group, {"logStreamNamePrefix": f"{name}/"}) for group in _LOG_GROUPS]
        for group, named in (*streams, (f"/aws/sagemaker/Endpoints/{name}", {})):
            try:
                for page in client.get_paginator("filter_log_events").paginate(logGroupName=group, **named):
                    lines += [event["message"] for event in page["events"]]
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
        return lines

    def made_bucket(self) -> str:
        from botocore.exceptions import ClientError

        s3, bucket = self.client("s3"), self.session.bucket
        try:
            s3.head_bucket(Bucket=bucket)
        except ClientError:
            region = self.session.region
            where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            s3.create_bucket(Bucket=bucket, **where)
        return bucket


@contextlib.contextmanager
def opened(run: Run, folder: Path, test: str) -> Iterator[SagemakerHarness]:
    from harness.pytest_plugin.surroundings import pointed

    emulator, settings = run.emulator, run.settings
    account = str(10**11 + secrets.randbelow(9 * 10**11))
    target = Target(emulator.address, settings.region, account, emulator.client_secret())
    surroundings = pointed(wiring(target, folder / "client", os.environ))
    own = RunFolder(folder).cleared()
    with surroundings, contextlib.closing(EventWriter(own.events)) as events:
        session = open_session(test.rsplit("::", 1)[-1], events, _given(run, target, own, test))
        place = SagemakerHarness(run.profile, emulator.address, account, run.state, folder, session)
        try:
            yield place
            describe(place)
            session.clean_up()
        finally:
            place.faults.clear()
            _end_leftovers(run, place)  # its calls are told, too
    if run.kind != LOCAL_MODE:  # there the machines are this one
        run.rehearsals.keep(place)


def _given(run: Run, target: Target, own: RunFolder, test: str) -> dict[str, str]:
    given = own.told() | {
        "AWS_DEFAULT_REGION": target.region,
        "HARNESS_ROLE": target.role,
        "HARNESS_BUCKET": target.bucket,
        "HARNESS_RUN_ID": new_run_id(),
        "HARNESS_FIXTURES": str(run.root / "fixtures"),
        "HARNESS_MADE": str(cache_folder("fixtures")),
        "HARNESS_CLOCK": f"{target.address}/_harness/clock",
        TOKEN_FILE: str(run.emulator.token_file),
    }
    if run.kind == LOCAL_MODE:
        from harness.profiles.localmode import told_to

        images = read_project(run.root).images
        given["HARNESS_LOCAL_MODE"] = told_to(test, given["HARNESS_RUN_ID"], run.state, images)
    return given


def _end_leftovers(run: Run, place: SagemakerHarness) -> None:
    """Servers, schedules and jobs that the test left behind would run, and be in the way, until the run ends."""
    client = place.client("sagemaker")
    from botocore.exceptions import ClientError

    for found in run.emulator.ask("/_harness/jobs")["jobs"]:
        kind = BY_TYPE[found["kind"]]
        standing = not kind.is_job and found["status"] != "Deleting"
        if found["account"] == place.account and (standing or found["status"] == "InProgress"):
            with contextlib.suppress(ClientError):  # it ended by itself in this moment
                getattr(client, kind.method("Stop" if kind.is_job else "Delete"))(**{kind.name_member: found["name"]})
