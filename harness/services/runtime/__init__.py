"""The operations of the ``sagemaker-runtime`` service. The registry reads them from ``MODULES``."""

from __future__ import annotations

from types import ModuleType

from harness.services.runtime import invocations

MODULES: tuple[ModuleType, ...] = (invocations,)
