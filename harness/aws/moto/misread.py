"""Turns Python errors that an invalid request causes in moto into error answers for the client.

moto does not validate requests: a member that is missing, of the wrong type or out of range causes a KeyError,
TypeError
or ValueError. These are answered as invalid requests, so that clients do not retry them, and the traceback is logged.
All other errors are failures of the emulator.
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
"""Service -> its error code for an invalid parameter. Other services use ValidationException."""


class Misread(Exception):
    """A Python error that an invalid request caused; ``cause`` is that error."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


@contextmanager
def catch_misread() -> Iterator[None]:
    """Run code that does not validate its request. Raise ``Misread`` for errors that an invalid request can cause."""
    try:
        yield
    except NotImplementedError:
        raise
    except (
        *OF_INPUT,
        RuntimeError,
    ) as error:  # nested documents cause RecursionError, dates out of range RuntimeError
        raise Misread(error) from error


def answer_to_misread(call: MotoCall, error: Exception) -> tuple[int, str, str]:
    """Return status, code and message of the answer to an error behind ``Misread``."""
    shown = f"{type(error).__name__}: {str(error)[:200]}"
    if call.service == "s3" and call.body.lstrip()[:1] == b"<":
        return 400, "MalformedXML", MALFORMED_XML
    if call.service == "s3":
        return 400, "InvalidArgument", f"An argument of the request is missing or invalid: {shown}"
    if isinstance(error, UNREADABLE):
        return 400, "SerializationException", f"The request cannot be read: {shown}"
    code = INVALID.get(call.service, "ValidationException")
    return 400, code, f"A parameter of the request is missing or invalid: {shown}"
