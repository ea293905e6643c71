"""The nouns of the ``sagemaker-metrics`` service; ``MODULES`` is what the registry serves."""

from __future__ import annotations

from types import ModuleType

from harness.services.metrics import trial_component_metrics

MODULES: tuple[ModuleType, ...] = (trial_component_metrics,)
