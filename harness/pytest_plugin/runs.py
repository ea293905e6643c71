"""``Run``: what one pytest process works with: its profile, and one emulator, started when it is first needed.

With pytest-xdist each worker is such a process and has an emulator of its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from harness.kernel.errors import GuardRefused, StateError
from harness.kernel.removal import remove_tree
from harness.profiles.configuration import read_choices
from harness.settings import Settings, load_settings, read_project

if TYPE_CHECKING:
    from harness.clients.emulator_process import RunningEmulator
    from harness.pytest_plugin.aws_places import AwsRun
    from harness.pytest_plugin.places import SagemakerHarness
    from harness.pytest_plugin.rehearsals import Rehearsals

LOCAL_MODE = "localmode"
"""The kind whose jobs and endpoints are the SDK's own; the emulator stands beside."""
_KEY = pytest.StashKey["Run"]()
TOLD = pytest.StashKey[list[str]]()
"""What runs that are over have to say at the end of the output."""
EMULATORS: dict[str, dict[str, str]] = {"local": {}, "docker": {"runner": "docker"}, LOCAL_MODE: {}}
"""Kinds of profiles with an emulator on this machine, and what it is started with."""


def run_of(config: pytest.Config) -> Run:
    if _KEY not in config.stash:
        config.stash[_KEY] = Run(config)
    return config.stash[_KEY]


def begun_run(config: pytest.Config) -> Run | None:
    return config.stash.get(_KEY, None)


def end_run(config: pytest.Config) -> None:
    run = begun_run(config)
    if run is not None:
        run.close()
        config.stash.setdefault(TOLD, []).extend(run.told)
        del config.stash[_KEY]


class Run:
    def __init__(self, config: pytest.Config) -> None:
        self.root = Path(config.rootpath)
        self.profile: str = config.getoption("harness_profile")
        self._stack = ExitStack()
        self._given_state: str | None = config.getoption("harness_state")
        self._may_cost: bool = config.getoption("harness_yes")
        self.budget: float | None = config.getoption("harness_budget")
        """Dollars for each scenario, and for all test functions together."""
        self.items: list[pytest.Item] = []
        """All that pytest collected."""
        self._stand = Path(config.invocation_params.dir)
        self._worker = os.environ.get("PYTEST_XDIST_WORKER", "")
        self.places: list[SagemakerHarness] = []
        """Those that tests have now."""
        self.told: list[str] = []

    @cached_property
    def table(self) -> dict[str, Any]:
        """The profile's own table of ``harness.toml``."""
        return dict(read_project(self.root).profiles.get(self.profile, {}))

    @property
    def kind(self) -> str:
        return str(self.table.get("kind", self.profile))

    @cached_property
    def state(self) -> Path:
        """The state folder: the one asked for when an emulator runs there already, else one for each worker."""
        if self._given_state is None and self.kind not in EMULATORS:
            return load_settings(self.root).state  # where ``harness run`` keeps what it must not lose: ledgers
        if self._given_state is None:
            return self.root / ".harness" / "pytest" / (self._worker or "main")
        from harness.clients.emulator_process import find

        asked = (self._stand / self._given_state).absolute()
        return asked / self._worker if self._worker and find(asked) is None else asked

    @cached_property
    def rehearsals(self) -> Rehearsals:
        """The same for every profile, so that what one taught is known to another."""
        from harness.pytest_plugin.rehearsals import Rehearsals

        return Rehearsals(load_settings(self.root).state / "tests")

    @cached_property
    def settings(self) -> Settings:
        return load_settings(self.root, state=self.state)

    @cached_property
    def emulator(self) -> RunningEmulator:
        from harness.clients.emulator_lease import shared
        from harness.clients.emulator_process import StartOptions

        if self.kind == LOCAL_MODE:
            self._prepare_local_mode()
        own = {key: value for key, value in self.table.items() if key != "kind"}
        choices = {**EMULATORS[self.kind], **read_choices(self.profile, own)}
        wanted = StartOptions(port=0, project=self.root, choices=choices)
        with _alone(self.state) if self._given_state is None else contextlib.nullcontext():
            return self._stack.enter_context(shared(self.state, wanted))

    def _prepare_local_mode(self) -> None:
        from harness.profiles.localmode import check_engine, remove_left, sweep

        check_engine()
        sweep(self.state)
        self._stack.callback(remove_left, self.state)

    @cached_property
    def aws(self) -> AwsRun | str:
        """The account for test functions, or why there is none: asked for once, however many tests there are."""
        from harness.pytest_plugin.aws_places import AwsRun

        if not self._may_cost:
            return f"profile {self.profile!r}: on AWS tests cost money: add --harness-yes"
        if self.budget is not None and self._worker:
            return (
                "--harness-budget cannot be kept by workers of pytest-xdist, who do not know of each other's bills: "
                "leave out one of the two"
            )
        try:
            return AwsRun(self)
        except (StateError, GuardRefused) as error:
            return str(error)

    def require_emulator(self) -> None:
        """Starts it; ends the test with one line where that cannot be."""
        try:
            if self.kind not in EMULATORS:
                self._refuse_profile()
            assert self.emulator.address
            return
        except StateError as error:
            told = str(error)
        pytest.fail(told, pytrace=False)  # not while the other is handled: it would be told twice

    def require_aws(self) -> AwsRun:
        """Ends the whole run where the account may not be used; a worker of pytest-xdist can only fail its tests."""
        aws = self.aws
        refused = aws if isinstance(aws, str) else aws.refused
        if refused is None and not isinstance(aws, str):
            return aws
        if self._worker:
            pytest.fail(str(refused), pytrace=False)
        pytest.exit(str(refused), returncode=pytest.ExitCode.USAGE_ERROR)

    @property
    def stopped(self) -> str | None:
        """Why nothing more may be done with the place that tests have now, on AWS."""
        aws = self.__dict__.get("aws")  # looked at, not asked for
        return getattr(aws, "stopped", None)

    def tell(self, what: str, lines: list[str]) -> None:
        """For the end of the run's output."""
        self.told += [f"{what}: {line}" for line in lines]

    def _refuse_profile(self) -> NoReturn:
        from harness.profiles import UnknownProfile, find_profile
        from harness.profiles.target import RunRequest

        try:
            find_profile(self.profile, RunRequest(self.settings, self.root))
        except UnknownProfile as error:
            raise StateError(str(error)) from None
        raise StateError(f"profile {self.profile!r}: harness's fixtures know no profiles of kind {self.kind!r}")

    def options(self) -> list[str]:
        """What ``harness run`` is given, for a scenario to be played on this profile."""
        given = ["--profile", self.profile, "--state", str(self.state)]
        if self.kind == "aws":
            if not self._may_cost:
                told = "on AWS scenarios cost money: add --harness-yes (and --harness-budget DOLLARS)"
                pytest.fail(told, pytrace=False)
            given += ["--yes", *(["--budget", str(self.budget)] if self.budget is not None else [])]
        return given

    @contextlib.contextmanager
    def place(self, folder: Path, node: pytest.Item | pytest.Collector) -> Iterator[SagemakerHarness]:
        """An account of its own on the emulator, or a name of its own on AWS, while the block lasts."""
        with self._opened(folder, node) as place:
            self.places.append(place)
            try:
                yield place
            finally:
                self.places.remove(place)

    def _opened(self, folder: Path, node: pytest.Item | pytest.Collector) -> AbstractContextManager[SagemakerHarness]:
        test = node.nodeid or "session"
        if self.kind == "aws":
            self.items = node.session.items
            return self.require_aws().place(folder, test)
        from harness.pytest_plugin.places import opened

        self.require_emulator()
        return opened(self, folder, test)

    def close(self) -> None:
        self._stack.close()


@contextlib.contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Empties a folder of the last run, unless a run of the same project uses it this very moment."""
    from harness.stores.folder import is_held

    try:
        state.parent.mkdir(parents=True, exist_ok=True)
        (state.parent.parent / ".gitignore").write_text("*\n")
        lock = (state.parent / f"{state.name}.lock").open("w")
    except OSError as error:
        raise StateError(f"{state} cannot be used ({error.strerror})", "choose another with --harness-state") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_held(state):
            remove_tree(state)
        yield
