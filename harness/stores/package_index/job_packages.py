"""``JobPackages``: the package indexes that jobs get, one for pip and one for uv, and what each job took from them."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from harness.stores.package_index.configuration import IndexConfiguration, read_pip, read_uv
from harness.stores.package_index.index import PackageIndex, Refused, digest
from harness.stores.package_index.pages import Link

TOOLS = ("pip", "uv")
_MOST_REMEMBERED = 10_000
_CONSTRAINTS = "=constraints"
"""In place of a project; no project has such a name."""


class JobPackages:
    """Thread-safe. Where only one of the tools is configured for an index, jobs get that one for both."""

    def __init__(self, folder: Path, install: bool) -> None:
        self._folder = folder
        self._install = install
        self._taken: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()

    @cached_property
    def _indexes(self) -> Mapping[str, PackageIndex]:
        """Made at the first question: files are read for it."""
        home = Path(os.path.expanduser("~"))  # noqa: PTH111  (Path.home() raises where there is none)
        found = {"pip": read_pip(os.environ, home), "uv": read_uv(os.environ, home)}
        either = found["pip"] or found["uv"] or IndexConfiguration()
        return {
            tool: PackageIndex(found[tool] or either, self._folder, self._closed.is_set, self._install)
            for tool in TOOLS
        }

    def links(self, tool: str, job: str, project: str) -> list[Link]:
        """The files of a project, as the tool's indexes list them; noted for the job. ``Refused``."""
        links = self._indexes[tool].links(project)
        self._note(job, f"{tool}/{project}", digest(links))
        return links

    def file(self, tool: str, project: str, filename: str) -> Path:
        """The file on disk, checked by its hash. ``Refused``."""
        return self._indexes[tool].file(project, filename)

    def constraints(self, tool: str, job: str) -> str:
        """The constraints that the tool is configured for; noted for the job. ``Refused``."""
        text = self._indexes[tool].constraints()
        self._note(job, f"{tool}/{_CONSTRAINTS}", hashlib.sha256(text.encode()).hexdigest())
        return text

    def read_taken(self, job: str) -> dict[str, str]:
        """The projects that a job asked about, with a digest of the files that it was offered."""
        with self._lock:
            return dict(self._taken.get(job, {}))

    def are_unchanged(self, taken: Mapping[str, str]) -> bool:
        """Tell whether an index offers the same files of these projects now."""
        try:
            for name, known in taken.items():
                tool, _, project = name.partition("/")
                if tool not in TOOLS or self._now(tool, project) != known:
                    return False
        except Refused:
            return False
        return True

    def _now(self, tool: str, project: str) -> str:
        index = self._indexes[tool]
        if project == _CONSTRAINTS:
            return hashlib.sha256(index.constraints().encode()).hexdigest()
        return digest(index.links(project))

    def _note(self, job: str, name: str, known: str) -> None:
        with self._lock:
            if job not in self._taken and len(self._taken) >= _MOST_REMEMBERED:
                self._taken.pop(next(iter(self._taken)))
            self._taken.setdefault(job, {})[name] = known

    def close(self) -> None:
        """End downloads in progress; what they have so far is not kept."""
        self._closed.set()
