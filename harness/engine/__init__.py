"""The engine runs what continues after an API call has been answered: jobs, endpoints, schedules.

``Engine`` is the interface that services use.
"""

from __future__ import annotations

from harness.engine.api import Engine

__all__ = ["Engine"]
