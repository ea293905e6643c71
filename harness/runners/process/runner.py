"""The process runner, which runs jobs as host processes; it combines environments, warm pool, folders and runs."""

from __future__ import annotations

import contextlib
import os
import pwd
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.kernel.removal import remove_tree
from harness.runners.modes import open_to_all, remove_privileges
from harness.runners.process import plan
from harness.runners.process.environments import Environments
from harness.runners.process.errors import EnvironmentMissing, NotStarted
from harness.runners.process.folders import JobFolders
from harness.runners.process.host import Host, Roots, examine
from harness.runners.process.host_links import JobLinks
from harness.runners.process.installing import may_install
from harness.runners.process.leftovers import kill_and_remove, kill_users_of
from harness.runners.process.ownership import give_to_job, take_back
from harness.runners.process.pool import Kind, NoWarmParent, WarmPool
from harness.runners.process.process_handle import (
    COLD_SECONDS,
    WARM_SECONDS,
    ProcessHandle,
    ReadinessTimeout,
    start_cold,
    start_warm,
)
from harness.runners.process.run import Adopt, ProcessRun
from harness.runners.spec import OutputSink, RunSpec

_CLOSE_GRACE = 5.0


class ProcessRunner:
    """Runs host processes. ``folder`` holds job folders; ``hidden`` are host folders that jobs must not see."""

    name = "process"

    def __init__(
        self,
        folder: Path,
        *,
        environments: Environments,
        port: int = 0,
        adopt: Adopt | None = None,
        hidden: Sequence[Path] = (),
        pool: WarmPool | None = None,
        roots: str | None = None,
    ) -> None:
        self._folders = JobFolders(folder)
        self._environments = environments
        self._port = port
        self._adopt = adopt
        self._hidden = (*hidden, folder, *_homes())
        self._pool = pool
        forced = roots or os.environ.get("HARNESS_ROOTS")
        self._forced = Roots(forced) if forced else None
        self._host: Host | None = None
        self._host_lock = threading.Lock()
        self._runs: dict[int, ProcessRun] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._links = JobLinks()

    @property
    def host(self) -> Host:
        with self._host_lock:
            if self._host is None:
                with self._folders.temporary("trial") as scratch:
                    self._host = examine(scratch, self._forced)
            return self._host

    def start(self, spec: RunSpec, output: OutputSink) -> ProcessRun:
        run = ProcessRun(spec, output, self._begin, self._forget)
        with self._lock:
            self._runs[id(run)] = run
        return run.start()

    def warm(self, spec: RunSpec) -> None:
        if self._pool is not None and spec.preload and self.host:
            with contextlib.suppress(EnvironmentMissing, NoWarmParent):
                self._pool.warm(Kind.of(self._environments.path(spec.environment), spec.preload, spec.env))

    def address_of(self, address: str) -> str:
        return address  # every program reaches it on its own loopback interface

    def refuses_several_hosts(self) -> str:
        return self._links.refusal(self.host)

    def runs_as(self, uid: int) -> bool:
        return uid == os.geteuid()

    def sweep(self) -> list[str]:
        return [line for folder in self._folders.orphans() for line in kill_and_remove(folder)]

    def describe(self) -> Mapping[str, str]:
        warm = "off" if self._pool is None else self._pool.describe()
        return {**self.host.describe(), "warm parents": warm, "environments": str(self._environments.folder)}

    def close(self) -> None:
        with self._lock:
            self._closed = True
            runs = list(self._runs.values())
        for run in runs:
            run.stop(_CLOSE_GRACE)
        until = time.monotonic() + _CLOSE_GRACE + 10
        for run in runs:
            run.wait(max(0.0, until - time.monotonic()))
        if self._pool is not None:
            self._pool.close()
        self._folders.close()
        with self._host_lock:
            if self._host is not None:
                self._host.close()
                self._host = None

    def _begin(self, run: ProcessRun) -> tuple[ProcessHandle, Callable[[], None], int]:
        """Prepare the program; return its handle, a function to call after its end, and the port of a server."""
        spec = run.spec
        if self._closed:
            raise NotStarted("the emulator is stopping")
        plan.check(spec, self.host)
        if spec.group and (refusal := self.refuses_several_hosts()):
            raise NotStarted(refusal)
        python = self._environments.provide(spec.environment, run.tell)
        folder = self._folders.make(spec.name)
        links = self._links.join(spec.group, self.host.user) if spec.group else None
        try:
            listen = self._port if self._adopt else None
            sandbox = plan.make(spec, self.host, python, folder, self._hidden, listen, links)
            self._hand_over(spec, folder)
            started = self._start_warm(sandbox) or self._start_cold(sandbox)
        except BaseException:
            self._links.leave(spec.group)
            remove_tree(folder)
            self._take_back(spec)
            raise
        release = self._adopt_listener(started)

        def clean_up() -> None:
            release()
            self._links.leave(spec.group)
            if "pid" not in started.granted:
                kill_users_of(folder)
            remove_tree(folder)
            self._take_back(spec)

        return started, clean_up, sandbox.port

    def _hand_over(self, spec: RunSpec, folder: Path) -> None:
        """Give the job's files to the job's user while it runs; ``_take_back`` gives mounted folders back."""
        open_to_all(spec.root)
        if (user := self.host.user) is not None:
            for path in (folder / "rootfs", spec.root, *spec.mounts.values()):
                give_to_job(path, user)

    def _take_back(self, spec: RunSpec) -> None:
        for path in spec.mounts.values():
            remove_privileges(path)
            if self.host.user is not None:
                take_back(path, self.host.user)

    def _start_warm(self, sandbox: plan.SandboxPlan) -> ProcessHandle | None:
        """Start the program from a warm parent; return None if that is not possible and it must be started cold."""
        spec = sandbox.spec
        if self._pool is None or not spec.preload or not sandbox.runs_in_process or may_install(spec):
            return None
        try:
            parent = self._pool.warm(Kind.of(sandbox.python, spec.preload, sandbox.request["env"]))
        except NoWarmParent:
            return None
        try:
            started = start_warm(parent.fork, sandbox.write(in_process=True))
        except NoWarmParent:
            self._pool.discard(parent)
            return None
        try:
            started.await_readiness(WARM_SECONDS)
        except (ReadinessTimeout, NotStarted):
            started.kill_from_outside()
            started.close()
            self._pool.record_outcome(parent, answered=False)
            return None
        self._pool.record_outcome(parent, answered=True)
        return started

    def _start_cold(self, sandbox: plan.SandboxPlan) -> ProcessHandle:
        started = start_cold(sandbox.write(in_process=False))
        started.wrapped = sandbox.request["wrapped"]
        try:
            started.await_readiness(COLD_SECONDS)
        except BaseException as error:
            started.kill_from_outside()
            started.close()
            if isinstance(error, ReadinessTimeout):
                raise NotStarted(f"the program was not ready to start within {COLD_SECONDS:.0f} s") from error
            raise
        return started

    def _adopt_listener(self, started: ProcessHandle) -> Callable[[], None]:
        if started.listener is None or self._adopt is None:
            return lambda: None
        listener, started.listener = started.listener, None
        return self._adopt(listener)

    def _forget(self, run: ProcessRun) -> None:
        with self._lock:
            self._runs.pop(id(run), None)


def _homes() -> set[Path]:
    homes = {Path(os.path.expanduser("~"))}  # noqa: PTH111  (Path.home() raises where there is none)
    with contextlib.suppress(KeyError):
        homes.add(Path(pwd.getpwuid(os.geteuid()).pw_dir))
    return {home for home in homes if home.is_absolute()}
