"""QueryLineage: the entities that are connected with one entity by associations, nearest first.

The rules are from the API reference of QueryLineage and the developer guide's page on querying lineage entities:
filters choose what is returned, not what is walked, and the start is not in the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.kernel.errors import ResourceNotFound, ValidationException
from harness.kernel.records import Record
from harness.services.paging import cut_page
from harness.services.sagemaker.associations import find_entity, type_of
from harness.services.scope import Scope
from harness.services.tracking import ALL, ASSOCIATION

_DEEPEST, _MOST = 10, 50
_LINEAGE_KINDS = frozenset({"artifact", "action", "context", "experiment-trial-component"})
_FILTERS: Mapping[str, Callable[[Record, Any], bool]] = {
    "Types": lambda entity, types: _vertex_type(entity) in types,
    "LineageTypes": lambda entity, types: ALL[entity.kind].noun in types,
    "CreatedBefore": lambda entity, moment: entity.created < moment,
    "CreatedAfter": lambda entity, moment: entity.created > moment,
    "ModifiedBefore": lambda entity, moment: entity.modified < moment,
    "ModifiedAfter": lambda entity, moment: entity.modified > moment,
    # An entity is included if any of the pairs matches.
    "Properties": lambda entity, pairs: any(
        entity.spec.get("Properties", {}).get(name) == value for name, value in pairs.items()
    ),
}


@dataclass
class _Walk:
    """The result of a walk: the depth of each entity, and the entities one step nearer to the start."""

    depths: dict[str, int]
    entities: dict[str, Record] = field(default_factory=dict)
    nearer: dict[str, set[str]] = field(default_factory=dict)
    edges: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)


def query_lineage(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    if not request.get("StartArns"):
        raise ValidationException("StartArns is required: name the entity at which the query starts")
    start = _start(scope, request["StartArns"][0])
    walk = _walk(scope, start, request.get("Direction", "Both"), request.get("MaxDepth", _DEEPEST))
    filters = request.get("Filters", {})
    chosen = {arn for arn, entity in walk.entities.items() if _fits(entity, filters)}
    with_edges = request.get("IncludeEdges", True)
    if with_edges:
        chosen = _with_paths(walk, chosen)
    page, token = cut_page(
        chosen, request, lambda arn: [walk.depths[arn], arn], descending=False, limit=request.get("MaxResults", _MOST)
    )
    shown = {*chosen, start.arn.lower()}
    edges = [
        dict(edge)
        for (source, destination), edge in walk.edges.items()
        if with_edges and {source, destination} <= shown and not {source, destination}.isdisjoint(page)
    ]
    vertices = [_vertex(walk.entities[arn]) for arn in page]
    return {"Vertices": vertices, "Edges": edges, **({"NextToken": token} if token else {})}


def _start(scope: Scope, arn: str) -> Record:
    try:
        entity = find_entity(scope, arn)
    except ValueError:
        entity = None
    if entity is None or entity.kind not in _LINEAGE_KINDS:
        raise ResourceNotFound(f"Lineage entity '{arn}' does not exist.")
    return entity


def _walk(scope: Scope, start: Record, direction: str, deepest: int) -> _Walk:
    """Follow associations from the start, breadth first. ``Both`` goes both ways from every entity."""
    steps = _neighbours(scope, direction)
    walk = _Walk({start.arn.lower(): 0})
    border = [start.arn.lower()]
    for depth in range(1, deepest + 1):
        following: list[str] = []
        for arn in border:
            for other, association in steps.get(arn, ()):
                if other not in walk.depths:
                    entity = find_entity(scope, other)
                    if entity is None or entity.kind not in _LINEAGE_KINDS:
                        continue
                    walk.depths[other] = depth
                    walk.entities[other] = entity
                    following.append(other)
                if walk.depths[other] == depth:
                    walk.nearer.setdefault(other, set()).add(arn)
                ends = association.spec["SourceArn"].lower(), association.spec["DestinationArn"].lower()
                walk.edges[ends] = _edge(association)
        border = following
    return walk


def _neighbours(scope: Scope, direction: str) -> dict[str, list[tuple[str, Record]]]:
    """Return for each ARN the ARNs one step away in the direction, with the associations that lead there."""
    steps: dict[str, list[tuple[str, Record]]] = {}
    for association in scope.records.scan(ASSOCIATION, scope.account, scope.region):
        source, destination = association.spec["SourceArn"].lower(), association.spec["DestinationArn"].lower()
        if direction != "Ascendants":
            steps.setdefault(source, []).append((destination, association))
        if direction != "Descendants":
            steps.setdefault(destination, []).append((source, association))
    return steps


def _with_paths(walk: _Walk, chosen: Iterable[str]) -> set[str]:
    """Return the chosen entities and those on the shortest paths to them."""
    found = set(chosen)
    pending = list(found)
    while pending:
        for arn in walk.nearer.get(pending.pop(), ()):
            if walk.depths[arn] and arn not in found:
                found.add(arn)
                pending.append(arn)
    return found


def _fits(entity: Record, filters: Mapping[str, Any]) -> bool:
    return all(_FILTERS[name](entity, value) for name, value in filters.items() if value)


def _vertex_type(entity: Record) -> str:
    """Return the type as queries name it: ``TrainingJob`` for the trial component of a training job."""
    return type_of(entity).removeprefix("SageMaker")


def _vertex(entity: Record) -> dict[str, str]:
    return {"Arn": entity.arn, "Type": _vertex_type(entity), "LineageType": ALL[entity.kind].noun}


def _edge(association: Record) -> dict[str, Any]:
    members = ("SourceArn", "DestinationArn", "AssociationType")
    return {member: association.spec[member] for member in members if member in association.spec}
