"""The aws profile: scenarios on a real account, with guards, a ledger, and a teardown that is proved.

Redirects no host and imports no emulator: clients go where boto3's own settings send them.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from harness.aws_run.instructions import AwsInstructions
from harness.aws_run.ledger import Header, Ledger
from harness.clients.emulator_process import RunningEmulator
from harness.clients.environment import Wiring
from harness.kernel.cache import cache_folder
from harness.kernel.errors import StateError
from harness.kernel.masking import SHOW_ENVIRONMENT
from harness.profiles.configuration import read_destination
from harness.profiles.local import own_library
from harness.profiles.scenarios import Scenario
from harness.profiles.sdk_environments import python_for
from harness.profiles.supervised_process import SupervisedProcess, SupervisedRun
from harness.profiles.target import NO_OPTIONS, CostLimit, PlayOptions, RunningScenario, RunRequest
from harness.promotion.account import Account, open_account
from harness.promotion.cost.meter import Meter
from harness.promotion.destination import HOUR, ONE_OFF, Destination, owner
from harness.promotion.run_guard import RunGuard
from harness.scenario.events import EventReader
from harness.scenario.run_document import VARIABLE, RunDocument
from harness.scenario.run_folder import RunFolder, new_run_id

LEDGERS = "ledger"
"""The folder of ledgers in the state folder."""
_QUIET = "SchemaVersion: '1.0'\nSageMaker:\n  PythonSDK:\n    Modules:\n      TelemetryOptOut: true\n"
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")


def aws_wiring(destination: Destination, client: Path) -> Wiring:
    """Return the variables that lead boto3 and the SDK to the account and region. ``client`` gets their settings."""
    quiet = client / "sagemaker-quiet.yaml"
    client.mkdir(parents=True, exist_ok=True)
    quiet.write_text(_QUIET, encoding="utf-8")
    variables = {
        "AWS_DEFAULT_REGION": destination.region,
        "AWS_REGION": destination.region,
        # Neither the machine's nor the user's own defaults: a scenario must mean the same everywhere.
        "SAGEMAKER_ADMIN_CONFIG_OVERRIDE": str(quiet),
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(quiet),
        "SAGEMAKER_SUPPRESS_V2_WARNING": "1",
    }
    if not destination.aws_profile:
        return Wiring(variables)
    # Keys in the environment would win over a profile that is only named there.
    return Wiring({**variables, "AWS_PROFILE": destination.aws_profile}, unset=_KEYS)


class AwsProfile:
    """A real account. Its table in ``harness.toml`` says which, and what is added to requests there."""

    is_local = False
    local_mode = False

    def __init__(self, name: str, request: RunRequest) -> None:
        self.name = name
        self._request = request
        self.destination: Destination = read_destination(name, request.table)
        if request.start.choices or request.start.ephemeral:
            raise StateError(
                f"profile {name!r} runs on AWS, where there is no emulator",
                "leave out --runner, --aws-backend, --s3-url and --ephemeral",
            )

    def emulator(self, state: Path) -> AbstractContextManager[RunningEmulator]:
        raise StateError(f"profile {self.name!r} runs on AWS, where there is no emulator", "use `--profile local`")

    @contextlib.contextmanager
    def open(self, options: PlayOptions = NO_OPTIONS) -> Iterator[OpenAwsProfile]:
        """Open the account. Nothing is played before it is known to be the expected one."""
        account = open_account(self.destination)
        opened = OpenAwsProfile(self.name, self._request, self.destination, account, options.cost_limit)
        try:
            yield opened
        finally:
            opened.leave()


class OpenAwsProfile:
    """Plays scenarios in one account."""

    def __init__(
        self, name: str, request: RunRequest, destination: Destination, account: Account, limit: CostLimit
    ) -> None:
        self.name = name
        self.address = str(account)
        self._request = request
        self._destination = destination
        self._account = account
        self._limit = limit
        self._note: Callable[[str], None] = lambda line: None
        self._programs: list[SupervisedProcess] = []

    @property
    def stop_reason(self) -> str | None:
        return next((program.stop_reason for program in self._programs if program.stop_reason), None)

    def prepare(self, scenario: Scenario, progress: Callable[[str], None]) -> Path:
        self._note = progress
        return python_for(scenario.sdk, progress)

    def play(self, scenario: Scenario, python: Path, folder: Path, data: Path | None) -> RunningScenario:
        own, run = RunFolder(folder).prepare(), new_run_id()
        header = self._header(run, scenario)
        ledger = Ledger.begin(self._request.settings.state / LEDGERS, header)
        started = time.time()
        program = SupervisedProcess(
            [str(python), "-m", "harness.play", str(scenario.file)],
            self._environment() | {VARIABLE: str(own.document)},
            own,
            self._document(header, ledger, own, data),
            SupervisedRun(self._account, header, ledger, self._guard(ledger)),
            self._note,
        )
        self._programs.append(program)
        return RunningScenario(scenario, program, EventReader(own.events), own, started, list)

    def leave(self) -> None:
        """End whatever still runs."""
        for program in self._programs:
            program.leave()

    def links(self) -> None:
        """Return None: AWS shows objects only to people who are signed in."""

    def keep_running(self) -> None:
        """Do nothing: everything on AWS is torn down."""

    def _guard(self, ledger: Ledger) -> RunGuard:
        limit = self._limit
        meter = Meter(self._account, limit.prices, ledger.file) if limit.prices else None
        spent = sum(program.dollars for program in self._programs)
        return RunGuard(self._account, self._destination, ledger.file, meter, limit.dollars, self._note, spent)

    def _header(self, run: str, scenario: Scenario) -> Header:
        now = time.time()
        return Header(
            run=run,
            scenario=scenario.name,
            profile=self.name,
            account=self._account.id,
            region=self._account.region,
            owner=owner(),
            started=now,
            expires=now + self._destination.expiry * HOUR,
        )

    def _document(self, header: Header, ledger: Ledger, own: RunFolder, data: Path | None) -> RunDocument:
        destination = self._destination
        defaults = destination.request_defaults(header.run, header.scenario)
        return RunDocument(
            run_id=header.run,
            region=destination.region,
            role=destination.role_arn(self._account.partition),
            bucket=destination.default_bucket,
            fixtures=self._request.root / "fixtures",
            generated_fixtures=cache_folder("fixtures"),
            work=own.work,
            events=own.events,
            data=data,
            aws=AwsInstructions(header.run, ledger.file, defaults, destination.monitoring == ONE_OFF),
        )

    def _environment(self) -> dict[str, str]:
        """Return the user's own environment, so that boto3 uses what it used when the account was checked."""
        client = self._request.settings.state / "client"
        library = own_library(client)
        own = {SHOW_ENVIRONMENT: os.environ[SHOW_ENVIRONMENT]} if SHOW_ENVIRONMENT in os.environ else {}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HARNESS_")} | own
        return aws_wiring(self._destination, client).applied_to(kept) | {
            "PYTHONPATH": os.pathsep.join(filter(None, [library, kept.get("PYTHONPATH", "")])),
            "PYTHONUNBUFFERED": "1",
        }
