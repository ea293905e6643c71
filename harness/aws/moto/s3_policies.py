"""Checks a bucket policy in PutBucketPolicy, as S3 does. moto reads it only at the next request to the bucket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.aws.wire.error_responses import Refusal
from harness.kernel.wildcards import matches

LARGEST = 20 * 1024
VERSIONS = ("2012-10-17", "2008-10-17")


def check_policy(body: bytes) -> None:
    """Refuse an invalid bucket policy, with the messages of PutBucketPolicy."""
    if len(body) > LARGEST:
        raise _malformed_error(f"Policy exceeds the maximum allowed size of {LARGEST} bytes")
    try:
        policy = json.loads(body)
    except (ValueError, RecursionError):
        raise _malformed_error("This policy contains invalid Json") from None
    if not isinstance(policy, dict):
        raise _malformed_error("Policies must be valid JSON and the first byte must be '{'")
    if policy.get("Version", VERSIONS[1]) not in VERSIONS:
        raise _malformed_error("The policy must contain a valid version string")
    statements = policy.get("Statement")
    if statements is None:
        raise _malformed_error("Missing required field Statement")
    for statement in statements if isinstance(statements, list) else [statements]:
        _check_statement(statement)


def _check_statement(statement: Any) -> None:
    if not isinstance(statement, dict):
        raise _malformed_error("Statement is not valid: it is no object")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise _malformed_error(f"Invalid effect: {statement.get('Effect', '')}")
    for name in ("Principal", "Action", "Resource"):
        members = [member for member in (name, f"Not{name}") if member in statement]
        if len(members) != 1:
            raise _malformed_error(
                f"Missing required field {name}" if not members else f"Both {' and '.join(members)} are given"
            )
        value = statement[members[0]]
        if name == "Principal":
            _check_principal(value)
        elif not _is_text_or_texts(value):
            raise _malformed_error(f"Policy has invalid {name.lower()}")
    _check_condition(statement.get("Condition", {}))


def _check_principal(value: Any) -> None:
    if value == "*":
        return
    if not isinstance(value, Mapping) or not value or not all(map(_is_text_or_texts, value.values())):
        raise _malformed_error("Invalid principal in policy")


def _check_condition(value: Any) -> None:
    if not isinstance(value, Mapping) or not all(isinstance(keys, Mapping) for keys in value.values()):
        raise _malformed_error("Conditions must be an object of operators, each with an object of keys")


def _is_text_or_texts(value: Any) -> bool:
    texts = value if isinstance(value, list) else [value]
    return bool(texts) and all(isinstance(text, str) and text for text in texts)


def _malformed_error(message: str) -> Refusal:
    return Refusal(400, "MalformedPolicy", message)


def effect_on_everyone(text: bytes | None, action: str, resource: str) -> str | None:
    """Return ``Deny``, ``Allow``, or None where the policy does not decide about every caller.

    Statements with conditions or for named principals say nothing about everyone, and a policy that cannot be read
    (kept by a harness that did not check it) says nothing at all.
    """
    try:
        check_policy(text or b"")
    except Refusal:
        return None
    statements = json.loads(text or b"")["Statement"]
    effects = {
        statement["Effect"]
        for statement in (statements if isinstance(statements, list) else [statements])
        if _is_for_everyone(statement)
        and _covers(statement, "Action", action, ignore_case=True)
        and _covers(statement, "Resource", resource)
    }
    return next((effect for effect in ("Deny", "Allow") if effect in effects), None)


def _is_for_everyone(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    named = principal.get("AWS", []) if isinstance(principal, Mapping) else principal
    return not statement.get("Condition") and "*" in (named if isinstance(named, list) else [named])


def _covers(statement: Mapping[str, Any], name: str, value: str, ignore_case: bool = False) -> bool:
    patterns = statement.get(name, statement.get(f"Not{name}"))
    matched = any(
        matches(pattern, value, ignore_case=ignore_case)
        for pattern in (patterns if isinstance(patterns, list) else [patterns])
    )
    return matched is (name in statement)
