"""Search: finds resources by an expression over their properties, sorted by any property."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from harness.kernel.errors import UnsupportedOperation, ValidationException
from harness.kernel.kinds import ResourceKind
from harness.kernel.records import Record
from harness.services.paging import cut_page
from harness.services.scope import Scope
from harness.services.search_documents import RESOURCES, Documents
from harness.services.search_expression import comparable, compile_expression, names_in
from harness.services.search_properties import leaf_at, values_at

_Match = tuple[Record, dict[str, Any]]
_DEFAULT_RESULTS = 100


def search(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    resource = _resource(request)
    documents = Documents(scope, resource)
    expression = request.get("SearchExpression")
    sort_by = request.get("SortBy", "LastModifiedTime")
    names = [*(names_in(expression) if expression is not None else ()), sort_by]
    make = documents.complete if any(documents.is_costly(name) for name in names) else documents.document
    test = compile_expression(expression) if expression is not None else None

    candidates = [(item, make(item)) for item in scope.records.scan(resource.type, scope.account, scope.region)]
    _check_names(resource, [document for _, document in candidates], names)
    matches = [(item, document) for item, document in candidates if test is None or test(document)]
    page, token = _page(matches, sort_by, request)
    results = [{resource.noun: documents.complete(item)} for item, _ in page]
    return {"Results": results, **({"NextToken": token} if token else {})}


def _resource(request: dict[str, Any]) -> ResourceKind:
    if request.get("CrossAccountFilterOption", "SameAccount") != "SameAccount" or request.get("VisibilityConditions"):
        raise UnsupportedOperation("Search across accounts and by VisibilityConditions is not supported by harness.")
    resource = RESOURCES.get(request["Resource"])
    if resource is None:
        known = ", ".join(sorted(RESOURCES))
        raise UnsupportedOperation(f"Search of {request['Resource']} is not supported by harness; supported: {known}.")
    return resource


def _page(matches: Iterable[_Match], sort_by: str, request: dict[str, Any]) -> tuple[list[_Match], str | None]:
    descending = request.get("SortOrder", "Descending") == "Descending"

    def position(item: _Match) -> list[Any]:
        """Return the sort key: numbers before text, documents without the property last, ties broken by name."""
        value = leaf_at(item[1], sort_by)
        if value is None:
            return [not descending, 0, 0, item[0].name]
        key = comparable(value)
        return [descending, isinstance(key, str), key, item[0].name]

    return cut_page(matches, request, position, descending, request.get("MaxResults", _DEFAULT_RESULTS))


def _check_names(resource: ResourceKind, documents: list[dict[str, Any]], names: Iterable[str]) -> None:
    """Refuse a property name that neither a document nor the API model of the resource has."""
    for name in names:
        first = name.partition(".")[0]
        if any(True for document in documents for _ in values_at(document, first)):
            continue
        if first.lower() not in _properties(resource.noun):
            raise ValidationException(f"Invalid property name for resource {resource.noun}: {name!r}.")


@cache
def _properties(member: str) -> frozenset[str]:
    from botocore.loaders import Loader  # imported here, since the start of the emulator does not need it

    shapes = Loader().load_service_model("sagemaker", "service-2")["shapes"]
    shape = shapes[shapes["SearchRecord"]["members"][member]["shape"]]
    return frozenset(name.lower() for name in [*shape["members"], "Metrics"])
