"""Who may do what: principals, roles, their policies, and the evaluation of a request against them.

Identity policies and boundaries only: no resource policies, no policy variables. What a policy says beyond that is
refused when it is loaded, so that no test believes in a statement that is not evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache
from typing import Any, NamedTuple

ALLOWED, EXPLICIT, IMPLICIT = "allowed", "explicitDeny", "implicitDeny"
_ELEMENTS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}


def _like(given: str, wanted: str) -> bool:
    return bool(_pattern(wanted, False).match(given))


_OPERATORS: Mapping[str, tuple[Callable[[str, str], bool], bool]] = {
    # operator -> comparison, and whether it is turned round
    "StringEquals": (lambda given, wanted: given == wanted, False),
    "StringNotEquals": (lambda given, wanted: given == wanted, True),
    "StringLike": (_like, False),
    "StringNotLike": (_like, True),
    "ArnEquals": (_like, False),
    "ArnLike": (_like, False),
    "Bool": (lambda given, wanted: given.lower() == wanted.lower(), False),
}


class Decision(NamedTuple):
    """``missing`` are the context keys that a condition wanted and nobody gave."""

    outcome: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Identity:
    """A user or a role; ``trusts`` are the services that may assume a role, None for a user.

    ``policies`` are those written into it; ``managed`` those attached, by ARN; ``groups`` those of a user's groups.
    """

    arn: str
    policies: Sequence[Mapping[str, Any]]
    trusts: Sequence[str] | None = None
    managed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    groups: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    boundary: tuple[str, Mapping[str, Any]] | None = None
    """Its ARN and its document."""

    def __post_init__(self) -> None:
        limits = [self.boundary[1]] if self.boundary else []
        for statement in _statements([*self._policies(), *limits]):
            unknown = set(statement) - _ELEMENTS
            operators = {operator.removesuffix("IfExists") for operator in statement.get("Condition", {})}
            if unknown or operators - set(_OPERATORS) or "${" in str(statement):
                raise ValueError(f"{self.arn}: this evaluator does not know all of {statement}")

    @property
    def name(self) -> str:
        return self.arn.rpartition("/")[2]

    def decide(self, action: str, resource: str, context: Mapping[str, str]) -> Decision:
        found = _decided(self._policies(), action, resource, context)
        if self.boundary is None or found.outcome == EXPLICIT:
            return found
        limit = _decided([self.boundary[1]], action, resource, context)
        missing = tuple(sorted({*found.missing, *limit.missing}))
        return Decision(found.outcome if limit.outcome == ALLOWED else limit.outcome, missing)

    def _policies(self) -> list[Mapping[str, Any]]:
        return [*self.policies, *self.managed.values(), *(each for group in self.groups.values() for each in group)]


def _decided(policies: Iterable[Mapping[str, Any]], action: str, resource: str, context: Mapping[str, str]) -> Decision:
    outcome, missing = IMPLICIT, set[str]()
    for statement in _statements(policies):
        if not (_covers(statement, "Action", action, True) and _covers(statement, "Resource", resource, False)):
            continue
        keys = [key for tests in statement.get("Condition", {}).values() for key in tests]
        missing.update(key for key in keys if key not in context)
        if not _holds(statement.get("Condition", {}), context):
            continue
        if statement["Effect"] == "Deny":
            return Decision(EXPLICIT, tuple(sorted(missing)))
        outcome = ALLOWED
    return Decision(outcome, tuple(sorted(missing)))


def _statements(policies: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    for policy in policies:
        statements = policy["Statement"]
        yield from statements if isinstance(statements, list) else [statements]


def trust_policy(services: Sequence[str]) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": list(services)}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def refusal(principal: str, action: str, resource: str, decision: Decision) -> str:
    """In AWS's words."""
    why = (
        "with an explicit deny in an identity-based policy"
        if decision.outcome == EXPLICIT
        else f"because no identity-based policy allows the {action} action"
    )
    return f"User: {principal} is not authorized to perform: {action} on resource: {resource} {why}"


def _covers(statement: Mapping[str, Any], element: str, given: str, any_case: bool) -> bool:
    if f"Not{element}" in statement:
        return not any(_pattern(each, any_case).match(given) for each in _listed(statement[f"Not{element}"]))
    return any(_pattern(each, any_case).match(given) for each in _listed(statement.get(element, ())))


def _holds(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    return all(
        _holds_one(operator, context.get(key), _listed(wanted))
        for operator, tests in conditions.items()
        for key, wanted in tests.items()
    )


def _holds_one(operator: str, given: str | None, wanted: Sequence[str]) -> bool:
    compare, negated = _OPERATORS[operator.removesuffix("IfExists")]
    if given is None:
        return negated or operator.endswith("IfExists")
    return negated != any(compare(given, str(each)) for each in wanted)


def _listed(value: Any) -> Sequence[str]:
    return value if isinstance(value, (list, tuple)) else [value]


@lru_cache(maxsize=4096)
def _pattern(text: str, any_case: bool) -> re.Pattern[str]:
    escaped = text.replace("[", "[[]")  # only * and ? are wildcards in a policy
    return re.compile(translate(escaped), re.IGNORECASE if any_case else 0)
