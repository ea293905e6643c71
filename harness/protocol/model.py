"""The service models of botocore as values: services, operations, shapes.

Models are read from botocore's JSON files. botocore's own session, loader and model classes are not used, because they
take a third of a second to import. Reading the model of ``sagemaker`` takes 35 ms, at the first request to the
service. Shapes are built when they are first used.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import botocore

from harness.protocol.patterns import matcher
from harness.protocol.routes import Route

JSON = "json"
REST_JSON = "rest-json"


class Member(NamedTuple):
    """A member of a structure. ``location`` is ``header``, ``uri``, ``querystring``, or ``""`` for the body."""

    name: str
    shape: Shape
    location: str
    wire_name: str


class Shape:
    """A shape of the model with its constraints.

    Other shapes are looked up when used, since shapes may be recursive.
    """

    def __init__(self, service: ServiceModel, name: str, facts: Mapping[str, Any]) -> None:
        self._service = service
        self._facts = facts
        self.name = name
        self.kind: str = facts["type"]
        self.required: tuple[str, ...] = tuple(facts.get("required", ()))
        self.minimum: float | None = facts.get("min")
        self.maximum: float | None = facts.get("max")
        self.pattern: str | None = facts.get("pattern")
        self.enum: tuple[str, ...] = tuple(facts.get("enum", ()))
        self.union: bool = facts.get("union", False)
        """True if exactly one of the members must be set."""
        self.payload: str | None = facts.get("payload")
        self.status: int | None = facts.get("error", {}).get("httpStatusCode")

    @cached_property
    def members(self) -> Mapping[str, Member]:
        members = {}
        for name, reference in self._facts.get("members", {}).items():
            location = reference.get("location", "")
            wire_name = reference.get("locationName", name)
            members[name] = Member(name, self._service.shape(reference["shape"]), location, wire_name)
        return members

    @cached_property
    def item(self) -> Shape:
        return self._service.shape(self._facts["member"]["shape"])

    @cached_property
    def key(self) -> Shape:
        return self._service.shape(self._facts["key"]["shape"])

    @cached_property
    def value(self) -> Shape:
        return self._service.shape(self._facts["value"]["shape"])

    @cached_property
    def matches(self) -> Callable[[str], bool]:
        return matcher(self.pattern or "")

    @cached_property
    def allowed(self) -> frozenset[str]:
        return frozenset(self.enum)


class OperationModel:
    """One operation. Members with the trait ``idempotency_token`` are filled in by clients and not required here."""

    def __init__(self, service: ServiceModel, name: str, facts: Mapping[str, Any]) -> None:
        self.service = service
        self.name = name
        self.method: str = facts["http"]["method"]
        self.status: int = facts["http"].get("responseCode", 200)
        self.route = Route(facts["http"]["requestUri"])
        self.errors: tuple[str, ...] = tuple(error["shape"] for error in facts.get("errors", ()))
        self._input: str | None = facts.get("input", {}).get("shape")
        self._output: str | None = facts.get("output", {}).get("shape")

    @cached_property
    def input(self) -> Shape | None:
        return self.service.shape(self._input) if self._input else None

    @cached_property
    def output(self) -> Shape | None:
        return self.service.shape(self._output) if self._output else None


class ServiceModel:
    """One service as botocore models it. ``name`` is boto3's client name."""

    def __init__(self, name: str, facts: Mapping[str, Any]) -> None:
        self.name = name
        self.protocol: str = facts["metadata"]["protocol"]
        self.title: str = facts["metadata"].get("serviceAbbreviation") or facts["metadata"]["serviceFullName"]
        self._shapes: Mapping[str, Mapping[str, Any]] = facts["shapes"]
        self._operations: Mapping[str, Mapping[str, Any]] = facts["operations"]
        self._built: dict[str, Shape] = {}
        self._built_operations: dict[str, OperationModel] = {}

    @property
    def operation_names(self) -> tuple[str, ...]:
        return tuple(self._operations)

    @property
    def shape_names(self) -> tuple[str, ...]:
        return tuple(self._shapes)

    def has_shape(self, name: str) -> bool:
        return name in self._shapes

    def shape(self, name: str) -> Shape:
        shape = self._built.get(name)
        if shape is None:
            shape = self._built.setdefault(name, Shape(self, name, self._shapes[name]))
        return shape

    def operation(self, name: str) -> OperationModel | None:
        """Return the operation of that name, or None if the model has none."""
        operation = self._built_operations.get(name)
        if operation is None and name in self._operations:
            operation = OperationModel(self, name, self._operations[name])
            operation = self._built_operations.setdefault(name, operation)
        return operation

    @cached_property
    def _routes(self) -> tuple[OperationModel, ...]:
        return tuple(operation for name in self._operations if (operation := self.operation(name)))

    def route(self, method: str, path: str) -> tuple[OperationModel, Mapping[str, str]] | None:
        """Return the REST operation for a percent-encoded path, with the values in that path. None if there is none."""
        for operation in self._routes:
            if operation.method == method and (values := operation.route.match(path)) is not None:
                return operation, values
        return None


@cache
def service_model(name: str) -> ServiceModel:
    """Return the newest model of the service in the installed botocore."""
    versions = sorted((Path(botocore.__file__).parent / "data" / name).iterdir())
    file = versions[-1] / "service-2.json.gz"
    text = gzip.decompress(file.read_bytes()) if file.exists() else file.with_suffix("").read_bytes()
    facts = json.loads(text)
    for holder in (*facts["operations"].values(), *facts["shapes"].values()):
        _drop_documentation(holder)
    return ServiceModel(name, facts)


def _drop_documentation(holder: dict[str, Any]) -> None:
    """Remove the documentation, which is half of a model and would only use memory."""
    holder.pop("documentation", None)
    for reference in holder.get("members", {}).values():
        reference.pop("documentation", None)
