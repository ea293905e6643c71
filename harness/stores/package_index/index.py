"""``PackageIndex``: the projects and files that one tool's configuration leads to, kept in a cache on disk.

Nothing is fetched but pages of configured indexes, and files that those pages list.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.stores.package_index.configuration import IndexConfiguration
from harness.stores.package_index.constraints import joined_constraints
from harness.stores.package_index.fetching import Fetcher, Missing, NotReachable, local_path, without_credentials
from harness.stores.package_index.pages import Link, is_name

FRESH_SECONDS = 600.0
"""How long a page is not asked for again: what PyPI's own pages allow."""
_log = logging.getLogger(__name__)


class Refused(Exception):
    """A package cannot be given to a job; the message says why, in one line."""


@dataclass(frozen=True)
class _Page:
    fetched: float
    links: list[Link] | None
    """None when the index does not know the project."""


class PackageIndex:
    """Thread-safe. ``folder`` is the cache; ``install`` False refuses everything."""

    def __init__(
        self,
        configuration: IndexConfiguration,
        folder: Path,
        stopped: Callable[[], bool] = lambda: False,
        install: bool = True,
    ) -> None:
        self._configuration = configuration
        self._fetcher = Fetcher(configuration, stopped)
        self._folder = folder
        self._install = install
        self._locks: dict[Path, threading.Lock] = {}
        self._lock = threading.Lock()

    def links(self, project: str) -> list[Link]:
        """The files of a project, in the order of the indexes; empty when no index knows it. ``Refused``."""
        self._check(project)
        found: dict[str, Link] = {}
        problems: list[str] = []
        for source in (*self._configuration.find_links, *self._configuration.indexes):
            is_index = source in self._configuration.indexes
            try:
                listed = self._page(source, project, is_index)
            except NotReachable as error:
                problems.append(str(error))
                if is_index and self._configuration.first_index_only:
                    break  # a later index must not stand in for one that is only out of reach
                continue
            for link in listed or ():
                found.setdefault(link.filename, link)
            if listed and is_index and self._configuration.first_index_only:
                break
        if not found and problems:
            raise Refused(f"{project} was not installed before and its index gives nothing now: {'; '.join(problems)}")
        return list(found.values())

    def file(self, project: str, filename: str) -> Path:
        """The file, fetched and checked by its hash, in the cache or where a local index has it. ``Refused``."""
        metadata = filename.endswith(".metadata")
        wanted = filename.removesuffix(".metadata")
        link = next((each for each in self.links(project) if each.filename == wanted), None)
        if link is None or (metadata and link.metadata is None):
            raise Refused(f"no index lists {filename} for {project}")
        if not metadata:
            return self._fetch(link.url, filename, link.hashes)
        path, _, query = link.url.partition("?")
        address = f"{path}.metadata?{query}" if query else f"{path}.metadata"
        return self._fetch(address, filename, {"sha256": link.metadata} if link.metadata else {})

    def constraints(self) -> str:
        """The configured constraints as one file without credentials; ``Refused`` when one cannot be read."""
        if not self._install:
            return ""  # what is already satisfied stays so
        try:
            return joined_constraints(self._configuration.constraints, self._fetcher.text)
        except (Missing, NotReachable) as error:
            raise Refused(f"the constraints that pip is configured for cannot be read: {error}") from error

    def _check(self, project: str) -> None:
        if not self._install:
            raise Refused("the setting 'install' is off (install = true in harness.toml, or HARNESS_INSTALL=1)")
        if not is_name(project):
            raise Refused("that is no normalised name of a project")

    def _page(self, source: str, project: str, is_index: bool) -> list[Link] | None:
        """Return the files that a source lists for a project; None if it does not have the project."""
        url = f"{source.rstrip('/')}/{project}/" if is_index else source
        if url.startswith("file:"):
            with contextlib.suppress(Missing):
                return self._fetcher.page(url, project)
            return None
        kept = self._folder / "pages" / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}-{project}.json"
        with self._alone(kept):
            page = _read(kept)
            if page is not None and 0 <= time.time() - page.fetched < FRESH_SECONDS:
                return page.links
            try:
                made = _Page(time.time(), self._fetch_links(url, project))
            except NotReachable as error:
                if page is None:
                    raise
                _log.info("the page of %s is an older one: %s", project, error)
                return page.links
            _write(kept, json.dumps(asdict(made)).encode())
            return made.links

    def _fetch_links(self, url: str, project: str) -> list[Link] | None:
        try:
            return self._fetcher.page(url, project)
        except Missing:
            return None

    def _fetch(self, url: str, filename: str, hashes: Any) -> Path:
        if url.startswith("file:"):
            _check_hashes(local_path(url), filename, hashes)
            return local_path(url)
        key = json.dumps([without_credentials(url), sorted(hashes.items())])
        target = self._folder / "files" / hashlib.sha256(key.encode()).hexdigest()[:32] / filename
        with self._alone(target):
            if not target.exists():
                with _new_file(target) as made:
                    try:
                        with made.open("wb") as file:
                            self._fetcher.download(url, file)
                    except (Missing, NotReachable) as error:
                        raise Refused(f"{filename} was not installed before and cannot be fetched: {error}") from error
                    _check_hashes(made, filename, hashes)
            return target

    @contextlib.contextmanager
    def _alone(self, path: Path) -> Iterator[None]:
        with self._lock:
            lock = self._locks.setdefault(path, threading.Lock())
        with lock:
            yield


def digest(links: Sequence[Link]) -> str:
    """Return a digest of a project's files, to compare two responses of an index."""
    return hashlib.sha256(json.dumps([[each.filename, dict(each.hashes)] for each in links]).encode()).hexdigest()


def _check_hashes(path: Path, filename: str, hashes: Any) -> None:
    for kind, value in hashes.items():
        made = hashlib.new(kind)
        try:
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    made.update(block)
        except OSError as error:
            raise Refused(f"{filename} cannot be read ({error.strerror})") from error
        if made.hexdigest() != value:
            raise Refused(f"{filename} is not the file that its index page names: its {kind} differs")


def _read(kept: Path) -> _Page | None:
    try:
        document = json.loads(kept.read_text())
        links = document["links"]
        return _Page(document["fetched"], None if links is None else [Link(**each) for each in links])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(target: Path, content: bytes) -> None:
    with _new_file(target) as made:
        made.write_bytes(content)


@contextlib.contextmanager
def _new_file(target: Path) -> Iterator[Path]:
    """A file beside the target, which takes its place at the end, or goes when that fails."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=target.parent)
    os.close(descriptor)
    try:
        yield Path(name)
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)
