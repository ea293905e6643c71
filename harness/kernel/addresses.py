"""Host names and IP addresses as URLs and headers write them."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import NamedTuple

_AUTHORITY = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>\d{1,5}))?")


class HostPort(NamedTuple):
    name: str
    """The host in lower case, without brackets and without a final dot."""
    port: int


@lru_cache(maxsize=1024)
def split_authority(text: str, default_port: int = 80) -> HostPort | None:
    """Read ``host``, ``host:port`` or ``[v6]:port``. Return None for anything else, such as ``user:password@host``."""
    match = _AUTHORITY.fullmatch(text.strip())
    if match is None:
        return None
    name = match["name"].strip("[]").lower()
    return HostPort(name.removesuffix("."), int(match["port"] or default_port))


def ip_address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the IP address that the text spells, or None. An IPv4 address mapped into IPv6 is returned as IPv4."""
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(name: str) -> bool:
    """Return True if a host name or address can only mean this machine's loopback interface."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = ip_address(name)
    return address is not None and address.is_loopback
