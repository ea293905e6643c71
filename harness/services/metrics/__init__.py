"""The operations of the ``sagemaker-metrics`` service. The registry reads them from ``MODULES``."""

from __future__ import annotations

from types import ModuleType

from harness.services.metrics import trial_component_metrics

MODULES: tuple[ModuleType, ...] = (trial_component_metrics,)
