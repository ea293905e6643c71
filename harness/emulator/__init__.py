"""The composition root: one running emulator. The only place that names concrete classes."""

from __future__ import annotations

from harness.emulator.emulator import Emulator
from harness.emulator.parts import Parts, RunningEngine

__all__ = ["Emulator", "Parts", "RunningEngine"]
