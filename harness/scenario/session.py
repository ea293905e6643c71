"""The Session a scenario is handed: where it runs, its SDK session, its steps, and a place for evidence.

Speaks boto3 and the SDKs only. Whether the emulator or AWS answers is the profile's business, told in ``HARNESS_*``.
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
from harness.clients.admin_api import TOKEN_FILE
from harness.clients.emulator_clock import EmulatorClock
from harness.scenario.calls import CalledOperations
from harness.scenario.events import EventWriter
from harness.scenario.evidence import Watcher
from harness.scenario.faults import Faults
from harness.scenario.reused_jobs import Reused

if TYPE_CHECKING:
    from harness.scenario.resume.replay import Replay


class Session:
    """One run of one scenario."""

    def __init__(self, name: str, events: EventWriter, given: Mapping[str, str] = os.environ) -> None:
        import boto3

        self.name = name
        self.region = given["AWS_DEFAULT_REGION"]
        self.role = given["HARNESS_ROLE"]
        """The execution role for jobs."""
        self.bucket = given["HARNESS_BUCKET"]
        """The bucket for everything a scenario stores; the SDK session has it as its default bucket and makes it."""
        self.run_id = given["HARNESS_RUN_ID"]
        """Unique to this run: a suffix for the names it creates."""
        self._prefix = given.get("HARNESS_PREFIX", "")
        """Where the SDK session stores in a bucket that others store in too."""
        self.fixtures = Path(given["HARNESS_FIXTURES"])
        self.data = Path(given["HARNESS_DATA"]) if given.get("HARNESS_DATA") else None
        """The user's own copy of the data (``--data``), if any."""
        self.work = Path(given["HARNESS_WORK"])
        """A folder of this run's own, for downloads and the like."""
        self.boto3 = boto3.Session(region_name=self.region)
        # v3 opens some clients on the default session whatever it is passed; so that session is this one.
        boto3.setup_default_session()
        boto3.DEFAULT_SESSION = self.boto3
        self._clock = given.get("HARNESS_CLOCK", "")
        self._token_file = given.get(TOKEN_FILE, "")
        self._made = Path(given["HARNESS_MADE"])
        self._events = events
        self.pass_time: Callable[[float], None] = time.sleep
        """What letting time pass means where there is no clock to advance."""
        self._watcher = Watcher(self.boto3, self._created)
        CalledOperations(self.boto3, self._called)
        self._clients: dict[str, Any] = {}
        self._reused = Reused(self.boto3) if given.get("HARNESS_REUSE") == "1" else None
        self.replay: Replay | None = None
        """Of this run, or of an earlier one that this one goes on from."""
        self._step: str | None = None
        self._cleanups: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []

    # -- what a scenario uses ------------------------------------------------------------------------------------

    def made(self, maker: str, name: str, **options: Any) -> Path:
        """A generated fixture: what ``write(path, **options)`` of a script in ``fixtures`` makes, made once."""
        script = self.fixtures / maker
        sources = sorted(file for file in script.parent.iterdir() if file.suffix in (".py", ".json", ".csv"))
        digest = hashlib.sha256(repr(sorted(options.items())).encode())
        for source in sources:
            digest.update(source.read_bytes())
        folder = self._made / f"{script.parent.name}-{digest.hexdigest()[:16]}"
        if not folder.exists():
            draft = folder.with_name(f"{folder.name}.{os.getpid()}")
            load_file(script).write(draft / name, **options)
            with contextlib.suppress(OSError):  # another run was faster
                draft.rename(folder)
        return folder / name

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.boto3.client(service)
        return self._clients[service]

    def sagemaker_session(self) -> Any:
        """The SDK's own session: v2's ``sagemaker.Session``, or v3's, by what is installed in this environment."""
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
        """The SDK's session for pipelines: calls that would start jobs make steps."""
        from sagemaker.workflow.pipeline_context import PipelineSession

        return PipelineSession(
            boto_session=self.boto3, sagemaker_client=self.client("sagemaker"), default_bucket=self.bucket
        )

    def training_mode(self) -> Any:
        """The mode of v3's ``ModelTrainer``: jobs of the service, or the SDK's own local containers."""
        from sagemaker.train.model_trainer import Mode

        return Mode.SAGEMAKER_TRAINING_JOB

    def instance_type(self, wanted: str) -> str:
        """``wanted``, or what stands for it here: the SDK's local mode has "local" and "local_gpu"."""
        return wanted

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """One sentence of the story. What goes wrong inside ends the step, and with it the scenario."""
        self._step = name
        if self.replay:
            self.replay.enter(name)
        self._events.tell("step", name=name, state="started")
        try:
            yield
        except BaseException as error:
            self._events.tell("step", name=name, state="failed", error=_one_line(error))
            raise
        self._tell_reused()
        more = self.replay.leave(name) if self.replay else {}
        self._events.tell("step", name=name, state="passed", **more)
        self._step = None

    def show(self, kind: str, title: str, **content: Any) -> None:
        """Evidence for the report. ``kind`` says how it is drawn: see ``harness.report``."""
        self._events.tell("evidence", kind=kind, title=title, step=self._step, content=content)

    def expected(self, text: str, passed: bool, evidence: str = "") -> None:
        """One expectation, met or not; ``harness.asserts`` calls this."""
        self._events.tell("expectation", text=text, passed=passed, evidence=evidence, step=self._step)

    def cleanup(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call this when the scenario ends, however it ends; the last one given is called first."""
        self._cleanups.append((function, arguments))

    def advance_clock(self, seconds: float) -> None:
        """Let time pass: at once where the profile has a clock of its own, else as the profile says (AWS)."""
        if not self._clock:
            self.pass_time(seconds)
            return
        clock = EmulatorClock(self._clock, self._token_file)
        self._once("advance_clock", {"seconds": seconds}, lambda: clock.advance(seconds))

    @property
    def patience(self) -> float:
        """Seconds within which what follows by itself (captured requests, log lines) is there: on AWS it takes time."""
        return 60.0 if self._clock else 900.0

    @property
    def faults(self) -> Faults:
        """What is to go wrong on purpose; refused with ``FaultsNeedEmulator`` where there is no emulator."""
        # The clock is one of the emulator's own endpoints, and so are the faults.
        own = self._clock.rpartition("/")[0]
        account = self.role.split(":")[4]
        return Faults(f"{own}/faults" if own else "", account, self.region, self._token_file, self._once)

    # -- what the player uses ------------------------------------------------------------------------------------

    @property
    def current_step(self) -> str | None:
        return self._step

    def _created(self, made: Creation, config: str) -> None:
        """Told when it is asked for: what it costs, and the plan of the next run, hang on the step and the machines."""
        self._events.tell(
            "created",
            kind=made.kind,
            name=made.name,
            step=self._step,
            instances=made.instances,
            images=made.images,
            config=config,
        )

    def _called(self, service: str, operation: str, bucket: str) -> None:
        """Each operation once: what its user and role must be allowed on AWS is learned from it."""
        self._events.tell(
            "called", service=service, operation=operation, bucket="" if bucket == self.bucket else bucket
        )

    def _once(self, what: str, asked: Mapping[str, Any], do: Callable[[], Any]) -> Any:
        return self.replay.once(what, asked, do) if self.replay else do()

    def _tell_reused(self) -> None:
        for told in self._reused.new() if self._reused else ():
            self._events.tell("reused", **told, step=self._step)

    def collect(self) -> None:
        """Describe everything this run created, while it still exists."""
        self._tell_reused()
        for evidence in self._watcher.collect(self.client):
            self._events.tell("evidence", **evidence)

    def clean_up(self) -> None:
        if not self._cleanups:
            return
        with self.step("Clean up"):
            failures = []
            while self._cleanups:
                function, arguments = self._cleanups.pop()
                try:
                    function(*arguments)
                except Exception as error:  # the rest must be cleaned up all the same; told below
                    traceback.print_exc()
                    failures.append(_one_line(error))
            if failures:
                raise RuntimeError("clean-up: " + "; ".join(failures))


def load_file(file: Path) -> ModuleType:
    """A module from a file that is in no package."""
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
