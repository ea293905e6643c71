"""Who may do what: principals, roles, their policies, and the evaluation of a request against them.

Identity policies and boundaries only: no resource policies, no policy variables. What a policy says beyond that is
refused when it is loaded, so that no test believes in a statement that is not evaluated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.kernel.policy_evaluation import ALLOWED, EXPLICIT, Decision, decide, statements_of, understands

__all__ = ["ALLOWED", "Identity", "refusal", "trust_policy"]


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
            if not understands(statement):
                raise ValueError(f"{self.arn}: this evaluator does not know all of {statement}")

    @property
    def name(self) -> str:
        return self.arn.rpartition("/")[2]

    def decide(self, action: str, resource: str, context: Mapping[str, str]) -> Decision:
        limit = None if self.boundary is None else _statements([self.boundary[1]])
        return decide(_statements(self._policies()), action, resource, context, limit)

    def _policies(self) -> list[Mapping[str, Any]]:
        return [*self.policies, *self.managed.values(), *(each for group in self.groups.values() for each in group)]


def _statements(policies: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [statement for policy in policies for statement in statements_of(policy)]


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
