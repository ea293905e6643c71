"""The stand-in's own tests use its fixtures."""

from __future__ import annotations

from tests.aws_stand_in.fixtures import stand_in, stand_in_process

__all__ = ["stand_in", "stand_in_process"]
