"""``Session``: what a scenario gets: clients, an SDK session, steps, and a way to show evidence.

Uses boto3 and the SDKs only. Whether the emulator or AWS answers follows from the environment of the process.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from harness.aws_run.resource_requests import Creation
from harness.clients.emulator_clock import EmulatorClock
from harness.scenario.calls import CalledOperations
from harness.scenario.events import (
    CalledEvent,
    CreatedEvent,
    EventWriter,
    EvidenceEvent,
    ExpectationEvent,
    ReusedEvent,
    StepEvent,
)
from harness.scenario.evidence import ResourceWatcher
from harness.scenario.faults import Faults
from harness.scenario.reused_jobs import ReusedJobs
from harness.scenario.run_document import RunDocument

if TYPE_CHECKING:
    from harness.scenario.resume.replay import Replay


class Session:
    """One run of one scenario."""

    def __init__(self, name: str, events: EventWriter, run: RunDocument) -> None:
        import boto3

        self.name = name
        self.region = run.region
        self.role = run.role
        """The execution role for jobs."""
        self.bucket = run.bucket
        """The bucket for everything a scenario stores; the SDK session has it as its default bucket and makes it."""
        self.run_id = run.run_id
        """Unique to this run: a suffix for the names it creates."""
        self._prefix = run.bucket_prefix
        """The prefix for the SDK's files in a bucket that other runs share."""
        self.fixtures = run.fixtures
        self.data = run.data
        """The user's own copy of the data (``--data``), if any."""
        self.work = run.work
        """A folder of this run's own, for downloads and the like."""
        self.boto3 = boto3.Session(region_name=self.region)
        # v3 opens some clients on the default session whatever it is passed; so that session is this one.
        boto3.setup_default_session()
        boto3.DEFAULT_SESSION = self.boto3
        self._emulator = run.emulator
        self._generated_fixtures = run.generated_fixtures
        self._events = events
        self.pass_time: Callable[[float], None] = time.sleep
        """How time passes where there is no clock to advance."""
        self._watcher = ResourceWatcher(self.boto3, self._record_creation)
        CalledOperations(self.boto3, self._record_call)
        self._clients: dict[str, Any] = {}
        self._reused = ReusedJobs(self.boto3) if run.reuse else None
        self.replay: Replay | None = None
        """The recording of this run, or of an earlier one that this one continues."""
        self._step: str | None = None
        self._cleanups: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []

    # -- what a scenario uses ------------------------------------------------------------------------------------

    def made(self, maker: str, name: str, **options: Any) -> Path:
        """Return a generated fixture: ``write(path, **options)`` of a script in ``fixtures`` makes it, once."""
        script = self.fixtures / maker
        sources = sorted(file for file in script.parent.iterdir() if file.suffix in (".py", ".json", ".csv"))
        digest = hashlib.sha256(repr(sorted(options.items())).encode())
        for source in sources:
            digest.update(source.read_bytes())
        folder = self._generated_fixtures / f"{script.parent.name}-{digest.hexdigest()[:16]}"
        if not folder.exists():
            draft = folder.with_name(f"{folder.name}.{os.getpid()}")
            load_file(script).write(draft / name, **options)
            with contextlib.suppress(OSError):  # another run was faster
                draft.rename(folder)
        return folder / name

    def client(self, service: str) -> Any:
        """Return a boto3 client."""
        if service not in self._clients:
            self._clients[service] = self.boto3.client(service)
        return self._clients[service]

    def sagemaker_session(self) -> Any:
        """Return the SDK's own session: v2's ``sagemaker.Session``, or v3's, whichever is installed."""
        try:
            from sagemaker.core.helper.session_helper import Session as SdkSession  # v3
        except ModuleNotFoundError:
            from sagemaker.session import Session as SdkSession
        below = {"default_bucket_prefix": self._prefix} if self._prefix else {}
        # A bucket named here is not guessed from the account: the SDK asks STS for that before every read and write.
        return SdkSession(
            boto_session=self.boto3, sagemaker_client=self.client("sagemaker"), default_bucket=self.bucket, **below
        )

    def pipeline_session(self) -> Any:
        """Return the SDK's session for pipelines: calls that would start jobs make steps."""
        from sagemaker.workflow.pipeline_context import PipelineSession

        return PipelineSession(
            boto_session=self.boto3, sagemaker_client=self.client("sagemaker"), default_bucket=self.bucket
        )

    def training_mode(self) -> Any:
        """Return the mode of v3's ``ModelTrainer``: jobs of the service, or the SDK's own local containers."""
        from sagemaker.train.model_trainer import Mode

        return Mode.SAGEMAKER_TRAINING_JOB

    def instance_type(self, instance_type: str) -> str:
        """Return the instance type: every profile takes AWS's names of machines."""
        return instance_type

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Play one step. An error inside ends the step, and with it the scenario."""
        self._step = name
        if self.replay:
            self.replay.enter(name)
        self._events.write(StepEvent(name=name))
        try:
            yield
        except BaseException as error:
            self._events.write(StepEvent(name=name, state="failed", error=_one_line(error)))
            raise
        self._record_reused_jobs()
        replayed, changed = self.replay.leave(name) if self.replay else (False, [])
        self._events.write(StepEvent(name=name, state="passed", replayed=replayed, changed=changed))
        self._step = None

    def show(self, kind: str, title: str, **content: Any) -> None:
        """Add evidence to the report. ``kind`` says how it is drawn: see ``harness.report``."""
        self._events.write(EvidenceEvent(kind=kind, title=title, step=self._step, content=content))

    def expected(self, text: str, passed: bool, evidence: str = "") -> None:
        """Record an expectation, met or not; ``harness.asserts`` calls this."""
        self._events.write(ExpectationEvent(text=text, passed=passed, evidence=evidence, step=self._step))

    def cleanup(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call a function when the scenario ends, however it ends; the last one registered is called first."""
        self._cleanups.append((function, arguments))

    def advance_clock(self, seconds: float) -> None:
        """Let time pass: at once on the emulator, else as the profile says (AWS)."""
        if self._emulator is None:
            self.pass_time(seconds)
            return
        clock = EmulatorClock(f"{self._emulator.url}/clock", self._emulator.token_file)
        self._once("advance_clock", {"seconds": seconds}, lambda: clock.advance(seconds))

    @property
    def patience(self) -> float:
        """The seconds to wait for what AWS delivers later, such as captured requests and log lines."""
        return 900.0 if self._emulator is None else 60.0

    @property
    def faults(self) -> Faults:
        """Failures to inject on purpose; refused with ``FaultsNeedEmulator`` where there is no emulator."""
        account = self.role.split(":")[4]
        return Faults(self._emulator, account, self.region, self._once)

    # -- what the player uses ------------------------------------------------------------------------------------

    @property
    def current_step(self) -> str | None:
        """The name of the step that is being played."""
        return self._step

    def _record_creation(self, creation: Creation, config: str) -> None:
        """Record a new resource: costs, and the plan of the next run, depend on its step and its machines."""
        self._events.write(
            CreatedEvent(
                kind=creation.kind,
                name=creation.name,
                step=self._step,
                instances=creation.instances,
                images=creation.images,
                config=config,
            )
        )

    def _record_call(self, service: str, operation: str, bucket: str) -> None:
        """Record an operation: what the user and the role must be allowed on AWS is learned from these."""
        bucket = "" if bucket == self.bucket else bucket
        self._events.write(CalledEvent(service=service, operation=operation, bucket=bucket))

    def _once(self, action: str, arguments: Mapping[str, Any], do: Callable[[], Any]) -> Any:
        """Do something once, and take its result from the recording when the run is continued."""
        return self.replay.once(action, arguments, do) if self.replay else do()

    def _record_reused_jobs(self) -> None:
        for job in self._reused.new() if self._reused else ():
            self._events.write(
                ReusedEvent(kind=job.kind, name=job.name, source=job.source, seconds=job.seconds, step=self._step)
            )

    def collect(self) -> None:
        """Describe everything this run created, while it still exists."""
        self._record_reused_jobs()
        for evidence in self._watcher.collect(self.client):
            self._events.write(evidence)

    def clean_up(self) -> None:
        """Call the registered clean-up functions, all of them, and fail when one failed."""
        if not self._cleanups:
            return
        with self.step("Clean up"):
            failures = []
            while self._cleanups:
                function, arguments = self._cleanups.pop()
                try:
                    function(*arguments)
                except Exception as error:  # the rest must be cleaned up all the same
                    traceback.print_exc()
                    failures.append(_one_line(error))
            if failures:
                raise RuntimeError("clean-up: " + "; ".join(failures))


def load_file(file: Path) -> ModuleType:
    """Import a file that is in no package."""
    spec = importlib.util.spec_from_file_location(f"harness_file_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _one_line(error: BaseException) -> str:
    if isinstance(error, AssertionError) and str(error):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
