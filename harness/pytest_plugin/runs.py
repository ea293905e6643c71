"""``Run``: the profile of one pytest process, and its emulator, which is started when it is first needed.

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
from typing import TYPE_CHECKING, NoReturn

import pytest

from harness.kernel.errors import GuardRefused, StateError
from harness.kernel.removal import remove_tree
from harness.settings import Settings, load_settings

if TYPE_CHECKING:
    from harness.clients.emulator_process import RunningEmulator
    from harness.profiles.target import Profile
    from harness.pytest_plugin.aws_target import AwsRun
    from harness.pytest_plugin.emulator_target import SagemakerHarness
    from harness.pytest_plugin.rehearsals import Rehearsals

_KEY = pytest.StashKey["Run"]()
MESSAGES = pytest.StashKey[list[str]]()
"""The messages of runs that are over, for the end of the output."""


def run_of(config: pytest.Config) -> Run:
    """Return the run of a pytest process; the first call begins it."""
    if _KEY not in config.stash:
        config.stash[_KEY] = Run(config)
    return config.stash[_KEY]


def current_run(config: pytest.Config) -> Run | None:
    """Return the run, if one has begun."""
    return config.stash.get(_KEY, None)


def end_run(config: pytest.Config) -> None:
    """End the run, and keep its messages."""
    run = current_run(config)
    if run is not None:
        run.close()
        config.stash.setdefault(MESSAGES, []).extend(run.messages)
        del config.stash[_KEY]


class Run:
    """The options, the profile and the emulator of one pytest process."""

    def __init__(self, config: pytest.Config) -> None:
        self.root = Path(config.rootpath)
        self.profile_name: str = config.getoption("harness_profile")
        self._stack = ExitStack()
        self._state_option: str | None = config.getoption("harness_state")
        self._may_cost: bool = config.getoption("harness_yes")
        self.budget: float | None = config.getoption("harness_budget")
        """Dollars for each scenario, and for all test functions together."""
        self.items: list[pytest.Item] = []
        """All that pytest collected."""
        self._folder = Path(config.invocation_params.dir)
        self._worker = os.environ.get("PYTEST_XDIST_WORKER", "")
        self.harnesses: list[SagemakerHarness] = []
        """Those that tests use now."""
        self.messages: list[str] = []

    @cached_property
    def profile(self) -> Profile:
        """The profile; ends the test with one line where it is not valid, and the whole run where it is on AWS."""
        from harness.clients.emulator_process import StartOptions
        from harness.profiles import UnknownProfile, find_profile
        from harness.profiles.target import RunRequest

        start = StartOptions(port=0, project=self.root)
        try:
            return find_profile(self.profile_name, RunRequest(load_settings(self.root), self.root, start))
        except (StateError, UnknownProfile) as error:
            problem = str(error)
        if self.on_aws:
            self._refuse_run(problem)
        pytest.fail(problem, pytrace=False)  # not while the other is handled: it would be shown twice

    @cached_property
    def on_aws(self) -> bool:
        """True when tests run on AWS and cost money, whether or not the rest of the profile is valid."""
        from harness.profiles import profiles_on_aws

        return self.profile_name in profiles_on_aws(self.root)

    @cached_property
    def state(self) -> Path:
        """The state folder: that of the option when an emulator runs there already, else one for each worker."""
        if self._state_option is None and self.on_aws:
            return load_settings(self.root).state  # where ``harness run`` keeps what it must not lose: ledgers
        if self._state_option is None:
            return self.root / ".harness" / "pytest" / (self._worker or "main")
        from harness.clients.emulator_process import find

        folder = (self._folder / self._state_option).absolute()
        return folder / self._worker if self._worker and find(folder) is None else folder

    @cached_property
    def rehearsals(self) -> Rehearsals:
        """The recordings of earlier tests; all profiles share them."""
        from harness.pytest_plugin.rehearsals import Rehearsals

        return Rehearsals(load_settings(self.root).state / "tests")

    @cached_property
    def settings(self) -> Settings:
        return load_settings(self.root, state=self.state)

    @cached_property
    def emulator(self) -> RunningEmulator:
        with _alone(self.state) if self._state_option is None else contextlib.nullcontext():
            return self._stack.enter_context(self.profile.emulator(self.state))

    @cached_property
    def aws(self) -> AwsRun | str:
        """The account for test functions, or why there is none; opened once for all tests."""
        from harness.pytest_plugin.aws_target import AwsRun

        if not self._may_cost:
            return f"profile {self.profile_name!r}: on AWS tests cost money: add --harness-yes"
        if self.budget is not None and self._worker:
            return (
                "--harness-budget cannot be kept by workers of pytest-xdist, who do not know of each other's bills: "
                "leave out one of the two"
            )
        destination = self.profile.destination
        assert destination is not None, "only on AWS"
        try:
            return AwsRun(self, destination)
        except (StateError, GuardRefused) as error:
            return str(error)

    def require_emulator(self) -> None:
        """Start the emulator; end the test with one line where that is impossible."""
        try:
            assert self.emulator.address
            return
        except StateError as error:
            problem = str(error)
        pytest.fail(problem, pytrace=False)  # not while the other is handled: it would be shown twice

    def require_aws(self) -> AwsRun:
        """Open the account; end the whole run where it may not be used."""
        aws = self.aws
        if isinstance(aws, str):
            self._refuse_run(aws)
        if aws.refused is not None:
            self._refuse_run(aws.refused)
        return aws

    def _refuse_run(self, reason: str) -> NoReturn:
        """End the whole run; a worker of pytest-xdist can only fail its tests."""
        if self._worker:
            pytest.fail(reason, pytrace=False)
        pytest.exit(reason, returncode=pytest.ExitCode.USAGE_ERROR)

    @property
    def stopped(self) -> str | None:
        """Why the current tests may do nothing more on AWS."""
        aws = self.__dict__.get("aws")  # read, not opened
        return getattr(aws, "stopped", None)

    def add_messages(self, subject: str, lines: list[str]) -> None:
        """Add messages for the end of the run's output."""
        self.messages += [f"{subject}: {line}" for line in lines]

    def options(self) -> list[str]:
        """Return the options of ``harness run`` for a scenario of this pytest run."""
        options = ["--profile", self.profile_name, "--state", str(self.state)]
        if self.on_aws:
            if not self._may_cost:
                refusal = "on AWS scenarios cost money: add --harness-yes (and --harness-budget DOLLARS)"
                pytest.fail(refusal, pytrace=False)
            options += ["--yes", *(["--budget", str(self.budget)] if self.budget is not None else [])]
        return options

    @contextlib.contextmanager
    def open(self, folder: Path, node: pytest.Item | pytest.Collector) -> Iterator[SagemakerHarness]:
        """Give a test an account of its own on the emulator, or a name of its own on AWS, while the block lasts."""
        with self._open(folder, node) as harness:
            self.harnesses.append(harness)
            try:
                yield harness
            finally:
                self.harnesses.remove(harness)

    def _open(self, folder: Path, node: pytest.Item | pytest.Collector) -> AbstractContextManager[SagemakerHarness]:
        test = node.nodeid or "session"
        if self.on_aws:
            self.items = node.session.items
            return self.require_aws().open(folder, test)
        from harness.pytest_plugin.emulator_target import open_on_emulator

        self.require_emulator()
        return open_on_emulator(self, folder, test)

    def close(self) -> None:
        """Stop the emulator."""
        self._stack.close()


@contextlib.contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Empty a folder of the last run, unless another run of the project uses it at this moment."""
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
