"""The one error a run ends with on purpose: its text is for the person who reads ExitMessage."""

from __future__ import annotations


class AnalyzerError(Exception):
    """What is wrong with the input or the settings, and what to do about it."""
