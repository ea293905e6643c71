"""Evaluation of IAM policies: the decision on a request, and what is known of it when the request is only partly known.

Supports Allow and Deny, wildcards, NotAction and NotResource, the permissions boundary, and conditions. Service control
policies, session policies and resource policies are not read, and policy variables are not replaced by values. The
order of the rules is that of "Policy evaluation logic" in the IAM user guide.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Any, NamedTuple

ALLOWED, DENIED, UNSURE = "allowed", "denied", "unsure"
EXPLICIT, IMPLICIT = "explicitDeny", "implicitDeny"
"""The decisions of SimulatePrincipalPolicy, together with ``ALLOWED``."""
NOT_JUDGED = "service control policies, and policies of sessions, buckets and keys, were not read"
Statement = Mapping[str, Any]
_YES, _NO, _PERHAPS = 2, 0, 1


class Decision(NamedTuple):
    """A decision of IAM. ``missing`` lists the context keys that a condition names and the request does not have."""

    outcome: str
    missing: tuple[str, ...] = ()


def decide(
    statements: Iterable[Statement],
    action: str,
    resource: str,
    context: Mapping[str, str],
    boundary: Iterable[Statement] | None = None,
) -> Decision:
    """Return IAM's decision on a request that has exactly this context."""
    decision = _decision(statements, action, resource, context)
    if boundary is None or decision.outcome == EXPLICIT:
        return decision
    limit = _decision(boundary, action, resource, context)
    missing = tuple(sorted({*decision.missing, *limit.missing}))
    return Decision(decision.outcome if limit.outcome == ALLOWED else limit.outcome, missing)


def _decision(statements: Iterable[Statement], action: str, resource: str, context: Mapping[str, str]) -> Decision:
    effects, missing, known = set(), set[str](), {key.lower() for key in context}
    for statement in statements:
        if min(_matches_action(statement, action), _covers_resource(statement, resource, exact=True)) != _YES:
            continue
        keys = [key for tests in statement.get("Condition", {}).values() for key in tests]
        missing.update(key for key in keys if key.lower() not in known)
        if _conditions_hold(statement, context, complete=True) == _YES:
            effects.add(statement["Effect"])
    outcome = EXPLICIT if "Deny" in effects else ALLOWED if "Allow" in effects else IMPLICIT
    return Decision(outcome, tuple(sorted(missing)))


def statements_of(document: Mapping[str, Any]) -> list[Statement]:
    return as_list(document.get("Statement", []))


def understands(statement: Statement) -> bool:
    """Return whether this module supports everything in a statement of an identity policy."""
    operators = {_plain(operator) for operator in statement.get("Condition", {})}
    return not (set(statement) - _ELEMENTS or operators - set(_OPERATORS) or "${" in str(statement))


_ELEMENTS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}


@dataclass(frozen=True)
class Policies:
    """The policies of a role or user. ``unread`` lists the policies that AWS refused to show, for messages."""

    statements: tuple[Statement, ...]
    boundary: tuple[Statement, ...] | None = None
    unread: tuple[str, ...] = ()

    def evaluate(self, action: str, resource: str, context: Mapping[str, str]) -> str:
        """Return what is known of IAM's decision on a request whose context contains at least ``context``."""
        verdicts = [_known_outcome(self.statements, action, resource, context)]
        if self.boundary is not None:
            verdicts.append(_known_outcome(self.boundary, action, resource, context))
        if EXPLICIT in verdicts:
            return DENIED
        if self.unread:
            return UNSURE
        return next((verdict for verdict in (DENIED, UNSURE) if verdict in verdicts), ALLOWED)


def _known_outcome(statements: Iterable[Statement], action: str, resource: str, context: Mapping[str, str]) -> str:
    """Return ``EXPLICIT`` if a Deny certainly applies, or else what ``Policies.evaluate`` returns."""
    allow = deny = _NO
    for statement in statements:
        applies = min(
            _matches_action(statement, action),
            _covers_resource(statement, resource),
            _conditions_hold(statement, context),
        )
        if statement["Effect"] == "Deny":
            deny = max(deny, applies)
        else:
            allow = max(allow, applies)
    if deny == _YES:
        return EXPLICIT
    if allow == _NO:
        return DENIED
    return ALLOWED if (allow, deny) == (_YES, _NO) else UNSURE


def _matches_action(statement: Statement, action: str) -> int:
    negated = "NotAction" in statement
    named = as_list(statement["NotAction" if negated else "Action"])
    return _YES if negated != any(_matches(each.lower(), action.lower()) for each in named) else _NO


def _covers_resource(statement: Statement, resource: str, exact: bool = False) -> int:
    """Return whether a statement covers a resource. The resource may contain wildcards, unless ``exact``: perhaps, if
    they overlap.
    """
    negated = "NotResource" in statement
    named = as_list(statement.get("NotResource" if negated else "Resource", "*"))
    if exact:
        covers = _YES if any(_matches(each, resource) for each in named) else _NO
    else:
        covers = max((_compare_resources(each, resource) for each in named), default=_NO)
    return _YES - covers if negated else covers


def _compare_resources(pattern: str, resource: str) -> int:
    if "${" in pattern:  # a variable whose value depends on the request
        return _PERHAPS if _patterns_overlap(re.sub(r"\$\{[^}]*\}", "*", pattern), resource) else _NO
    if _matches(pattern, resource):
        return _YES
    return _PERHAPS if resource != "*" and _patterns_overlap(pattern, resource) else _NO


@lru_cache(maxsize=4096)
def _patterns_overlap(one: str, other: str) -> bool:
    """Return whether some text matches both patterns."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return _patterns_overlap(one[1:], other) or _patterns_overlap(one, other[1:])
    if other[0] == "*":
        return _patterns_overlap(one, other[1:]) or _patterns_overlap(one[1:], other)
    return (one[0] == other[0] or "?" in (one[0], other[0])) and _patterns_overlap(one[1:], other[1:])


def _matches(pattern: str, text: str) -> bool:
    return bool(_compile(pattern).match(text))


@lru_cache(maxsize=4096)
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern.replace("[", "[[]")))  # only * and ? are wildcards in a policy


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda actual, expected: actual == expected,
    "StringEqualsIgnoreCase": lambda actual, expected: actual.lower() == expected.lower(),
    "StringLike": lambda actual, expected: _matches(expected, actual),
    "ArnEquals": lambda actual, expected: _matches(expected, actual),
    "ArnLike": lambda actual, expected: _matches(expected, actual),
    "Bool": lambda actual, expected: actual.lower() == expected.lower(),
}


def _plain(operator: str) -> str:
    """Return the operator without negation and without ``IfExists``."""
    return operator.removesuffix("IfExists").replace("Not", "")


def _conditions_hold(statement: Statement, context: Mapping[str, str], complete: bool = False) -> int:
    """Return whether the conditions hold. A key that is missing in a ``complete`` context is not in the request."""
    known = {key.lower(): value for key, value in context.items()}
    tests = (
        _condition_holds(operator, known.get(key.lower()), as_list(expected), complete)
        for operator, keys in statement.get("Condition", {}).items()
        for key, expected in keys.items()
    )
    return min(tests, default=_YES)


def _condition_holds(operator: str, actual: str | None, expected: Sequence[Any], complete: bool) -> int:
    negated = "Not" in operator
    compare = _OPERATORS.get(_plain(operator))
    values = [str(each).lower() if isinstance(each, bool) else str(each) for each in expected]
    if compare is None or any("${" in each for each in values):
        return _PERHAPS
    if actual is None:
        if complete:
            return _YES if negated or operator.endswith("IfExists") else _NO
        return _PERHAPS
    return _YES if negated != any(compare(actual, each) for each in values) else _NO


def as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
