"""Records of pipelines: their versions and executions, and the state of each step in an execution's record."""

from __future__ import annotations

import hashlib
import secrets
import string
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from harness.contract.pipelines.definition import PipelineDefinition, parse_definition
from harness.kernel.records import Key, Record
from harness.stores.records import RecordStore

PIPELINE, VERSION, EXECUTION = "pipeline", "pipeline-version", "pipeline-execution"
ALPHABET = string.ascii_lowercase + string.digits
RUNNING = frozenset({"Starting", "Executing", "Stopping"})

StepState = Mapping[str, Any]
"""The state of a step: ``status``, ``started``, ``ended``, ``attempts``, ``metadata``, ``properties``, ``failure``…"""


def execution_id(pipeline: str, token: str) -> str:
    """Return the id of the execution that a client's request token starts, so that a repeated request finds it."""
    number = int.from_bytes(hashlib.sha256(f"{pipeline}\n{token}".encode()).digest(), "big")
    letters = []
    for _ in range(12):
        number, digit = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[digit])
    return "".join(letters)


def execution_key(pipeline: Key, identifier: str) -> Key:
    return pipeline._replace(kind=EXECUTION, name=f"{pipeline.name}/execution/{identifier}")


def version_key(pipeline: Key, version: int) -> Key:
    return pipeline._replace(kind=VERSION, name=f"{pipeline.name}/{version}")


def pipeline_of(execution: Record) -> str:
    return execution.name.partition("/")[0]


def id_of(execution: Record) -> str:
    return execution.name.rpartition("/")[2]


def random_word(length: int = 10) -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))


def resource_name(execution: Record, step: str, prefix: str) -> str:
    """Return the name of what a step creates: recorded names are ``pipelines-<execution>-<step>-<10 characters>``.

    A name in the step's arguments is a prefix (``PipelineDefinitionConfig(use_custom_job_prefix=True)`` of SDK v2).
    """
    identifier = id_of(execution)
    if prefix:
        return f"{prefix[:39]}-{identifier}-{random_word()}"
    return f"pipelines-{identifier}-{step[:20].replace('_', '-')}-{random_word()}"


def steps_of(execution: Record) -> Mapping[str, StepState]:
    steps: Mapping[str, StepState] = execution.inner["steps"]
    return steps


def change_step(execution: Record, step: str, **members: Any) -> Record:
    """Return the execution with changed members of one step's state."""
    steps = execution.inner["steps"]
    changed = {**steps, step: {**steps.get(step, {}), **members}}
    return replace(execution, inner={**execution.inner, "steps": changed})


@lru_cache(maxsize=32)
def _parse(text: str) -> PipelineDefinition:
    return parse_definition(text)


def definition_text(records: RecordStore, execution: Record) -> str:
    """Return the definition that an execution runs: that of the version it was started with."""
    pipeline = execution.key._replace(kind=PIPELINE, name=pipeline_of(execution))
    version = records.find(version_key(pipeline, execution.inner["version"]))
    return str(version.spec["PipelineDefinition"]) if version else ""


def definition_of(records: RecordStore, execution: Record) -> PipelineDefinition:
    return _parse(definition_text(records, execution))
