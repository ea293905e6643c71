"""``SagemakerHarness``: the value of the fixture ``sagemaker_harness``, and how it is made on the emulator."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.clients.environment import Target, wiring
from harness.kernel.cache import cache_folder
from harness.kernel.kinds import BY_TYPE
from harness.play import open_session
from harness.pytest_plugin.rehearsals import describe
from harness.pytest_plugin.runs import Run
from harness.scenario.events import EventWriter
from harness.scenario.run_document import EmulatorAccess, RunDocument
from harness.scenario.run_folder import RunFolder, new_run_id
from harness.scenario.session import Session

if TYPE_CHECKING:
    from harness.scenario.faults import Faults

_LOG_GROUPS = tuple(f"/aws/sagemaker/{kind}" for kind in ("TrainingJobs", "ProcessingJobs", "TransformJobs"))


@dataclass(frozen=True)
class SagemakerHarness:
    """SageMaker for one test. ``folder`` holds the session's events and downloads; ``state`` is the state folder."""

    profile: str
    address: str
    account: str
    state: Path
    folder: Path
    session: Session
    ledger: Path | None = None
    """The ledger of what the test created, on AWS."""
    outcomes: dict[str, bool] = field(default_factory=dict, compare=False, repr=False)
    """The tests that used it, and whether each went well so far."""

    @property
    def went_well(self) -> bool:
        """Return whether all its tests went well so far."""
        return bool(self.outcomes) and all(self.outcomes.values())

    @property
    def prefix(self) -> str:
        """A prefix for keys in the bucket and for names: on AWS tests share the account."""
        return self.session.run_id

    def client(self, service: str) -> Any:
        """Return a boto3 client of this test's account."""
        return self.session.client(service)

    def advance_clock(self, seconds: float) -> None:
        """Let time pass at once; return when everything that became due is finished. All accounts share the clock."""
        self.session.advance_clock(seconds)

    @property
    def faults(self) -> Faults:
        """Faults for this test's account; none is left when it ends."""
        return self.session.faults

    def logs(self, name: str) -> list[str]:
        """Return all lines that a job or the servers of an endpoint wrote."""
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

    def make_bucket(self) -> str:
        """Make the session's bucket unless it exists, and return its name."""
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
def open_on_emulator(run: Run, folder: Path, test: str) -> Iterator[SagemakerHarness]:
    """Give a test an account of its own on the run's emulator."""
    from harness.pytest_plugin.surroundings import use_wiring

    emulator, settings = run.emulator, run.settings
    account = str(10**11 + secrets.randbelow(9 * 10**11))
    target = Target(emulator.address, settings.region, account, emulator.client_secret())
    wired = use_wiring(wiring(target, folder / "client", os.environ))
    own = RunFolder(folder).prepare()
    with wired, contextlib.closing(EventWriter(own.events)) as events:
        session = open_session(test.rsplit("::", 1)[-1], events, _document(run, target, own))
        harness = SagemakerHarness(run.profile_name, emulator.address, account, run.state, folder, session)
        try:
            yield harness
            describe(harness)
            session.clean_up()
        finally:
            harness.faults.clear()
            _end_leftovers(run, harness)  # its calls are recorded, too
    run.rehearsals.keep(harness)


def _document(run: Run, target: Target, own: RunFolder) -> RunDocument:
    return RunDocument(
        run_id=new_run_id(),
        region=target.region,
        role=target.role,
        bucket=target.bucket,
        fixtures=run.root / "fixtures",
        generated_fixtures=cache_folder("fixtures"),
        work=own.work,
        events=own.events,
        emulator=EmulatorAccess(f"{target.address}/_harness", str(run.emulator.token_file)),
        local_mode=run.profile.local_mode,
    )


def _end_leftovers(run: Run, harness: SagemakerHarness) -> None:
    """End servers, schedules and jobs that the test left running."""
    client = harness.client("sagemaker")
    from botocore.exceptions import ClientError

    for job in run.emulator.ask("/_harness/jobs")["jobs"]:
        kind = BY_TYPE[job["kind"]]
        standing = kind.end_verb == "Delete" and job["status"] != "Deleting"
        if job["account"] == harness.account and (standing or job["status"] in ("InProgress", "Executing")):
            identifier = job["arn"] if kind.named_by_arn else job["name"]
            with contextlib.suppress(ClientError):  # it ended by itself in this moment
                getattr(client, kind.method(kind.end_verb))(**{kind.name_member: identifier})
