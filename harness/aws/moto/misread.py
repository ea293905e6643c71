"""Errors of Python that a request causes in the code that reads it: which they are, and how they are answered.

moto reads requests on trust: a member that is missing, of the wrong type or out of range ends in a KeyError, a
TypeError or a ValueError somewhere in it. Those are answered as the invalid requests that they nearly always come from,
so that clients do not repeat them; the traceback is in the log. All other errors are failures of the emulator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from json import JSONDecodeError
from typing import TYPE_CHECKING
from xml.parsers.expat import ExpatError

if TYPE_CHECKING:
    from harness.aws.moto.dispatch import MotoCall

OF_INPUT = (ArithmeticError, AssertionError, AttributeError, ExpatError, LookupError, TypeError, ValueError)
MALFORMED_XML = "The XML you provided was not well-formed or did not validate against our published schema"
UNREADABLE = (JSONDecodeError, RecursionError, UnicodeError)
INVALID: Mapping[str, str] = {
    "ecr": "InvalidParameterException",
    "iam": "ValidationError",
    "logs": "InvalidParameterException",
    "monitoring": "InvalidParameterValue",
    "secretsmanager": "InvalidParameterException",
    "sns": "InvalidParameter",
    "sqs": "InvalidParameterValue",
    "sts": "ValidationError",
}
"""Service -> its code for a parameter that makes no sense; ValidationException for the others."""


class Misread(Exception):
    """An error of Python while a request was read and answered on trust; ``cause`` is that error."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


@contextmanager
def trusting() -> Iterator[None]:
    """Run code that takes a request on trust: what such a request can cause comes out as ``Misread``."""
    try:
        yield
    except NotImplementedError:
        raise
    except (
        *OF_INPUT,
        RuntimeError,
    ) as error:  # deep documents are RecursionErrors, dates beyond all years RuntimeErrors
        raise Misread(error) from error


def answer_to_misread(call: MotoCall, error: Exception) -> tuple[int, str, str]:
    """Return status, code and message for the error behind a ``Misread``."""
    shown = f"{type(error).__name__}: {str(error)[:200]}"
    if call.service == "s3" and call.body.lstrip()[:1] == b"<":
        return 400, "MalformedXML", MALFORMED_XML
    if call.service == "s3":
        return 400, "InvalidArgument", f"An argument of the request is missing or invalid: {shown}"
    if isinstance(error, UNREADABLE):
        return 400, "SerializationException", f"The request cannot be read: {shown}"
    code = INVALID.get(call.service, "ValidationException")
    return 400, code, f"A parameter of the request is missing or invalid: {shown}"
