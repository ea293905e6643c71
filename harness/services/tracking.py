"""Operations common to experiments, trials, components, artifacts, actions and contexts: one record for each, by name.

Names ignore case: the record's key is the name in lower case, and its spec keeps the original case. A name may be
written as an ARN. A missing resource is always ResourceNotFound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.kernel.errors import ConflictException, ResourceNotFound, ValidationException
from harness.kernel.records import Key, Record
from harness.services.scope import Scope
from harness.stores.records import RecordExists, RecordMissing


@dataclass(frozen=True)
class TrackedKind:
    """One kind of tracked resource: ``kind`` as in ARNs, ``noun`` as in operations.

    ``maps`` are the members that have a companion ``...ToRemove`` in update requests.
    """

    kind: str
    noun: str
    maps: tuple[str, ...] = ()

    @property
    def name_member(self) -> str:
        return f"{self.noun}Name"

    @property
    def arn_member(self) -> str:
        return f"{self.noun}Arn"

    def key(self, scope: Scope, name: str) -> Key:
        """Return the key for a name or an ARN. SageMaker accepts both where the API model's pattern allows it."""
        return scope.key(self.kind, name.rpartition("/")[2].lower())

    def find(self, scope: Scope, name: str) -> Record:
        record = scope.records.find(self.key(scope, name))
        if record is None:
            raise self.missing(scope, name)
        return record

    def missing(self, scope: Scope, name: str) -> ResourceNotFound:
        arn = scope.arn(self.kind, self.key(scope, name).name)
        return ResourceNotFound(f"{self.noun} '{arn}' does not exist.")

    def scan(self, scope: Scope) -> Iterator[Record]:
        return scope.records.scan(self.kind, scope.account, scope.region)

    def create(self, scope: Scope, name: str, request: Mapping[str, Any]) -> dict[str, Any]:
        now = scope.clock.real()
        record = Record(self.key(scope, name), scope.arn(self.kind, name), dict(request), created=now, modified=now)
        try:
            scope.records.add(record)
        except RecordExists as taken:
            # SDK v2 and v3 search this text for "already exists" and "must be unique within…".
            raise ValidationException(
                f"{self.noun} names must be unique within an AWS account and region. "
                f"{self.noun} with name ({name}) already exists."
            ) from taken
        return {self.arn_member: record.arn}

    def describe(self, record: Record) -> dict[str, Any]:
        return {
            **record.describe(),
            self.arn_member: record.arn,
            "CreationTime": record.created,
            "CreatedBy": {},
            "LastModifiedTime": record.modified,
            "LastModifiedBy": {},
        }

    def update(self, scope: Scope, name: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Replace the members that the request has (maps as a whole) and keep the others."""
        address = self.arn_member if self.arn_member in request else self.name_member
        members = {member: value for member, value in request.items() if member != address}

        def change(record: Record) -> Record:
            spec = {**record.spec, **{member: members[member] for member in members if not member.endswith("ToRemove")}}
            for member in self.maps:
                removed = set(members.get(f"{member}ToRemove", ()))
                if removed:
                    spec[member] = {name: item for name, item in spec.get(member, {}).items() if name not in removed}
            return replace(record, spec=spec)

        return {self.arn_member: self.change(scope, name, change).arn}

    def change(self, scope: Scope, name: str, change: Callable[[Record], Record]) -> Record:
        try:
            return scope.records.change(self.key(scope, name), change)
        except RecordMissing as error:
            raise self.missing(scope, name) from error

    def delete(self, scope: Scope, name: str, blocked_by: Iterable[str] = ()) -> dict[str, Any]:
        """Delete the record. Raise ``ConflictException`` with the first reason in ``blocked_by``, if there is one."""
        record = self.find(scope, name)
        for reason in blocked_by:
            raise ConflictException(f"{self.noun} '{record.arn}' cannot be deleted: {reason}")
        try:
            scope.records.delete(record.key)
        except RecordMissing as error:
            raise self.missing(scope, name) from error
        return {self.arn_member: record.arn}


EXPERIMENTS = TrackedKind("experiment", "Experiment")
TRIALS = TrackedKind("experiment-trial", "Trial")
COMPONENTS = TrackedKind(
    "experiment-trial-component", "TrialComponent", ("Parameters", "InputArtifacts", "OutputArtifacts")
)
ARTIFACTS = TrackedKind("artifact", "Artifact", ("Properties",))
ACTIONS = TrackedKind("action", "Action", ("Properties",))
CONTEXTS = TrackedKind("context", "Context", ("Properties",))

ALL: Mapping[str, TrackedKind] = {
    noun.kind: noun for noun in (EXPERIMENTS, TRIALS, COMPONENTS, ARTIFACTS, ACTIONS, CONTEXTS)
}


ASSOCIATION = "association"


def associations_of(scope: Scope, arn: str) -> Iterator[Record]:
    ends = arn.lower()
    for record in scope.records.scan(ASSOCIATION, scope.account, scope.region):
        if ends in (record.spec["SourceArn"].lower(), record.spec["DestinationArn"].lower()):
            yield record


def drop_associations(scope: Scope, arn: str) -> None:
    """Delete the associations of a deleted experiment or trial component.

    Artifacts, actions and contexts cannot be deleted while they have associations.
    """
    for record in list(associations_of(scope, arn)):
        try:
            scope.records.delete(record.key)
        except RecordMissing:  # deleted by another request in the meantime
            continue


def association_reasons(scope: Scope, arn: str) -> Iterator[str]:
    for record in associations_of(scope, arn):
        ends = f"'{record.spec['SourceArn']}' to '{record.spec['DestinationArn']}'"
        yield f"its associations must be deleted first, one is from {ends}."


def describe_with_display_name(noun: TrackedKind, record: Record) -> dict[str, Any]:
    """Describe an experiment, trial or trial component. Without a display name, its name is shown as one."""
    described = noun.describe(record)
    return {"DisplayName": described[noun.name_member], **described}
