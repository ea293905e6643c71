"""What local mode without Docker does not do: said by name, with Docker's own exit code for a refusal."""

from __future__ import annotations


class UnsupportedCommand(Exception):
    """The message says what was asked for, and what to do instead where there is something."""

    code = 125


class ImageRefused(UnsupportedCommand):
    """Nothing here stands for the image."""
