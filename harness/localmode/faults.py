"""Faults beside local mode: what the emulator answers may fail; what local mode answers itself cannot be made to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from botocore import xform_name

from harness.scenario.faults import FaultRefused, Faults

_OWN = ("sagemaker", "sagemaker-runtime")


class LocalModeFaults(Faults):
    """``own`` says which operations, by boto3's names, local mode answers."""

    def __init__(self, faults: Faults, own: Callable[[str], bool]) -> None:
        vars(self).update(vars(faults))
        self._own = own

    def kill_server(self, endpoint: str, variant: str = "") -> NoReturn:
        raise FaultRefused(
            "local mode's servers are the SDK's containers: kill_server needs the emulator's own runners"
        )

    def _add(self, **fault: Any) -> str:
        operation = fault.get("operation", "CreateTrainingJob")  # an interruption is one of those
        if fault.get("service", "sagemaker") in _OWN and self._own(xform_name(operation)):
            raise FaultRefused(f"local mode answers {operation} itself and cannot be made to fail: use another profile")
        return super()._add(**fault)
