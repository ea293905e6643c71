"""CloudWatch's filter patterns for plain text ("Filter pattern syntax" in the CloudWatch Logs user guide)."""

from __future__ import annotations

import re
from collections.abc import Callable

from harness.aws.wire.error_responses import Refusal

WORD = re.compile(r'([?-]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))')


def message_filter(pattern: str | None) -> Callable[[str], bool]:
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

    return matches


def _expression(text: str) -> Callable[[str], bool]:
    try:
        expression = re.compile(text)
    except re.error as error:
        raise Refusal(400, "InvalidParameterException", f"Invalid regular expression: {error}") from error
    return lambda message: expression.search(message) is not None
