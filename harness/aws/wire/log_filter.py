"""CloudWatch's filter patterns for plain text ("Filter pattern syntax" in the CloudWatch Logs user guide)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from harness.aws.wire.error_responses import Refusal
from harness.kernel.expressions import search

WORD = re.compile(r'([?-]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))')


Filter = Callable[[Sequence[str]], Sequence[bool]]
"""Tells of each message whether it matches."""


def message_filter(pattern: str | None) -> Filter:
    """Return a test for messages. Patterns for JSON and columns (``{…}``, ``[…]``) are refused, as not supported."""
    text = (pattern or "").strip()
    if text.startswith(("{", "[")):
        raise Refusal(
            400, "InvalidParameterException", f"The emulator does not support filter patterns like {text[:40]!r}"
        )
    if len(text) > 2 and text[0] == text[-1] == "%":
        return _expression(text[1:-1])
    words = [(sign, re.sub(r"\\(.)", r"\1", phrase) if phrase else plain) for sign, phrase, plain in WORD.findall(text)]
    required = [word for sign, word in words if not sign]
    excluded = [word for sign, word in words if sign == "-"]
    optional = [word for sign, word in words if sign == "?"]

    def matches(message: str) -> bool:
        if any(word not in message for word in required) or any(word in message for word in excluded):
            return False
        return not optional or bool(required) or any(word in message for word in optional)

    return lambda messages: list(map(matches, messages))


def _expression(text: str) -> Filter:
    try:
        re.compile(text)
    except re.error as error:
        raise Refusal(400, "InvalidParameterException", f"Invalid regular expression: {error}") from error

    def matches(messages: Sequence[str]) -> Sequence[bool]:
        found = search([text], messages)[0]
        if found is None:
            raise Refusal(400, "InvalidParameterException", f"The regular expression {text[:100]!r} takes too long")
        return [number in found for number in range(len(messages))]

    return matches
