"""The aws profile: scenarios on a real account, guarded, with a ledger from the first request to the proof at the end.

Redirects no host and imports no emulator: clients go where boto3's own settings send them.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.aws_run.hooks import ORDERS
from harness.aws_run.ledger import Header, Ledger
from harness.clients.environment import Wiring
from harness.kernel.cache import cache_folder
from harness.kernel.errors import StateError
from harness.kernel.masking import SHOW_ENVIRONMENT
from harness.profiles.configuration import read_destination
from harness.profiles.local import own_library
from harness.profiles.scenarios import Scenario
from harness.profiles.sdk_environments import python_for
from harness.profiles.supervised_process import SupervisedProcess
from harness.profiles.target import RunningScenario, RunRequest
from harness.promotion.account import Account, open_account
from harness.promotion.cost.budget import Prices
from harness.promotion.cost.meter import Meter
from harness.promotion.destination import HOUR, Destination, as_orders, owner
from harness.promotion.run_guard import RunGuard
from harness.scenario.events import EventReader
from harness.scenario.run_folder import RunFolder, new_run_id

LEDGERS = "ledger"
"""The folder of ledgers in the state folder."""
_QUIET = "SchemaVersion: '1.0'\nSageMaker:\n  PythonSDK:\n    Modules:\n      TelemetryOptOut: true\n"
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")


@dataclass(frozen=True)
class Cap:
    """``dollars`` is the budget of the whole run, None for none; ``prices`` None where no price table is at hand."""

    dollars: float | None = None
    prices: Prices | None = None


def pointing(destination: Destination, client: Path) -> Wiring:
    """What leads boto3 and the SDK to the profile's account and region. ``client`` is a folder for their settings."""
    quiet = client / "sagemaker-quiet.yaml"
    client.mkdir(parents=True, exist_ok=True)
    quiet.write_text(_QUIET, encoding="utf-8")
    told = {
        "AWS_DEFAULT_REGION": destination.region,
        "AWS_REGION": destination.region,
        # Neither the machine's nor the user's own defaults: a scenario must mean the same everywhere.
        "SAGEMAKER_ADMIN_CONFIG_OVERRIDE": str(quiet),
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(quiet),
        "SAGEMAKER_SUPPRESS_V2_WARNING": "1",
    }
    if not destination.aws_profile:
        return Wiring(told)
    # Keys in the environment would win over a profile that is only named there.
    return Wiring({**told, "AWS_PROFILE": destination.aws_profile}, unset=_KEYS)


class AwsProfile:
    def __init__(self, name: str, asked: RunRequest, cap: Cap | None = None) -> None:
        self.name = name
        self.asked = asked
        self.destination = read_destination(name, asked.configuration)
        self._cap = cap or Cap()
        if asked.wanted.choices or asked.wanted.ephemeral:
            raise StateError(
                f"profile {name!r} runs on AWS, where there is no emulator",
                "leave out --runner, --aws-backend, --s3-url and --ephemeral",
            )

    def capped(self, cap: Cap) -> AwsProfile:
        return AwsProfile(self.name, self.asked, cap)

    @contextlib.contextmanager
    def opened(self) -> Iterator[AwsPlace]:
        """Nothing is played before the account is known to be the expected one."""
        account = open_account(self.destination)
        place = AwsPlace(self.name, self.asked, self.destination, account, self._cap)
        try:
            yield place
        finally:
            place.leave()


class AwsPlace:
    """``refused`` is why a guard stopped a run, if one did."""

    def __init__(self, name: str, asked: RunRequest, destination: Destination, account: Account, cap: Cap) -> None:
        self.name = name
        self.address = str(account)
        self._asked = asked
        self._destination = destination
        self._account = account
        self._cap = cap
        self._note: Callable[[str], None] = lambda line: None
        self._programs: list[SupervisedProcess] = []

    @property
    def refused(self) -> str | None:
        return next((program.refused for program in self._programs if program.refused), None)

    def prepare(self, scenario: Scenario, progress: Callable[[str], None]) -> Path:
        self._note = progress
        return python_for(scenario.sdk, progress)

    def play(self, scenario: Scenario, python: Path, folder: Path, data: Path | None) -> RunningScenario:
        own, run = RunFolder(folder).cleared(), new_run_id()
        header = self._header(run, scenario)
        ledger = Ledger.begin(self._asked.settings.state / LEDGERS, header)
        orders = folder / "orders.json"
        provisions = self._destination.provisions(run, scenario.name)
        orders.write_text(
            json.dumps(as_orders(run, str(ledger.file), provisions, self._destination.monitoring)), encoding="utf-8"
        )
        environment = self._environment(data) | own.told() | {"HARNESS_RUN_ID": run, ORDERS: str(orders)}
        started = time.time()
        meter = Meter(self._account, self._cap.prices, ledger.file) if self._cap.prices else None
        spent = sum(program.dollars for program in self._programs)
        watch = RunGuard(self._account, self._destination, ledger.file, meter, self._cap.dollars, self._note, spent)
        program = SupervisedProcess(
            [str(python), "-m", "harness.play", str(scenario.file)],
            environment,
            own.log,
            own.events,
            (self._account, header, ledger, watch),
            self._note,
        )
        self._programs.append(program)
        return RunningScenario(scenario, program, EventReader(own.events), own.log, started, list)

    def leave(self) -> None:
        for program in self._programs:
            program.leave()

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

    def links(self) -> None:
        """None: AWS shows objects to those who are signed in."""

    def _environment(self, data: Path | None) -> dict[str, str]:
        """The user's own, so that boto3 finds what it found when the account was checked."""
        client = self._asked.settings.state / "client"
        library = own_library(client)
        own = {SHOW_ENVIRONMENT: os.environ[SHOW_ENVIRONMENT]} if SHOW_ENVIRONMENT in os.environ else {}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HARNESS_")} | own
        return pointing(self._destination, client).applied_to(kept) | {
            "PYTHONPATH": os.pathsep.join(filter(None, [library, kept.get("PYTHONPATH", "")])),
            "PYTHONUNBUFFERED": "1",
            "HARNESS_ROLE": self._destination.role_arn(self._account.partition),
            "HARNESS_BUCKET": self._destination.default_bucket,
            "HARNESS_FIXTURES": str(self._asked.root / "fixtures"),
            "HARNESS_MADE": str(cache_folder("fixtures")),
            "HARNESS_DATA": str(data) if data else "",
        }
