"""IAM policies evaluated: what IAM says to a request, and what is known of its answer to one not fully known. Pure.

Knows Allow and Deny, wildcards, NotAction and NotResource, the permissions boundary, and conditions. Service control
policies, a session's own policies and those of resources are not among what is read, and no policy variables are filled
in. The order of the rules is that of "Policy evaluation logic" in the IAM user guide.
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
"""With ``ALLOWED`` the decisions of SimulatePrincipalPolicy."""
NOT_JUDGED = "service control policies, and policies of sessions, buckets and keys, were not read"
Statement = Mapping[str, Any]
_YES, _NO, _PERHAPS = 2, 0, 1


class Decision(NamedTuple):
    """``missing`` are the context keys that a condition names and the request does not."""

    outcome: str
    missing: tuple[str, ...] = ()


def decide(
    found: Iterable[Statement],
    action: str,
    resource: str,
    context: Mapping[str, str],
    boundary: Iterable[Statement] | None = None,
) -> Decision:
    """Return what IAM says to a request that has this context and no more."""
    decision = _decision(found, action, resource, context)
    if boundary is None or decision.outcome == EXPLICIT:
        return decision
    limit = _decision(boundary, action, resource, context)
    missing = tuple(sorted({*decision.missing, *limit.missing}))
    return Decision(decision.outcome if limit.outcome == ALLOWED else limit.outcome, missing)


def _decision(found: Iterable[Statement], action: str, resource: str, context: Mapping[str, str]) -> Decision:
    effects, missing, known = set(), set[str](), {key.lower() for key in context}
    for statement in found:
        if min(_acts(statement, action), _reaches(statement, resource, exact=True)) != _YES:
            continue
        keys = [key for tests in statement.get("Condition", {}).values() for key in tests]
        missing.update(key for key in keys if key.lower() not in known)
        if _holds(statement, context, complete=True) == _YES:
            effects.add(statement["Effect"])
    outcome = EXPLICIT if "Deny" in effects else ALLOWED if "Allow" in effects else IMPLICIT
    return Decision(outcome, tuple(sorted(missing)))


def statements_of(document: Mapping[str, Any]) -> list[Statement]:
    return listed(document.get("Statement", []))


def understands(statement: Statement) -> bool:
    """Tell whether all that a statement of an identity policy says is evaluated here."""
    operators = {_plain(operator) for operator in statement.get("Condition", {})}
    return not (set(statement) - _ELEMENTS or operators - set(_OPERATORS) or "${" in str(statement))


_ELEMENTS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}


@dataclass(frozen=True)
class Policies:
    """``boundary`` is None where there is none; ``unread`` what AWS did not show, for people."""

    statements: tuple[Statement, ...]
    boundary: tuple[Statement, ...] | None = None
    unread: tuple[str, ...] = ()

    def judged(self, action: str, resource: str, context: Mapping[str, str]) -> str:
        """Return what is known of IAM's answer to a request whose context has at least ``context``."""
        found = [_known_outcome(self.statements, action, resource, context)]
        if self.boundary is not None:
            found.append(_known_outcome(self.boundary, action, resource, context))
        if EXPLICIT in found:
            return DENIED
        if self.unread:
            return UNSURE
        return next((verdict for verdict in (DENIED, UNSURE) if verdict in found), ALLOWED)


def _known_outcome(found: Iterable[Statement], action: str, resource: str, context: Mapping[str, str]) -> str:
    """Return ``EXPLICIT`` where a Deny certainly holds, else what ``Policies.judged`` answers."""
    allow = deny = _NO
    for statement in found:
        applies = min(_acts(statement, action), _reaches(statement, resource), _holds(statement, context))
        if statement["Effect"] == "Deny":
            deny = max(deny, applies)
        else:
            allow = max(allow, applies)
    if deny == _YES:
        return EXPLICIT
    if allow == _NO:
        return DENIED
    return ALLOWED if (allow, deny) == (_YES, _NO) else UNSURE


def _acts(statement: Statement, action: str) -> int:
    negated = "NotAction" in statement
    named = listed(statement["NotAction" if negated else "Action"])
    return _YES if negated != any(_matches(each.lower(), action.lower()) for each in named) else _NO


def _reaches(statement: Statement, resource: str, exact: bool = False) -> int:
    """Compare the resources: perhaps, where the one asked about has a wildcard (not ``exact``) and both share names."""
    negated = "NotResource" in statement
    named = listed(statement.get("NotResource" if negated else "Resource", "*"))
    if exact:
        found = _YES if any(_matches(each, resource) for each in named) else _NO
    else:
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


def _plain(operator: str) -> str:
    """Return the operator without negation and without ``IfExists``."""
    return operator.removesuffix("IfExists").replace("Not", "")


def _holds(statement: Statement, context: Mapping[str, str], complete: bool = False) -> int:
    """Test the conditions; a key that is not in a ``complete`` context is not in the request."""
    known = {key.lower(): value for key, value in context.items()}
    tests = (
        _test(operator, known.get(key.lower()), listed(wanted), complete)
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )
    return min(tests, default=_YES)


def _test(operator: str, given: str | None, wanted: Sequence[Any], complete: bool) -> int:
    negated = "Not" in operator
    compare = _OPERATORS.get(_plain(operator))
    values = [str(each).lower() if isinstance(each, bool) else str(each) for each in wanted]
    if compare is None or any("${" in each for each in values):
        return _PERHAPS
    if given is None:
        if complete:
            return _YES if negated or operator.endswith("IfExists") else _NO
        return _PERHAPS
    return _YES if negated != any(compare(given, each) for each in values) else _NO


def listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
