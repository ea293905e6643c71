"""Evaluation of IAM policies: the decision on a request, also where only a part of the request is known.

It covers Allow and Deny, wildcards, NotAction and NotResource, the permissions boundary, and conditions. Service
control policies, session policies and the policies of resources are not read, and policy variables are not replaced.
The order of the rules is that of "Policy evaluation logic" in the IAM user guide.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from harness.kernel.wildcards import matches

ALLOWED, DENIED, UNSURE = "allowed", "denied", "unsure"
EXPLICIT, IMPLICIT = "explicitDeny", "implicitDeny"
"""The decisions of SimulatePrincipalPolicy, together with ``ALLOWED``."""
NOT_JUDGED = "service control policies, and policies of sessions, buckets and keys, were not read"
Statement = Mapping[str, Any]
_YES, _NO, _PERHAPS = 2, 0, 1


class Decision(NamedTuple):
    """A decision; ``missing`` are the context keys that a condition names and the request does not have."""

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
    decision = _decide(statements, action, resource, context)
    if boundary is None or decision.outcome == EXPLICIT:
        return decision
    limit = _decide(boundary, action, resource, context)
    missing = tuple(sorted({*decision.missing, *limit.missing}))
    return Decision(decision.outcome if limit.outcome == ALLOWED else limit.outcome, missing)


def _decide(statements: Iterable[Statement], action: str, resource: str, context: Mapping[str, str]) -> Decision:
    effects, missing, known = set(), set[str](), {key.lower() for key in context}
    for statement in statements:
        if min(_covers_action(statement, action), _covers_resource(statement, resource, exact=True)) != _YES:
            continue
        keys = [key for tests in statement.get("Condition", {}).values() for key in tests]
        missing.update(key for key in keys if key.lower() not in known)
        if _holds(statement, context, complete=True) == _YES:
            effects.add(statement["Effect"])
    outcome = EXPLICIT if "Deny" in effects else ALLOWED if "Allow" in effects else IMPLICIT
    return Decision(outcome, tuple(sorted(missing)))


def statements_of(document: Mapping[str, Any]) -> list[Statement]:
    """Return the statements of a policy document."""
    return as_list(document.get("Statement", []))


def understands(statement: Statement) -> bool:
    """Tell whether every element of a statement of an identity policy is evaluated here."""
    operators = {_base_operator(operator) for operator in statement.get("Condition", {})}
    return not (set(statement) - _ELEMENTS or operators - set(_OPERATORS) or "${" in str(statement))


_ELEMENTS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}


@dataclass(frozen=True)
class Policies:
    """The policies of a principal. ``boundary`` is None if there is none; ``unread`` names what AWS did not show."""

    statements: tuple[Statement, ...]
    boundary: tuple[Statement, ...] | None = None
    unread: tuple[str, ...] = ()

    def evaluate(self, action: str, resource: str, context: Mapping[str, str]) -> str:
        """Return what is known of IAM's decision on a request whose context has at least ``context``."""
        outcomes = [_known_outcome(self.statements, action, resource, context)]
        if self.boundary is not None:
            outcomes.append(_known_outcome(self.boundary, action, resource, context))
        if EXPLICIT in outcomes:
            return DENIED
        if self.unread:
            return UNSURE
        return next((verdict for verdict in (DENIED, UNSURE) if verdict in outcomes), ALLOWED)


def _known_outcome(statements: Iterable[Statement], action: str, resource: str, context: Mapping[str, str]) -> str:
    """Return ``EXPLICIT`` where a Deny certainly holds, else what ``Policies.evaluate`` returns."""
    allow = deny = _NO
    for statement in statements:
        applies = min(
            _covers_action(statement, action), _covers_resource(statement, resource), _holds(statement, context)
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


def _covers_action(statement: Statement, action: str) -> int:
    negated = "NotAction" in statement
    named = as_list(statement["NotAction" if negated else "Action"])
    return _YES if negated != any(matches(each.lower(), action.lower()) for each in named) else _NO


def _covers_resource(statement: Statement, resource: str, exact: bool = False) -> int:
    """Tell whether a statement covers a resource; unless ``exact``, that may be a pattern, which it covers perhaps."""
    negated = "NotResource" in statement
    named = as_list(statement.get("NotResource" if negated else "Resource", "*"))
    if exact:
        covered = _YES if any(matches(each, resource) for each in named) else _NO
    else:
        covered = max((_compare_patterns(each, resource) for each in named), default=_NO)
    return _YES - covered if negated else covered


def _compare_patterns(pattern: str, resource: str) -> int:
    if "${" in pattern:  # a policy variable: its value is only known with the request
        return _PERHAPS if _overlap(re.sub(r"\$\{[^}]*\}", "*", pattern), resource) else _NO
    if matches(pattern, resource):
        return _YES
    return _PERHAPS if resource != "*" and _overlap(pattern, resource) else _NO


@lru_cache(maxsize=4096)
def _overlap(one: str, other: str) -> bool:
    """Tell whether some text matches both patterns."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return _overlap(one[1:], other) or _overlap(one, other[1:])
    if other[0] == "*":
        return _overlap(one, other[1:]) or _overlap(one[1:], other)
    return (one[0] == other[0] or "?" in (one[0], other[0])) and _overlap(one[1:], other[1:])


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda actual, expected: actual == expected,
    "StringEqualsIgnoreCase": lambda actual, expected: actual.lower() == expected.lower(),
    "StringLike": lambda actual, expected: matches(expected, actual),
    "ArnEquals": lambda actual, expected: matches(expected, actual),
    "ArnLike": lambda actual, expected: matches(expected, actual),
    "Bool": lambda actual, expected: actual.lower() == expected.lower(),
}


def _base_operator(operator: str) -> str:
    """Return the operator without negation and without ``IfExists``."""
    return operator.removesuffix("IfExists").replace("Not", "")


def _holds(statement: Statement, context: Mapping[str, str], complete: bool = False) -> int:
    """Test the conditions; a key that a ``complete`` context lacks is not in the request."""
    known = {key.lower(): value for key, value in context.items()}
    tests = (
        _test(operator, known.get(key.lower()), as_list(expected), complete)
        for operator, keys in statement.get("Condition", {}).items()
        for key, expected in keys.items()
    )
    return min(tests, default=_YES)


def _test(operator: str, actual: str | None, expected: Sequence[Any], complete: bool) -> int:
    negated = "Not" in operator
    compare = _OPERATORS.get(_base_operator(operator))
    values = [str(each).lower() if isinstance(each, bool) else str(each) for each in expected]
    if compare is None or any("${" in each for each in values):
        return _PERHAPS
    if actual is None:
        if complete:
            return _YES if negated or operator.endswith("IfExists") else _NO
        return _PERHAPS
    return _YES if negated != any(compare(actual, each) for each in values) else _NO


def as_list(value: Any) -> list[Any]:
    """Return a list as it is and any other value as a list of one: policies may have either."""
    return list(value) if isinstance(value, (list, tuple)) else [value]
