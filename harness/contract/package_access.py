"""How a job gets packages, and what it reads when it wants to reach any other host. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

INDEX = "/_harness/pypi/"
"""Below it lies the package index of jobs, at the emulator's address."""
OUTSIDE = "/_harness/outside/"
"""Where git is led with every ``https:`` address, since it shows what a server says and not what a proxy says."""


def package_environment(address: str, job: str, hosts: Sequence[str]) -> dict[str, str]:
    """The variables by which pip and uv find the index, and by which other programs learn why a host is refused.

    ``address`` is the emulator's; ``hosts`` are those of the job, which reach each other directly.
    """
    if not address:
        return {}
    base = f"{address}{INDEX}{job}"
    host = urlsplit(address).hostname or ""
    direct = ",".join(dict.fromkeys(["127.0.0.1", "localhost", "::1", host, *hosts]))
    return {
        "PIP_INDEX_URL": f"{base}/pip/simple/",
        "PIP_CONSTRAINT": f"{base}/pip/constraints.txt",
        "PIP_TRUSTED_HOST": host,
        # The emulator fetches and checks a file as a whole before it answers.
        "PIP_DEFAULT_TIMEOUT": "600",
        "PIP_RETRIES": "1",
        "UV_DEFAULT_INDEX": f"{base}/uv/simple/",
        "UV_CONSTRAINT": f"{base}/uv/constraints.txt",
        "UV_INSECURE_HOST": host,
        "UV_HTTP_TIMEOUT": "600",
        "UV_HTTP_RETRIES": "1",
        "UV_LINK_MODE": "copy",
        "UV_PYTHON_DOWNLOADS": "never",
        **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), address),
        **dict.fromkeys(("no_proxy", "NO_PROXY"), direct),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{address}{OUTSIDE}.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://",
    }


def refusal(host: str) -> str:
    """Return the line that a job gets if it connects to a host that it must not reach."""
    return (
        f"harness refused {host}: a job reaches the emulator and the package index of this machine, and no other host. "
        "Remedy: configure pip on this machine for an index that has the package, or use an image of your own"
    )
