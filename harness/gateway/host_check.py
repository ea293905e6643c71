"""``check_host``: only requests for the emulator's own names are answered.

A web page can have its own name point at loopback (DNS rebinding): the browser then takes the emulator for the page's
own server. The Host header still carries the page's name.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from multidict import CIMultiDict, CIMultiDictProxy

from harness.gateway.request_context import RequestContext
from harness.kernel.addresses import ip_address, is_loopback, split_authority
from harness.kernel.errors import ApiError
from harness.kernel.http import Request, Response

_NAMES = ("localhost", "host.docker.internal", "localhost.localstack.cloud")
_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
"""Names of AWS itself, which only AWS can have resolve: clients behind the start-up shim or a resolver send them."""
_SINGLE_LABEL = re.compile(r"[a-z0-9_-]+")


class HostRefused(ApiError):
    code = "HostRefused"
    status = 403


async def check_host(exchange: RequestContext) -> Response | None:
    sent = exchange.request.headers.getall("Host", [])
    host = split_authority(sent[0]) if len(sent) == 1 else None
    if host is None:
        raise HostRefused(f"A request needs one valid Host header, not {', '.join(map(repr, sent)) or 'none'}.")
    if not is_accepted(host.name, _own(exchange)):
        raise HostRefused(
            f"harness does not answer for the host {host.name!r}. If it is a name of this emulator, add it to the "
            f"setting allowed_hosts (HARNESS_ALLOWED_HOSTS={host.name})."
        )
    exchange.host = host
    return None


class OwnNames(NamedTuple):
    """The names of the emulator: the address that a connection came to, the setting ``host``, ``allowed_hosts``."""

    local: str = "127.0.0.1"
    host: str = "127.0.0.1"
    allowed: tuple[str, ...] = ()


def _own(exchange: RequestContext) -> OwnNames:
    settings = exchange.site.settings
    return OwnNames(exchange.client.local, settings.host, settings.allowed_hosts)


@lru_cache(maxsize=1024)  # nearly every request has the same
def is_accepted(name: str, own: OwnNames) -> bool:
    """Return whether the name is one of the emulator's, or one of them with a bucket's name before it.

    Before a name without a dot there is no bucket's name unless ``allowed_hosts`` has it: ``bucket.example`` may be
    anybody's domain.
    """
    if _SINGLE_LABEL.fullmatch(name) or ip_address(name) is not None:
        return _is_own_address(name, own)
    return name.endswith(_AWS) or _own_name(name, own) is not None


async def find_bucket_in_host(exchange: RequestContext) -> Response | None:
    """Turn virtual-host addressing into path style for the names that S3's own rule does not know."""
    if exchange.service != "s3":
        return None
    own = _own_name(exchange.host.name, _own(exchange))
    if own is None or own == "localhost" or own == exchange.host.name:
        return None
    bucket = exchange.host.name.removesuffix(f".{own}")
    if bucket == "s3" or re.search(r"(^|\.)s3[.-]", bucket) or (own.endswith(".cloud") and bucket.endswith(".s3")):
        return None  # s3.REGION.name and bucket.s3.REGION.name are of S3's own rule
    exchange.hosted = exchange.request
    exchange.request = _in_path_style(exchange.request, bucket.removesuffix(".s3"), own)
    return None


def _in_path_style(request: Request, bucket: str, host: str) -> Request:
    headers: CIMultiDict[str] = CIMultiDict(request.headers)
    headers["Host"] = host
    return replace(request, target=f"/{bucket}{request.target}", headers=CIMultiDictProxy(headers))


def _is_own_address(name: str, own: OwnNames) -> bool:
    if ip_address(name) is None:
        return True  # no public domain has a name without a dot
    return is_loopback(name) or ip_address(name) in (ip_address(own.local), ip_address(own.host))


@lru_cache(maxsize=1024)
def _own_name(name: str, names: OwnNames) -> str | None:
    """The emulator's own name or IPv4 address that ``name`` is or ends with."""
    for own in (*_NAMES, names.host.lower(), *(each.lower() for each in names.allowed)):
        if own and (name == own or (name.endswith(f".{own}") and ip_address(own) is None)):
            return own
    address = ".".join(name.split(".")[-4:])
    return address if ip_address(address) and _is_own_address(address, names) else None
