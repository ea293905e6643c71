"""The start-up shim names functions of the SDKs, many of them private: they are compared with the installed SDKs.

A function that a release renames is not patched any more: its waiting takes 30 seconds again, and nothing fails.
"""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from harness.clients.environment import SHIM
from harness.profiles.sdk_environments import python_for

pytestmark = pytest.mark.provenance("documented", source="source code: aws/sagemaker-python-sdk")


GENERATIONS = ["v2", pytest.param("v3", marks=pytest.mark.needs("sdk-v3-environment"))]
BOTH = {"botocore.session", "botocore.waiter", "sagemaker.serve.mode.local_container_mode"}
V2 = {
    *("sagemaker.aws_batch.training_queued_job", "sagemaker.config.config", "sagemaker.experiments._metrics"),
    *("sagemaker.local.entities", "sagemaker.predictor_async", "sagemaker.session", "sagemaker.utils"),
    *("sagemaker.telemetry.telemetry_logging", "sagemaker_core.main.resources"),
}
"""The patched modules that only v2 has. All others are v3's."""

REPLACED = {
    "botocore.session": "Session",
    "botocore.waiter": "Waiter",
    "sagemaker.config.config": "validate_sagemaker_config",
    "sagemaker.core.common_utils": "retries",
    "sagemaker.core.config.config": "validate_sagemaker_config",
    "sagemaker.core.local.entities": "_wait_for_serving_container",
    "sagemaker.core.telemetry.telemetry_logging": "_requests_helper",
    "sagemaker.core.utils.intelligent_defaults_helper": "validate_sagemaker_config",
    "sagemaker.local.entities": "_wait_for_serving_container",
    "sagemaker.serve.mode.local_container_mode": "LocalContainerMode",
    "sagemaker.telemetry.telemetry_logging": "_requests_helper",
    "sagemaker.utils": "retries",
}
"""What the shim replaces as a whole, beside the functions that wait."""

NOT_WAITING = {"_start_waiting", "retry_with_backoff"}
"""Functions that sleep for another reason: they print dots, or retry a call that was throttled."""

V2_ONLY = {
    *("_wait_until_training_done", "logs_for_auto_ml_job", "logs_for_processing_job", "logs_for_transform_job"),
    "wait_for_athena_query",
}
"""Functions of v2's session that v3's ``session_helper`` no longer has; the shim has one list for both."""


@cache
def load_shim() -> ModuleType:
    spec = importlib.util.spec_from_file_location("shim_under_test", SHIM / "sitecustomize.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def patched_modules(generation: str) -> dict[str, ast.Module]:
    """Return the patched modules that the installed SDK has, parsed: importing them takes seconds."""
    command = [str(python_for(generation, print)), "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
    files = {name: packages.joinpath(*name.split(".")).with_suffix(".py") for name in load_shim().PATCHES}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the SDKs' docstrings have invalid escapes
        return {name: ast.parse(file.read_text()) for name, file in files.items() if file.is_file()}


def sleeping_functions(node: ast.AST, function: str = "") -> Iterator[str]:
    """Yield the name of the innermost function around each call of ``time.sleep``."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call) and ast.unparse(child.func) == "time.sleep":
            yield function
        inside = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
        yield from sleeping_functions(child, inside)


def names_at_top(module: ast.Module) -> set[str]:
    defined = {node.name for node in module.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    imports = [node for node in module.body if isinstance(node, ast.ImportFrom)]
    return defined | {alias.asname or alias.name for node in imports for alias in node.names}


@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_patched_module_is_there(generation: str) -> None:
    known = set(load_shim().PATCHES)
    assert known >= V2 | BOTH
    assert set(patched_modules(generation)) == (V2 | BOTH if generation == "v2" else known - V2)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_functions_that_sleep_are_those_that_the_shim_shortens(generation: str) -> None:
    waiting = {name: set(functions.split()) for name, functions in load_shim().WAITING.items()}
    if generation == "v3":
        waiting["sagemaker.core.helper.session_helper"] -= V2_ONLY
    modules = {name: module for name, module in patched_modules(generation).items() if name in waiting}
    sleeping = {
        name: set(sleeping_functions(module)) - NOT_WAITING - {REPLACED.get(name)} for name, module in modules.items()
    }
    assert sleeping == {name: waiting[name] for name in modules}


@pytest.mark.parametrize("generation", GENERATIONS)
def test_what_the_shim_replaces_is_there(generation: str) -> None:
    modules = patched_modules(generation)
    assert set(load_shim().PATCHES) == set(REPLACED) | set(load_shim().WAITING)
    missing = {
        name: REPLACED[name] for name in REPLACED.keys() & modules if REPLACED[name] not in names_at_top(modules[name])
    }
    assert missing == {}
