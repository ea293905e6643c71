"""The ``[profiles.NAME]`` tables of ``harness.toml``: which keys each kind has, and what their values must be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from harness.aws_run.request_defaults import DEFAULT
from harness.kernel.errors import ConfigurationError
from harness.promotion.destination import ONE_OFF, SCHEDULE, TAGS, Destination
from harness.settings import CHOICES, FILE

_REQUIRED = {
    "account_id": "the 12 digits of the only account it may touch, in quotes (see `aws sts get-caller-identity`)",
    "region": 'as in region = "us-east-1"',
    "role": "the execution role that SageMaker assumes, by name or as an ARN",
}
_INSTANCE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")
_MOST_TAGS = 50 - len(TAGS)


class InvalidValue(Exception):
    """A wrong value; the message says what it should be."""


def read_destination(name: str, table: Mapping[str, Any]) -> Destination:
    """A table of kind "aws"; ``ConfigurationError`` names the key that is missing, unknown or makes no sense."""
    profile = f"profile {name!r}"
    for key in table:
        if key not in _KEYS:
            remedy = f"known: {', '.join(sorted(_KEYS))}"
            raise ConfigurationError(FILE, f"{profile}: unknown key {key!r}", remedy, key=key)
    for key, meaning in _REQUIRED.items():
        if key not in table:
            raise ConfigurationError(FILE, f"{profile} needs {key}: {meaning}", f"add it under [profiles.{name}]")
    read = {}
    for key, value in table.items():
        try:
            read[key] = _KEYS[key](value)
        except InvalidValue as wrong:
            raise ConfigurationError(FILE, f"{profile}: {key} must be {wrong}, not {value!r}", key=key) from None
    if bool(read.get("subnets")) != bool(read.get("security_groups")):
        problem = f"{profile}: subnets and security_groups go together"
        raise ConfigurationError(
            FILE, problem, "give both or none", key="subnets" if "subnets" in table else "security_groups"
        )
    return Destination(name=name, **read)


def read_choices(name: str, table: Mapping[str, Any]) -> dict[str, str]:
    """A table of a kind with an emulator: what that is started with, where the command line says nothing."""
    profile = f"profile {name!r}"
    known = (*CHOICES, "s3_url")
    for key, value in table.items():
        if key not in known:
            remedy = f"known: {', '.join(sorted(known))}"
            raise ConfigurationError(FILE, f"{profile}: unknown key {key!r}", remedy, key=key)
        if not isinstance(value, str) or (key in CHOICES and value not in CHOICES[key]):
            allowed = " or ".join(map(repr, CHOICES[key])) if key in CHOICES else "a URL"
            raise ConfigurationError(FILE, f"{profile}: {key} must be {allowed}, not {value!r}", key=key)
    return dict(table)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidValue("a text")
    return value


def _account(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"\d{12}", value):
        raise InvalidValue("12 digits in quotes")
    return value


def _region(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", value):
        raise InvalidValue('a region such as "us-east-1"')
    return value


def _role(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"arn:[\w-]+:iam::\d{12}:role/[\w+=,.@/-]+|[\w+=,.@/-]+", value):
        raise InvalidValue("the name or the ARN of an IAM role")
    return value


def _words(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise InvalidValue("a list of texts")
    return tuple(value)


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise InvalidValue("a table of texts")
    return value


def _tags(value: Any) -> dict[str, str]:
    tags = _texts(value)
    if len(tags) > _MOST_TAGS:
        raise InvalidValue(f"{_MOST_TAGS} tags at most")
    if any(key.lower().startswith(("aws:", "harness:")) for key in tags):
        raise InvalidValue("tags of your own; those that begin with aws: and harness: are taken")
    return tags


def _keys(value: Any) -> dict[str, str]:
    keys = _texts(value)
    if not set(keys) <= {"volume", "output"}:
        raise InvalidValue('a table with "volume" and "output"')
    return keys


def _instance_types(value: Any) -> dict[str, str]:
    """One for all, or a table by step, stage or "default"."""
    table = {DEFAULT: value} if isinstance(value, str) else _texts(value)
    if not all(_INSTANCE.fullmatch(each) for each in table.values()):
        raise InvalidValue('an instance type such as "ml.m5.large", or a table of them by step or stage')
    return table


def _runtimes(value: Any) -> dict[str, int]:
    table = value if isinstance(value, dict) else {DEFAULT: value}
    return {stage: _seconds(each) for stage, each in table.items()}


def _seconds(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise InvalidValue("a number of seconds")
    return value


def _spot(value: Any) -> tuple[str, ...]:
    """All training, or that of the steps listed."""
    if isinstance(value, bool):
        return (DEFAULT,) if value else ()
    try:
        return _words(value)
    except InvalidValue:
        raise InvalidValue("true, false or a list of steps") from None


def _hours(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        raise InvalidValue("a number of hours")
    return float(value)


def _monitoring(value: Any) -> str:
    if value not in (ONE_OFF, SCHEDULE):
        raise InvalidValue(f'"{ONE_OFF}" or "{SCHEDULE}"')
    return str(value)


_KEYS: Mapping[str, Callable[[Any], Any]] = {
    "account_id": _account,
    "region": _region,
    "role": _role,
    "aws_profile": _text,
    "bucket": _text,
    "subnets": _words,
    "security_groups": _words,
    "kms": _keys,
    "tags": _tags,
    "instance_types": _instance_types,
    "max_runtime": _runtimes,
    "endpoint_timeout": _seconds,
    "spot": _spot,
    "max_wait": _seconds,
    "expiry": _hours,
    "prices": _text,
    "monitoring": _monitoring,
}
