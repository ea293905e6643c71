"""The images that a scenario names by literals, compared with the catalogue: URIs, and versions for the SDKs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from harness.contract.catalog import UnknownImage, load_catalog, resolve_image

_URI = re.compile(r"\d{12}\.dkr\.ecr\.[\w.-]+/[\w./-]+(:[\w.-]+)?(@sha256:\w+)?")
_Found = tuple[int, str, str]


def wrong_images(tree: ast.Module, own: Mapping[str, str]) -> Iterator[_Found]:
    """``own`` are the images that ``[images]`` of ``harness.toml`` names: these are known by that."""
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if _URI.fullmatch(text):
                yield from _unknown(node.lineno, text, own)
            case ast.Call(func=func):
                yield from (
                    finding
                    for repository, tag in _requested_images(_name_of(func), node)
                    for finding in _unknown(node.lineno, f"{repository}:{tag}", own)
                )


def _requested_images(called: str, call: ast.Call) -> Iterator[tuple[str, str]]:
    """Repository and tag that a call of the SDK asks for, where it says both in so many words."""
    keywords = {keyword.arg: _text(keyword.value) for keyword in call.keywords if keyword.arg}
    if called == "retrieve":
        framework = keywords.get("framework") or (_text(call.args[0]) if call.args else "")
        version = keywords.get("version") or (_text(call.args[2]) if len(call.args) > 2 else "")
    else:
        framework, version = _framework_of(called), keywords.get("framework_version", "")
        if framework and not version and call.args:
            version = _text(call.args[0])
    if not framework or not version or version == "latest":
        return
    for image in load_catalog():
        if image.sdk == framework:
            if not image.accounts:  # otherwise in a repository of its own, in accounts that depend on the region
                yield image.repositories[0], version
                return
            if version == image.version:
                return


def _framework_of(called: str) -> str:
    return next((image.sdk for image in load_catalog() if called in image.classes), "")


def _unknown(line: int, uri: str, own: Mapping[str, str]) -> Iterator[_Found]:
    if _is_own(uri, own):
        return
    try:
        resolve_image(uri)
    except UnknownImage as error:
        repository = uri.rpartition("/")[2].partition(":")[0]
        versions = [image.version for image in load_catalog() if repository in image.repositories]
        known = f"one of the versions {', '.join(versions)}" if versions else "an image of `harness images`"
        yield (
            line,
            error.problem,
            f'take {known}, or name an image of your own under [images] of harness.toml and NEEDS = ("docker",)',
        )


def _is_own(uri: str, own: Mapping[str, str]) -> bool:
    """Return True for an image of the user's own: by the URI, by repository and tag, or by repository."""
    last = uri.partition("@")[0].rpartition("/")[2]
    return bool({uri, last, last.partition(":")[0]} & set(own))


def _name_of(func: ast.expr) -> str:
    match func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _text(value: ast.expr) -> str:
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""
