"""Policies judged here, where IAM may not be asked to simulate: allowed, denied, or not to be known from them. Pure.

Knows Allow and Deny, wildcards, NotAction and NotResource, the permissions boundary, and conditions on what the request
is known to say. Service control policies, a session's own policies and those of resources are not among what is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Any

ALLOWED, DENIED, UNSURE = "allowed", "denied", "unsure"
NOT_JUDGED = "service control policies, and policies of sessions, buckets and keys, were not read"
Statement = Mapping[str, Any]
_YES, _NO, _PERHAPS = 2, 0, 1


@dataclass(frozen=True)
class Policies:
    """``boundary`` is None where there is none; ``unread`` what AWS did not show, for people."""

    statements: tuple[Statement, ...]
    boundary: tuple[Statement, ...] | None = None
    unread: tuple[str, ...] = ()

    def judged(self, action: str, resource: str, context: Mapping[str, str]) -> str:
        """What IAM would say to a request whose context has at least ``context``."""
        found = [_judged(self.statements, action, resource, context)]
        if self.boundary is not None:
            found.append(_judged(self.boundary, action, resource, context))
        if "explicit" in found:
            return DENIED
        if self.unread:
            return UNSURE
        return next((verdict for verdict in (DENIED, UNSURE) if verdict in found), ALLOWED)


def _judged(found: Iterable[Statement], action: str, resource: str, context: Mapping[str, str]) -> str:
    """ "explicit" where a Deny certainly holds."""
    allow = deny = _NO
    for statement in found:
        applies = min(_acts(statement, action), _reaches(statement, resource), _holds(statement, context))
        if statement["Effect"] == "Deny":
            deny = max(deny, applies)
        else:
            allow = max(allow, applies)
    if deny == _YES:
        return "explicit"
    if allow == _NO:
        return DENIED
    return ALLOWED if (allow, deny) == (_YES, _NO) else UNSURE


def _acts(statement: Statement, action: str) -> int:
    negated = "NotAction" in statement
    named = listed(statement["NotAction" if negated else "Action"])
    return _YES if negated != any(_matches(each.lower(), action.lower()) for each in named) else _NO


def _reaches(statement: Statement, resource: str) -> int:
    """What is asked about may have a wildcard itself: perhaps, where the two have only some names in common."""
    negated = "NotResource" in statement
    named = listed(statement.get("NotResource" if negated else "Resource", "*"))
    found = max((_common(each, resource) for each in named), default=_NO)
    return _YES - found if negated else found


def _common(pattern: str, resource: str) -> int:
    if "${" in pattern:  # a variable, which each request fills
        return _PERHAPS if _overlap(re.sub(r"\$\{[^}]*\}", "*", pattern), resource) else _NO
    if _matches(pattern, resource):
        return _YES
    return _PERHAPS if resource != "*" and _overlap(pattern, resource) else _NO


@lru_cache(maxsize=4096)
def _overlap(one: str, other: str) -> bool:
    """Whether some text fits both patterns."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return _overlap(one[1:], other) or _overlap(one, other[1:])
    if other[0] == "*":
        return _overlap(one, other[1:]) or _overlap(one[1:], other)
    return (one[0] == other[0] or "?" in (one[0], other[0])) and _overlap(one[1:], other[1:])


def _matches(pattern: str, text: str) -> bool:
    return bool(_compiled(pattern).match(text))


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern.replace("[", "[[]")))  # only * and ? are wildcards in a policy


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda given, wanted: given == wanted,
    "StringEqualsIgnoreCase": lambda given, wanted: given.lower() == wanted.lower(),
    "StringLike": lambda given, wanted: _matches(wanted, given),
    "ArnEquals": lambda given, wanted: _matches(wanted, given),
    "ArnLike": lambda given, wanted: _matches(wanted, given),
    "Bool": lambda given, wanted: given.lower() == wanted.lower(),
}


def _holds(statement: Statement, context: Mapping[str, str]) -> int:
    known = {key.lower(): value for key, value in context.items()}
    tests = (
        _test(operator, known.get(key.lower()), listed(wanted))
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )
    return min(tests, default=_YES)


def _test(operator: str, given: str | None, wanted: Sequence[Any]) -> int:
    """A key that is not known here may be in the request all the same, with whatever value."""
    plain = operator.removesuffix("IfExists")
    negated = "Not" in plain
    compare = _OPERATORS.get(plain.replace("Not", ""))
    values = [str(each).lower() if isinstance(each, bool) else str(each) for each in wanted]
    if given is None or compare is None or any("${" in each for each in values):
        return _PERHAPS
    return _YES if negated != any(compare(given, each) for each in values) else _NO


def listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
