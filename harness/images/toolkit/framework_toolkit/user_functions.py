"""The functions of the user's serving script, completed with the framework's defaults."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Callable

from .errors import ClientError

SINGLE = ("input_fn", "predict_fn", "output_fn")
ALL = ("model_fn", *SINGLE, "transform_fn", "execution_parameters_fn")


class UserFunctions:
    """``model_fn``, and either ``transform_fn`` or the three functions that it replaces."""

    def __init__(self, script: ModuleType | None, defaults: Any) -> None:
        own = {name: getattr(script, name) for name in ALL if hasattr(script, name)}
        if "transform_fn" in own and any(name in own for name in SINGLE):
            raise ClientError("Cannot use transform_fn implementation with input_fn, predict_fn, and/or output_fn")
        self.model_fn: Callable[..., Any] = own.get("model_fn", defaults.model_fn)
        self.input_fn: Callable[..., Any] = own.get("input_fn", defaults.input_fn)
        self.predict_fn: Callable[..., Any] = own.get("predict_fn", defaults.predict_fn)
        self.output_fn: Callable[..., Any] = own.get("output_fn", defaults.output_fn)
        self.transform_fn: Callable[..., Any] = own.get("transform_fn", self._transform)
        self.execution_parameters_fn: Callable[..., Any] | None = own.get("execution_parameters_fn")

    def _transform(self, model: Any, body: Any, content_type: str, accept: str) -> Any:
        data = self.input_fn(body, content_type)
        return self.output_fn(self.predict_fn(data, model), accept)


def load_script(program: str, code: Path) -> ModuleType:
    """Import the script ``program`` from the code folder."""
    sys.path.insert(0, str(code))
    name = program[: -len(".py")] if program.endswith(".py") else program
    if not (code / program).exists() and not (code / name).is_dir():
        raise ClientError("the script {} (SAGEMAKER_PROGRAM) is not in the model's code".format(program))
    return importlib.import_module(name.replace("/", "."))
