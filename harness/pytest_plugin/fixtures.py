"""The fixtures. Each uses ``sagemaker_harness``: an account of the test's own on the run's emulator, or AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, cast

import pytest

if TYPE_CHECKING:
    from harness.asserts import Expectations
    from harness.pytest_plugin.emulator_target import SagemakerHarness
    from harness.scenario.session import Session

_Scope = Literal["session", "package", "module", "class", "function"]


def _scope(fixture_name: str, config: pytest.Config) -> _Scope:
    return cast("_Scope", config.getini("harness_scope"))


@pytest.fixture(scope=_scope)
def sagemaker_harness(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SagemakerHarness]:
    """SageMaker for this test: ``address``, ``account``, ``client(service)``, ``advance_clock``, ``faults``,
    ``logs(job)``, ``prefix``, ``state``. While it lasts, every client made in this process goes there."""
    from harness.pytest_plugin.runs import run_of

    with run_of(request.config).open(tmp_path_factory.mktemp("harness"), request.node) as harness:
        yield harness


@pytest.fixture(scope=_scope)
def harness_session(sagemaker_harness: SagemakerHarness) -> Session:
    """The ``Session`` that a scenario's ``run(session)`` gets; ``cleanup`` functions are called at the end."""
    return sagemaker_harness.session


@pytest.fixture(scope=_scope)
def harness_expectations(harness_session: Session) -> Expectations:
    """``Expectations(harness_session)``: each waits where it must, and fails with evidence."""
    from harness.asserts import Expectations

    return Expectations(harness_session)


@pytest.fixture(scope=_scope)
def boto_session(harness_session: Session) -> Any:
    """A ``boto3.Session`` of the test's account; ``boto3.client(...)`` uses it meanwhile."""
    return harness_session.boto3


@pytest.fixture(scope=_scope)
def sagemaker_session(harness_session: Session) -> Any:
    """``Session`` of the installed SageMaker SDK, v2 or v3, with the bucket as its default."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the SDK's own, on being imported; they are not the test's
        try:
            return harness_session.sagemaker_session()
        except ModuleNotFoundError as error:
            pytest.fail(f"the fixture sagemaker_session needs the SageMaker SDK ({error})", pytrace=False)


@pytest.fixture(scope=_scope)
def harness_role(harness_session: Session) -> str:
    """The ARN of an execution role for jobs."""
    return harness_session.role


@pytest.fixture(scope=_scope)
def harness_bucket(sagemaker_harness: SagemakerHarness) -> str:
    """A bucket that exists: the SDK session's default one."""
    return sagemaker_harness.make_bucket()


@pytest.fixture(scope=_scope)
def harness_prefix(sagemaker_harness: SagemakerHarness) -> str:
    """A prefix for keys in the bucket and for names: on AWS tests share both with everybody else."""
    return sagemaker_harness.prefix
