"""``serve_packages``: the package index of jobs, and the words for a git client that wants to leave the machine.

Below ``/_harness/pypi/JOB/TOOL/`` lie ``simple/PROJECT/``, ``files/PROJECT/FILE`` and ``constraints.txt``. Only jobs
may ask. JOB is the name by which the engine learns what a job took.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from multidict import CIMultiDict

from harness.contract.package_access import INDEX, OUTSIDE, refusal
from harness.gateway.request_context import Listener, RequestContext
from harness.kernel.http import FileBody, Response
from harness.stores.package_index.index import Refused
from harness.stores.package_index.job_packages import TOOLS
from harness.stores.package_index.pages import write_page

T = TypeVar("T")

_PATH = re.compile(rf"(?P<job>[A-Za-z0-9-]{{1,128}})/(?P<tool>{'|'.join(TOOLS)})/(?P<rest>.+)")
_NOT_A_JOB = (
    "only jobs in networks of their own may use it, since only they change a Python environment of their own "
    "(`harness doctor` says what this machine gives to jobs)"
)


async def serve_packages(exchange: RequestContext) -> Response | None:
    path = exchange.request.path
    if path.startswith(OUTSIDE):
        exchange.service = "harness"
        host = path.removeprefix(OUTSIDE).partition("/")[0]
        return _text(403, f"{refusal(host)}\n")
    if not path.startswith(INDEX):
        return None
    exchange.service = "harness"
    match = _PATH.fullmatch(path.removeprefix(INDEX))
    if match is None or exchange.request.method not in ("GET", "HEAD"):
        return _text(404, "There is no such page of the package index.\n")
    if exchange.client.listener is not Listener.JOBS:
        if match["rest"] == "constraints.txt":
            return _text(200, "")  # pip reads it also for what is satisfied already
        return _refuse(match["rest"], _NOT_A_JOB)
    try:
        return await _answer(exchange, match["job"], match["tool"], match["rest"])
    except Refused as error:
        exchange.error = str(error)
        return _refuse(match["rest"], str(error))


async def _answer(exchange: RequestContext, job: str, tool: str, rest: str) -> Response:
    packages = exchange.site.packages
    kind, _, name = rest.partition("/")
    project, _, filename = name.partition("/")
    if rest == "constraints.txt":
        return _text(200, await _off_loop(exchange, lambda: packages.constraints(tool, job)))
    if kind == "simple" and project and not filename:
        links = await _off_loop(exchange, lambda: packages.links(tool, job, project))
        if not links:
            return _text(404, f"No index that {tool} of this machine is configured for has files of {project}.\n")
        page = write_page(project, links, f"../../files/{project}/")
        return Response(200, CIMultiDict({"Content-Type": "text/html; charset=utf-8"}), page)
    if kind == "files" and filename and "/" not in filename:
        path = await _off_loop(exchange, lambda: packages.file(tool, project, filename))
        return await _off_loop(exchange, lambda: _file(path, filename))
    return _text(404, "There is no such page of the package index.\n")


def _file(path: Path, filename: str) -> Response:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise Refused(f"{filename} cannot be read ({error.strerror})") from error
    return Response(200, CIMultiDict({"Content-Type": "application/octet-stream"}), FileBody(path, 0, size))


def _refuse(rest: str, why: str) -> Response:
    """An answer whose reason pip and uv show.

    Of a failed page pip shows nothing but "no matching distribution". It does show the content type of a page that is
    no page of an index.
    """
    words = re.sub(r"[^ -~]+", " ", f"harness gives no package: {why}")[:600]
    if rest.startswith("simple/"):
        return Response(200, CIMultiDict({"Content-Type": words}), f"{words}\n".encode())
    return Response(403, CIMultiDict({"Content-Type": "text/plain"}), f"{words}\n".encode(), reason=words)


def _text(status: int, text: str) -> Response:
    return Response(status, CIMultiDict({"Content-Type": "text/plain; charset=utf-8"}), text.encode())


async def _off_loop(exchange: RequestContext, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(exchange.site.downloads, work)
