"""The nouns of the ``sagemaker-runtime`` service; ``MODULES`` is what the registry serves."""

from __future__ import annotations

from types import ModuleType

from harness.services.runtime import invocations

MODULES: tuple[ModuleType, ...] = (invocations,)
