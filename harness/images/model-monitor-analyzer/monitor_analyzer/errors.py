"""The one error a run ends with on purpose: its text is for the person who reads ExitMessage."""

from __future__ import annotations


class AnalyzerError(Exception):
    """An error in the input or the settings; the message has the remedy."""
