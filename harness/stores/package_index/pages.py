"""Pages of a package index: read what an index lists, and write the page that a job gets. Pure.

The formats are those of PEP 503 (HTML) and PEP 691 (JSON), with the metadata files of PEP 658 and PEP 714.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion

from harness.kernel.addresses import ip_address, is_loopback

MOST_LINKS = 100_000
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,254}", re.ASCII)
_HASH = re.compile(r"(sha256|sha384|sha512)=([0-9a-f]{64,128})", re.ASCII)
_METADATA = ("data-core-metadata", "data-dist-info-metadata")


class BadPage(Exception):
    """An index answered with something that is no page of an index."""


@dataclass(frozen=True)
class Link:
    """A file of a project: where it lies, and what its page says of it."""

    filename: str
    url: str
    """Without a fragment."""
    hashes: Mapping[str, str] = field(default_factory=dict)
    requires_python: str = ""
    yanked: str | None = None
    """The reason, which may be empty; None when the file is not yanked."""
    metadata: str | None = None
    """The sha256 of the metadata file beside a wheel, empty where it is not said; None when there is none."""


def project_of(filename: str) -> str | None:
    """The normalised name of the project whose wheel or source archive this is; None when it is neither."""
    if not _FILE_NAME.fullmatch(filename):
        return None
    try:
        if filename.endswith(".whl"):
            return str(parse_wheel_filename(filename)[0])
        return str(parse_sdist_filename(filename)[0])
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion, ValueError):
        return None


def is_name(name: str) -> bool:
    """Return True for the normalised name of a project (PEP 503)."""
    return (
        re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name, re.ASCII) is not None and canonicalize_name(name) == name
    )


def read_page(text: bytes, content_type: str, url: str, project: str = "") -> list[Link]:
    """The project's files that a page lists, or with no project all of them. Other links are left out.

    A link may lead to another host, as PyPI's do; not from a page of a server to a file of this machine, and not from
    a page of another host to this machine's own network.
    """
    document = text.decode("utf-8", "replace")
    if "json" in content_type:
        found = _from_json(document, url)
    elif content_type.partition(";")[0].strip() in ("text/html", "application/vnd.pypi.simple.v1+html"):
        found = _from_html(document, url)
    else:
        raise BadPage(f"the content type {content_type[:80]!r} is not that of an index")
    files = []
    for link in found:
        owner = project_of(link.filename)
        if owner is not None and owner == (project or owner) and may_follow(url, link.url):
            files.append(link)
    return files[:MOST_LINKS]


def may_follow(page: str, target: str) -> bool:
    """Return True if the answer of an address may refer to another address."""
    start, end = urlsplit(page), urlsplit(target)
    if end.scheme == "file":
        return start.scheme == "file" and end.netloc in ("", "localhost")
    if end.scheme not in ("http", "https") or not end.hostname:
        return False
    return end.hostname == start.hostname or not _is_internal(end.hostname)


def _is_internal(host: str) -> bool:
    address = ip_address(host)
    if address is None:
        return is_loopback(host) or host.endswith(".localhost") or "." not in host
    return not address.is_global


class _Anchors(HTMLParser):
    def __init__(self, base: str) -> None:
        super().__init__(convert_charrefs=True)
        self.base = base
        self.anchors: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attributes}
        if tag == "base" and named.get("href"):
            self.base = urljoin(self.base, named["href"])
        if tag == "a" and named.get("href") and len(self.anchors) < MOST_LINKS:
            self.anchors.append(named)


def _from_html(document: str, url: str) -> Iterable[Link]:
    parser = _Anchors(url)
    parser.feed(document)
    for anchor in parser.anchors:
        try:
            target = urljoin(parser.base, anchor["href"])
            address, _, fragment = target.partition("#")
            name = unquote(urlsplit(address).path.rpartition("/")[2])
        except ValueError:
            continue
        metadata = next((anchor[attribute] for attribute in _METADATA if attribute in anchor), None)
        stated = _HASH.fullmatch(metadata or "")
        yield Link(
            filename=name,
            url=address,
            hashes=_hashes([fragment.partition("&")[0]]),
            requires_python=anchor.get("data-requires-python", ""),
            yanked=anchor.get("data-yanked"),
            metadata=None if metadata is None else stated.group(2) if stated and stated.group(1) == "sha256" else "",
        )


def _from_json(document: str, url: str) -> Iterable[Link]:
    try:
        files: Any = json.loads(document)["files"]
        listed: Sequence[Any] = files[:MOST_LINKS]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadPage(f"its JSON is no page of an index ({type(error).__name__})") from error
    for each in listed:
        try:
            target = urljoin(url, str(each["url"])).partition("#")[0]
            metadata = each.get("core-metadata", each.get("dist-info-metadata"))
            given = [f"{kind}={value}" for kind, value in (each.get("hashes") or {}).items()]
            yanked = each.get("yanked", False)
            link = Link(
                filename=str(each["filename"]),
                url=target,
                hashes=_hashes(given),
                requires_python=str(each.get("requires-python") or ""),
                yanked=None if yanked is False else yanked if isinstance(yanked, str) else "",
                metadata=metadata.get("sha256", "") if isinstance(metadata, dict) else "" if metadata else None,
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        yield link


def _hashes(texts: Iterable[str]) -> dict[str, str]:
    """The hashes that can be checked; the other texts are left out."""
    matches = [match for text in texts if (match := _HASH.fullmatch(text))]
    return {str(match[1]): str(match[2]) for match in matches}


def write_page(project: str, links: Iterable[Link], address: str) -> bytes:
    """The page of a project, with every file at ``address``, a URL that ends in a slash."""
    lines = [f"<!DOCTYPE html><html><head><title>{html.escape(project)}</title></head><body>"]
    for link in links:
        strongest = next((kind for kind in ("sha256", "sha512", "sha384") if kind in link.hashes), "")
        fragment = f"#{strongest}={link.hashes[strongest]}" if strongest else ""
        attributes = {"href": f"{address}{link.filename}{fragment}"}
        if link.requires_python:
            attributes["data-requires-python"] = link.requires_python
        if link.yanked is not None:
            attributes["data-yanked"] = link.yanked
        if link.metadata is not None:
            attributes.update(dict.fromkeys(_METADATA, f"sha256={link.metadata}" if link.metadata else "true"))
        words = " ".join(f'{name}="{html.escape(value)}"' for name, value in attributes.items())
        lines.append(f"<a {words}>{html.escape(link.filename)}</a><br>")
    return "\n".join([*lines, "</body></html>\n"]).encode()
