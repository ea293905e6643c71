"""Hyperparameters of script mode: decoding, what belongs to the toolkit, and the command line of the script."""

from __future__ import annotations

import json
from typing import Any

from .logs import log

PREFIX = "sagemaker_"
NOT_FOR_SCRIPTS = ("_tuning_objective_metric", "default_user_module_name")
OF_THE_TOOLKIT = (
    "sagemaker_program",
    "sagemaker_submit_directory",
    "sagemaker_container_log_level",
    "sagemaker_job_name",
    "sagemaker_region",
    "sagemaker_enable_cloudwatch_metrics",
    "sagemaker_s3_output",
)


def decode(values: dict[str, str]) -> dict[str, Any]:
    """Return the values decoded from JSON; a text that is no JSON stays as it is, with a line in the log."""
    decoded = {}
    for name, text in values.items():
        try:
            decoded[name] = json.loads(text)
        except (TypeError, ValueError):
            log.info("Failed to parse hyperparameter %s value %s to Json.\nReturning the value itself", name, text)
            decoded[name] = text
    return decoded


def of_user(values: dict[str, Any]) -> dict[str, Any]:
    """Return what reaches the script."""
    return {
        name: value for name, value in values.items() if not name.startswith(PREFIX) and name not in NOT_FOR_SCRIPTS
    }


def of_framework(values: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of the framework, such as those of distributed training."""
    return {name: value for name, value in values.items() if name.startswith(PREFIX) and name not in OF_THE_TOOLKIT}


def arguments(values: dict[str, Any]) -> list[str]:
    """Return ``--name value`` for each hyperparameter, ``-n value`` for a name of one letter, sorted by name."""
    words = []
    for name in sorted(values):
        words += [("-" if len(name) == 1 else "--") + name, _text(values[name])]
    return words


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ",".join("{}={}".format(key, value[key]) for key in sorted(value))
    return str(value)
