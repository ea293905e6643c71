"""Fetches pages and files of the configured indexes, with the user's credentials, proxies and certificates."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from harness.stores.package_index.configuration import IndexConfiguration
from harness.stores.package_index.pages import BadPage, Link, may_follow, read_page

if TYPE_CHECKING:
    import requests

LARGEST_PAGE = 128 * 1024 * 1024
LARGEST_FILE = 8 * 1024 * 1024 * 1024
_TIMEOUT = (10, 60)
"""Seconds to connect, and between two pieces of an answer."""
_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.2, text/html; q=0.1"
_BLOCK = 1024 * 1024


class NotReachable(Exception):
    """An index or file could not be had; the message names the host, and never holds credentials."""


class Missing(Exception):
    """The index does not know the project, or the file is gone."""


class Fetcher:
    """One tool's access to its indexes. Thread-safe."""

    def __init__(self, configuration: IndexConfiguration, stopped: Callable[[], bool] = lambda: False) -> None:
        """Downloads in progress end when ``stopped`` says so."""
        self._stopped = stopped
        self._configuration = configuration
        sources = (*configuration.indexes, *configuration.find_links, *configuration.constraints)
        self._credentials = {_origin(url): found for url in sources if (found := _credentials(url))}

    def page(self, url: str, project: str) -> list[Link]:
        """The project's files that the page or folder at an address lists. ``Missing`` or ``NotReachable``."""
        if url.startswith("file:"):
            return self._local_page(url, project)
        with self._opened(url) as answer:
            content = b"".join(_read_limited(answer, LARGEST_PAGE))
            try:
                return read_page(content, answer.headers.get("Content-Type", ""), answer.url, project)
            except BadPage as error:
                raise NotReachable(f"{host_of(url)} gave no page of an index: {error}") from error

    def text(self, url: str) -> str:
        """A file of constraints."""
        if url.startswith("file:"):
            with _open_local(url) as file:
                return file.read(LARGEST_PAGE).decode("utf-8", "replace")
        with self._opened(url) as answer:
            return b"".join(_read_limited(answer, LARGEST_PAGE)).decode("utf-8", "replace")

    def download(self, url: str, target: BinaryIO) -> None:
        if url.startswith("file:"):
            with _open_local(url) as file:
                while block := file.read(_BLOCK):
                    target.write(block)
            return
        with self._opened(url) as answer:
            for block in _read_limited(answer, LARGEST_FILE):
                if self._stopped():
                    raise NotReachable("the emulator is stopping")
                target.write(block)

    def _local_page(self, url: str, project: str) -> list[Link]:
        path = local_path(url)
        index = path / "index.html"
        if path.is_dir() and not index.is_file():
            names = sorted(each.name for each in path.iterdir())
            anchors = "".join(f'<a href="{quote(name)}"></a>' for name in names)
            return read_page(anchors.encode(), "text/html", path.as_uri() + "/", project)
        file = index if path.is_dir() else path
        with _open_local(file.as_uri()) as opened:
            return read_page(opened.read(LARGEST_PAGE), "text/html", file.as_uri(), project)

    @contextlib.contextmanager
    def _opened(self, url: str) -> Iterator[requests.Response]:
        import requests

        host = host_of(url)
        try:
            with (
                self._session(url) as session,
                session.get(
                    without_credentials(url), stream=True, timeout=_TIMEOUT, headers={"Accept": _ACCEPT}
                ) as answer,
            ):
                if answer.status_code in (404, 410):
                    raise Missing(host)
                if answer.status_code != 200:
                    raise NotReachable(f"{host} answered {answer.status_code}")
                yield answer
        except (requests.RequestException, OSError, ValueError) as error:
            raise NotReachable(f"{host} cannot be reached ({type(error).__name__})") from error

    def _session(self, url: str) -> requests.Session:
        import requests

        class Session(requests.Session):
            def get_redirect_target(self, resp: requests.Response) -> str | None:
                target = super().get_redirect_target(resp)
                if target and not may_follow(resp.url, urljoin(resp.url, target)):
                    raise requests.RequestException("it redirects to an address that an index may not name")
                return target

        session = Session()
        session.auth = self._credentials.get(_origin(url))
        if self._configuration.certificates:
            session.verify = self._configuration.certificates
        if (
            host_of(url) in self._configuration.trusted_hosts
            or urlsplit(url).netloc in self._configuration.trusted_hosts
        ):
            session.verify = False
        return session


def without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def host_of(url: str) -> str:
    return urlsplit(url).hostname or urlsplit(url).path


def local_path(url: str) -> Path:
    return Path(unquote(urlsplit(url).path))


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.rpartition("@")[2]


def _credentials(url: str) -> tuple[str, str] | None:
    parts = urlsplit(url)
    if not parts.username and not parts.password:
        return None
    return unquote(parts.username or ""), unquote(parts.password or "")


@contextlib.contextmanager
def _open_local(url: str) -> Iterator[BinaryIO]:
    """A regular file of this machine: opening a pipe or a device could wait for ever."""
    path = local_path(url)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Missing(str(path)) from error
    except OSError as error:
        raise NotReachable(f"{path} cannot be read ({error.strerror})") from error
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotReachable(f"{path} is no file")
        yield file


def _read_limited(answer: requests.Response, limit: int) -> Iterator[bytes]:
    size = 0
    for block in answer.iter_content(_BLOCK):
        size += len(block)
        if size > limit:
            raise NotReachable(f"{host_of(answer.url)} sent more than {limit >> 20} MB")
        yield block
