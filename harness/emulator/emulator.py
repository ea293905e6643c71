"""``Emulator``: builds the parts, serves them from a thread of its own, and takes them down in order."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import __version__
from harness.aws import AwsBackend
from harness.emulator.accounts import Accounts
from harness.emulator.parts import BootContext, Parts, RunningEngine, build_packages
from harness.emulator.port import take
from harness.emulator.stored_clock import restore_clock
from harness.engine.components import Components
from harness.gateway import Gateway, GatewayDependencies, Server
from harness.gateway.control_socket import ControlSocket
from harness.gateway.dispatch import call
from harness.gateway.long_poll import PollTracker, RecordWaiters
from harness.gateway.request_log import RequestLog
from harness.kernel.clock import Clock, iso
from harness.kernel.removal import remove_tree
from harness.protocol import service_model
from harness.runners.process.interpreters import WarmInterpreters
from harness.runners.spec import Runner
from harness.settings import Settings, exposure
from harness.stores.credentials import Credentials, issue_credentials
from harness.stores.folder import StateFolder
from harness.stores.records import RecordStore
from harness.stores.state_layout import check_databases, check_layout, record_databases

_WORKERS = 16
_DOWNLOADS = 4
_STARTING = 30.0
_FIRST_REQUESTS = 0.2
"""Seconds after the start that belong to first requests; the backend's second of imports would slow them down."""
_SWITCH_INTERVAL = 0.0005
"""While the backend loads, a request gets the interpreter back within half a millisecond instead of five."""

log = logging.getLogger(__name__)


class Emulator:
    """One emulator on one state folder. ``start``, then ``close``; ``with`` does both.

    ``owns_process`` says that nothing else lives in this process, so that its interpreter may be tuned.
    """

    def __init__(self, settings: Settings, parts: Parts | None = None, *, owns_process: bool = False) -> None:
        self._owns_process = owns_process
        self._parts = parts or Parts()
        self._stack = ExitStack()
        self._engine_end = ExitStack()
        if settings.ephemeral:
            settings = replace(settings, state=Path(tempfile.mkdtemp(prefix="harness-")))
            self._stack.callback(remove_tree, settings.state)
        self.settings = settings
        self.state = settings.state
        self.clock = Clock()
        self.address = ""
        self.started = 0.0
        self.site: GatewayDependencies
        self.records: RecordStore
        self._aws: AwsBackend
        self._accounts: Accounts
        self._folder: StateFolder
        self._credentials: Credentials
        self._runner: Runner
        self._interpreters: WarmInterpreters
        self._engine: RunningEngine
        self._server: Future[Server] = Future()
        self._ending = threading.Event()
        self._warming = threading.Thread(target=self._warm_up, name="warm-up")

    def __enter__(self) -> Emulator:  # noqa: PYI034  Self is younger than Python 3.10; nobody subclasses this
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start, and return when the emulator listens. ``StateError`` when the folder or the port cannot be used."""
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise

    def wait(self) -> None:
        """Block until the emulator is to end."""
        self._ending.wait()

    def has_lost_state(self) -> bool:
        return self._folder.is_lost()

    def shut_down(self) -> None:
        self._ending.set()

    def close(self) -> None:
        self._ending.set()
        self._stack.close()

    def adopt(self, listener: socket.socket) -> Callable[[], None]:
        """Serve on a listening socket made in another network namespace until the function returned is called.

        Waits for the start: programs that are started again by ``recover`` ask before there is a server.
        """
        return self._server.result(_STARTING).adopt(listener)

    async def advance(self, target: Callable[[float], float]) -> Mapping[str, Any]:
        return await asyncio.to_thread(self._engine.advance, target)

    async def reset(self) -> None:
        await asyncio.to_thread(self._reset)

    def facts(self) -> Mapping[str, Any]:
        return {
            "version": __version__,
            "pid": os.getpid(),
            "address": self.address,
            "state": str(self.state),
            "account": self.settings.account,
            "region": self.settings.region,
            "started": iso(self.started),
            "runner": self.settings.runner,
            "aws_backend": self.settings.aws_backend,
            "s3_url": self.settings.s3_url,
            "aws": dict(self._aws.describe()),
            "warm_interpreters": self._interpreters.describe(),
            "held": self.site.waiters.count,
            "ephemeral": self.settings.ephemeral,
        }

    def _call(self, account: str, region: str, operation: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        return call(self.site, "sagemaker", operation, request, account, region)

    def _start(self) -> None:
        folder = self._folder = StateFolder(self.state)
        folder.hold()
        self._stack.callback(folder.release)
        check_layout(self.state)
        self._credentials = issue_credentials(self.state, self.settings.client_secret)
        listener = take(self.settings.host, self.settings.port)
        self._stack.callback(listener.close)
        port = listener.getsockname()[1]
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        self.address = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
        self._build(port)
        if warning := exposure(self.settings):
            log.warning(warning)
        for leftover in self._runner.sweep():
            log.warning("left behind by an emulator that was killed, and removed: %s", leftover)
        self._engine.recover()
        self._serve(listener)
        self.started = time.time()
        folder.announce(
            {"pid": os.getpid(), "address": self.address, "version": __version__, "started": iso(self.started)}
        )
        self._load_backend()

    def _build(self, port: int) -> None:
        """Build the parts in the order of their dependencies; the stack closes them in the reverse order."""
        parts, stack = self._parts, self._stack
        boot = BootContext(
            settings=self.settings,
            folder=self.state,
            port=port,
            address=self.address,
            clock=self.clock,
            adopt=self.adopt,
            call=self._call,
        )
        journal = RequestLog(self.state / "emulator.log")
        stack.callback(journal.close)
        stack.enter_context(journal.taking_warnings())
        check_databases(self.state)
        self.records = parts.records(boot)
        stack.callback(self.records.close)
        restore_clock(self.clock, self.records, self.state)
        logs = parts.logs(boot)
        stack.callback(logs.close)
        self._aws = parts.aws(boot, logs)
        stack.callback(self._aws.close)
        self._interpreters = parts.interpreters(boot)
        stack.callback(self._interpreters.close)
        self._runner = runner = parts.runner(boot)
        # The runner is closed before this: it ends the warm parents, whatever they are importing.
        stack.callback(self._end_warming)
        stack.callback(runner.close)
        packages = build_packages(self.settings)
        downloads = ThreadPoolExecutor(_DOWNLOADS, thread_name_prefix="packages")
        stack.callback(downloads.shutdown, cancel_futures=True)
        stack.callback(packages.close)
        components = Components(
            records=self.records,
            aws=self._aws,
            logs=logs,
            runner=runner,
            clock=self.clock,
            folder=self.state / "jobs",
            endpoint_url=lambda: runner.address_of(self.address),
            grace=self.settings.grace,
            images=replace(parts.images(boot), refuses_several_hosts=runner.refuses_several_hosts),
            reuse=parts.reuse(self.settings),
            client_secret=self._credentials.client_secret,
            packages=packages,
        )
        self._engine = parts.engine(components, boot)
        # While the loop runs, for connections to model servers end on it; here only when serving never began.
        self._engine_end.callback(self._engine.close)
        stack.callback(self._engine_end.close)
        pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="service")
        stack.callback(pool.shutdown)
        self._accounts = Accounts(self._aws)
        self.site = GatewayDependencies(
            settings=self.settings,
            components=components,
            engine=self._engine,
            control=self,
            journal=journal,
            waiters=RecordWaiters(self.records),
            polls=PollTracker(),
            pool=pool,
            lookup=parts.lookup,
            accounts=self._accounts,
            credentials=self._credentials,
            packages=packages,
            downloads=downloads,
            runs_as=runner.runs_as,
        )

    def _serve(self, listener: socket.socket) -> None:
        listening: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        thread = threading.Thread(target=asyncio.run, args=(self._run(listener, listening),), name="gateway")
        thread.start()
        loop, end = listening.result()

        def stop() -> None:
            loop.call_soon_threadsafe(end.set)
            thread.join()

        self._stack.callback(stop)

    async def _run(
        self, listener: socket.socket, listening: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]
    ) -> None:
        end = asyncio.Event()
        loop = asyncio.get_running_loop()
        try:
            self.site.waiters.open(loop)
            server = Server(Gateway(self.site))
            await server.serve_on(listener)
            control = ControlSocket(self.state, server, self._interpreters)
            control.open()
        except BaseException as error:
            listening.set_exception(error)
            return
        self._server.set_result(server)
        listening.set_result((loop, end))
        await end.wait()
        self.site.waiters.close()
        await control.close()
        await server.close()
        await asyncio.to_thread(self._engine_end.close)

    def _load_backend(self) -> None:
        thread = threading.Thread(target=self._load, name="load-backend")
        thread.start()
        self._stack.callback(thread.join)

    def _load(self) -> None:
        """Load what first requests need, then the backend. A call that needs the backend earlier loads it itself."""
        service_model("sagemaker")
        self._parts.lookup("sagemaker", "DescribeTrainingJob")
        self._ending.wait(_FIRST_REQUESTS)
        usual = sys.getswitchinterval()
        if self._owns_process:
            sys.setswitchinterval(_SWITCH_INTERVAL)
        try:
            self._aws.load()
            record_databases(self.state)
        except Exception:
            log.exception("the backing services could not be loaded; every call to them will say so")
        if self._owns_process and not self._ending.is_set():
            sys.setswitchinterval(usual)
            # Hundreds of thousands of objects that never go away: no collection needs to look at them again.
            gc.collect()
            gc.freeze()
            if self.settings.warm_pool:
                self._warming.start()

    def _warm_up(self) -> None:
        try:
            self._engine.warm_up()
        except Exception:
            if not self._ending.is_set():
                log.exception("no programs stand ready; every job starts its own")

    def _end_warming(self) -> None:
        if self._warming.ident is not None:
            self._warming.join()

    def _reset(self) -> None:
        self._engine.reset()
        self.records.clear()
        self._aws.reset()
        self._accounts.forget()
        self.site.polls.clear()
        self.site.calls.clear()
        self.site.faults.forget()
        self.clock.reset()
