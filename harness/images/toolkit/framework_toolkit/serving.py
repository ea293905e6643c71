"""`serve` of a framework image: gunicorn with workers that each load the user's script and the model."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Any

from . import entry_point
from .errors import ToolkitError
from .layout import Layout, current_layout
from .logs import configure_logging, log
from .source import fetch_code
from .user_functions import UserFunctions, load_script

INSTALLED = "TOOLKIT_HAS_INSTALLED"
"""Set in the process that is started anew after packages were installed."""
KEEP_ALIVE = 3600


def serve(defaults: Any) -> None:
    """Serve the model until the server is stopped. ``defaults`` has the framework's own four functions."""
    layout = current_layout()
    configure_logging(int(os.environ.get("SAGEMAKER_CONTAINER_LOG_LEVEL", "20")))
    program = os.environ.get("SAGEMAKER_PROGRAM", "")
    try:
        code = _prepare(layout, program)
    except ToolkitError as error:
        sys.exit(error.failure_text())
    _run_server(layout, program, code, defaults)


def _prepare(layout: Layout, program: str) -> Path:
    """Fetch the code and install its packages; return the folder of the code."""
    address = os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    inside = Path(address) if address.startswith("/") else layout.model / "code"
    code = inside if inside.is_dir() and not address.startswith("s3://") else layout.code
    if not program or os.environ.get(INSTALLED):
        return code
    if code == layout.code:
        fetch_code(address, code)
    if (code / entry_point.REQUIREMENTS).exists() or (code / "setup.py").exists():
        entry_point.install(code, program)
        os.environ[INSTALLED] = "1"
        # The packages that this interpreter has imported may be others than those that are installed now.
        os.execv(sys.executable, [sys.executable, *sys.argv])
    return code


def _run_server(layout: Layout, program: str, code: Path, defaults: Any) -> None:
    from gunicorn.app.base import BaseApplication
    from gunicorn.errors import HaltServer

    class Server(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            for name, value in _settings().items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            return _load(layout, program, code, defaults)

    try:
        Server().run()
    except HaltServer as error:  # raised again while it ends, when a second worker could not start either
        sys.exit(error.exit_status)


def _settings() -> dict[str, Any]:
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "bind": "0.0.0.0:{}".format(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080")),
        "workers": int(os.environ.get("SAGEMAKER_MODEL_SERVER_WORKERS") or processors),
        "timeout": int(os.environ.get("SAGEMAKER_MODEL_SERVER_TIMEOUT") or 60),
        "worker_class": "gthread",
        "threads": 1,
        "keepalive": KEEP_ALIVE,
        "worker_tmp_dir": "/dev/shm" if os.access("/dev/shm", os.W_OK) else None,
        "proc_name": "serve",
        # The error of a worker that cannot start is told by _load; gunicorn would tell it again, with its own frames.
        "loglevel": "critical",
    }


def _load(layout: Layout, program: str, code: Path, defaults: Any) -> Any:
    """Load script and model in a worker; a worker that cannot ends, and the server with it."""
    from .application import Application

    try:
        functions = UserFunctions(load_script(program, code) if program else None, defaults)
        return Application(functions, functions.model_fn(str(layout.model)))
    except Exception as error:
        traceback.print_exc()
        log.error("The model cannot be loaded: %s: %s", type(error).__name__, error)
        raise
