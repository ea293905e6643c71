"""Reads the indexes, package folders and constraints that pip and uv are configured for on this machine.

pip: environment, then files (https://pip.pypa.io/en/stable/topics/configuration/). uv: environment, then ``uv.toml``
of the user and of the system (https://docs.astral.sh/uv/configuration/files/). A project's own files do not count.
"""

from __future__ import annotations

import configparser
import contextlib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PYPI = "https://pypi.org/simple/"
_TRUE = ("1", "true", "yes", "on", "y", "t")


@dataclass(frozen=True)
class IndexConfiguration:
    """One tool's sources of packages. URLs hold the credentials that the user wrote into them."""

    indexes: tuple[str, ...] = (PYPI,)
    """In the order in which they are searched."""
    find_links: tuple[str, ...] = ()
    """Folders, archives or pages that list files of many projects."""
    constraints: tuple[str, ...] = ()
    first_index_only: bool = False
    """Whether the first index that knows a project is the only one asked about it, as uv does by default."""
    certificates: str = ""
    """A file of certificate authorities; empty for those that ``requests`` trusts."""
    trusted_hosts: tuple[str, ...] = ()
    """Hosts whose certificates are not verified."""


def read_pip(environment: Mapping[str, str], home: Path) -> IndexConfiguration | None:
    """Return the sources of pip; None if they are not configured."""
    options = _pip_files(environment, home)
    options.update({name[4:].lower().replace("_", "-"): value for name, value in _pip_variables(environment).items()})
    named = {"index-url", "extra-index-url", "find-links", "no-index", "constraint", "cert", "trusted-host"}
    if not any(options.get(name) for name in named):
        return None
    indexes = [options.get("index-url") or PYPI, *options.get("extra-index-url", "").split()]
    return IndexConfiguration(
        indexes=() if options.get("no-index", "").lower() in _TRUE else _unique(indexes),
        find_links=_unique(_locations(options.get("find-links", "").split())),
        constraints=_unique(_locations(options.get("constraint", "").split())),
        certificates=options.get("cert", ""),
        trusted_hosts=tuple(options.get("trusted-host", "").split()),
    )


def read_uv(environment: Mapping[str, str], home: Path) -> IndexConfiguration | None:
    """Return the sources of uv; None if they are not configured."""
    options = _uv_options(environment, home)
    explicit = [each for each in options.get("index", []) if each.get("explicit")]
    listed = [each for each in options.get("index", []) if each not in explicit and each.get("url")]
    default = environment.get("UV_DEFAULT_INDEX") or environment.get("UV_INDEX_URL")
    if default:
        listed = [each for each in listed if not each.get("default")]
    first = [_parse_named_index(word) for word in environment.get("UV_INDEX", "").split()]
    first += [{"url": url} for url in _words(environment.get("UV_EXTRA_INDEX_URL") or options.get("extra-index-url"))]
    last = [_parse_named_index(default)] if default else [each for each in listed if each.get("default")]
    last = last or [{"url": options.get("index-url") or PYPI}]
    indexes = [*first, *(each for each in listed if not each.get("default")), *last]
    links = environment.get("UV_FIND_LINKS", "").replace(",", " ").split() or _words(options.get("find-links"))
    constraints = _locations(environment.get("UV_CONSTRAINT", "").split())
    no_index = environment.get("UV_NO_INDEX", str(options.get("no-index", ""))).lower() in _TRUE
    made = IndexConfiguration(
        indexes=() if no_index else _unique([_with_credentials(each, environment) for each in indexes]),
        find_links=_unique(_locations(links)),
        constraints=_unique(constraints),
        first_index_only=not str(
            environment.get("UV_INDEX_STRATEGY") or options.get("index-strategy", "first-index")
        ).startswith("unsafe"),
        certificates=environment.get("SSL_CERT_FILE", ""),
        trusted_hosts=_unique(
            _words(environment.get("UV_INSECURE_HOST")) or _words(options.get("allow-insecure-host"))
        ),
    )
    default_only = IndexConfiguration(first_index_only=True, certificates=made.certificates)
    return None if made == default_only else made


def _pip_variables(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith("PIP_") and value}


def _pip_files(environment: Mapping[str, str], home: Path) -> dict[str, str]:
    """The options of ``pip install``; files that come later win, and within a file ``[install]`` does."""
    chosen = environment.get("PIP_CONFIG_FILE", "")
    if chosen == os.devnull:
        return {}
    folders = environment.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    own = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    files = [Path(folder, "pip", "pip.conf") for folder in reversed(folders.split(":")) if folder]
    files += [Path("/etc/pip.conf"), home / ".pip" / "pip.conf", own / "pip" / "pip.conf"]
    files += [Path(sys.prefix, "pip.conf"), *([Path(chosen)] if chosen else [])]
    parser = configparser.RawConfigParser()
    for file in files:
        with contextlib.suppress(OSError, UnicodeDecodeError, configparser.Error):
            parser.read_string(file.read_text(encoding="utf-8"), str(file))
    found: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            found.update({name.replace("_", "-"): value for name, value in parser.items(section)})
    return found


def _uv_options(environment: Mapping[str, str], home: Path) -> dict[str, Any]:
    """The options of ``uv pip install``: the user's file over the system's, ``[pip]`` over the rest."""
    if environment.get("UV_NO_CONFIG", "").lower() in _TRUE:
        return {}
    own = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    folders = environment.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    system = [Path(folder, "uv", "uv.toml") for folder in folders.split(":") if folder] + [Path("/etc/uv/uv.toml")]
    files = [next((file for file in system if file.is_file()), system[-1]), own / "uv" / "uv.toml"]
    if chosen := environment.get("UV_CONFIG_FILE"):
        files = [Path(chosen)]
    found: dict[str, Any] = {}
    for file in files:
        with contextlib.suppress(OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            read = tomllib.loads(file.read_text(encoding="utf-8"))
            listed = [*read.get("index", []), *found.get("index", [])]
            found.update({**read, **read.get("pip", {}), "index": listed})
    return found


def _parse_named_index(word: str) -> dict[str, str]:
    """An index as ``UV_INDEX`` writes it: a URL, or ``name=URL``."""
    match = re.match(r"([A-Za-z0-9._-]+)=(.+)", word)
    return {"name": match.group(1), "url": match.group(2)} if match else {"url": word}


def _with_credentials(index: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """The URL of an index, with the user and password that ``UV_INDEX_NAME_…`` gives for it."""
    url = str(index["url"])
    name = re.sub(r"[^A-Z0-9]", "_", str(index.get("name", "")).upper())
    user = environment.get(f"UV_INDEX_{name}_USERNAME", "") if name else ""
    password = environment.get(f"UV_INDEX_{name}_PASSWORD", "") if name else ""
    if not user and not password:
        return url
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{host}"))


def _locations(words: Sequence[str]) -> list[str]:
    """Paths as ``file:`` URLs, other URLs as they are."""
    return [
        word if re.match(r"(https?|file):", word) else Path(word).expanduser().absolute().as_uri() for word in words
    ]


def _words(value: Any) -> list[str]:
    if isinstance(value, str):
        return value.split()
    return [str(each) for each in value] if isinstance(value, list) else []


def _unique(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
