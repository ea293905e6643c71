"""What happens after the answer: jobs, endpoints, schedules. ``Engine`` is the door services knock on."""

from __future__ import annotations

from harness.engine.api import Engine

__all__ = ["Engine"]
