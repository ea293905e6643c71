"""Errors for what local mode without Docker does not support, with the exit code that Docker uses."""

from __future__ import annotations


class UnsupportedCommand(Exception):
    """A command that is not supported. The message names it, and what to do instead."""

    code = 125


class ImageRefused(UnsupportedCommand):
    """An image that no program here can replace."""
