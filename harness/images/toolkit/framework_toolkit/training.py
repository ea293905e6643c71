"""`train` of a framework image: run the user's script as SageMaker's training toolkit does."""

from __future__ import annotations

import json
import os
import socket
import time
import traceback

from . import entry_point, hyperparameters
from .errors import ClientError, ToolkitError
from .layout import Layout, current_layout
from .logs import configure_logging, log
from .source import fetch_code
from .variables import TrainingEnvironment, python_path

HOSTS_TIMEOUT = 900.0
"""Seconds until all hosts of a job must have an address."""


class Framework:
    """The differences between the training programs of the framework images."""

    def __init__(self, module: str, greeting: str = "", as_module: bool = False, capture: bool = False) -> None:
        self.module = module
        self.greeting = greeting
        self.as_module = as_module
        self.capture = capture
        """Whether a failure quotes the script's output."""


def wants_script() -> bool:
    """Return whether the job names a script of the user's."""
    names = current_layout().read_config("hyperparameters")
    return bool(names.get("sagemaker_program") or os.environ.get("SAGEMAKER_PROGRAM"))


def train(framework: Framework) -> int:
    """Run the job's script and return the exit code of the container."""
    layout = current_layout()
    os.environ["SAGEMAKER_TRAINING_MODULE"] = framework.module
    configure_logging(20)
    try:
        _run(layout, framework)
    except Exception as error:
        text = error.failure_text() if isinstance(error, ToolkitError) else _describe_defect(error)
        log.error("Reporting training FAILURE")
        log.error(text)
        log.error("Encountered exit_code 1")
        layout.failure.parent.mkdir(parents=True, exist_ok=True)
        layout.failure.write_text(text, encoding="utf-8")
        return 1
    layout.success.parent.mkdir(parents=True, exist_ok=True)
    layout.success.touch()
    log.info("Reporting training SUCCESS")
    return 0


def _run(layout: Layout, framework: Framework) -> None:
    values = hyperparameters.decode(layout.read_config("hyperparameters"))
    environment = TrainingEnvironment(
        layout, values, hyperparameters.of_user(values), hyperparameters.of_framework(values)
    )
    configure_logging(environment.description["log_level"])
    log.info("Imported framework %s", framework.module)
    if framework.greeting:
        log.info(framework.greeting)
    if not environment.program:
        raise ClientError(
            "the job names no script: the hyperparameter sagemaker_program is missing, and so is the variable "
            "SAGEMAKER_PROGRAM"
        )
    fetch_code(environment.submit_directory, layout.code)
    entry_point.install(layout.code, environment.program)
    _await_hosts(environment.hosts)
    shown = environment.variables()
    variables = {
        **shown,
        "PYTHONPATH": python_path(str(layout.code)),
        "CURRENT_HOST": environment.description["current_host"],
        "SAGEMAKER_JOB_NAME": str(environment.description["job_name"]),
        "SAGEMAKER_REGION": os.environ.get("AWS_REGION", ""),
    }
    words = entry_point.command(layout.code, environment.program, environment.user_arguments, framework.as_module)
    _announce(environment, variables, words)
    entry_point.run(words, layout.code, variables, framework.capture)


def _announce(environment: TrainingEnvironment, variables: dict[str, str], words: list[str]) -> None:
    shown = [name for name in variables if name.startswith("SM_") or name == "PYTHONPATH"]
    log.info(
        "Invoking user script\n\nTraining Env:\n\n%s\n\nEnvironment variables:\n\n%s\n\n"
        "Invoking script with the following command:\n\n%s\n\n",
        json.dumps(environment.description, indent=4, sort_keys=True),
        "\n".join("{}={}".format(name, variables[name]) for name in shown),
        entry_point.shown(words),
    )


def _await_hosts(hosts: list[str]) -> None:
    """Wait until every host of the job has an address."""
    deadline = time.monotonic() + HOSTS_TIMEOUT
    for host in hosts if len(hosts) > 1 else ():
        while True:
            try:
                socket.getaddrinfo(host, None)
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    raise ClientError("host {} has no address: {}".format(host, error)) from error
                time.sleep(0.2)


def _describe_defect(error: Exception) -> str:
    frames = "".join(traceback.format_exception(type(error), error, error.__traceback__, limit=-2, chain=False))
    return "Framework Error: \n{}\n{}".format(frames, error)
