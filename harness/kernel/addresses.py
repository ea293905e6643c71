"""Host names and IP addresses as they stand in URLs and headers."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import NamedTuple

_AUTHORITY = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>\d{1,5}))?")


class HostPort(NamedTuple):
    name: str
    """In small letters, without brackets and without a final dot."""
    port: int


@lru_cache(maxsize=1024)
def split_authority(text: str, default_port: int = 80) -> HostPort | None:
    """``host``, ``host:port`` or ``[v6]:port``; None for anything else, such as a name with credentials before it."""
    found = _AUTHORITY.fullmatch(text.strip())
    if found is None:
        return None
    name = found["name"].strip("[]").lower()
    return HostPort(name.removesuffix("."), int(found["port"] or default_port))


def ip_address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that the name is a literal of; an IPv4 address inside an IPv6 one counts as IPv4."""
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(name: str) -> bool:
    """Whether a host name or address can only mean this machine's loopback."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = ip_address(name)
    return address is not None and address.is_loopback
