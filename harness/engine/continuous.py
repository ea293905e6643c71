"""Continuous upload: files of an output folder go to S3 while the program runs, whenever they changed."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from harness.contract.layout import Output
from harness.engine.staging import output_files, result_uri, upload_result
from harness.stores.objects import BucketMissing, ObjectStore

INTERVAL = 1.0

State = tuple[int, int]
"""Of a file: when it changed, its size."""

log = logging.getLogger(__name__)


class ContinuousUpload:
    """While open, a thread looks for changed files every second; leaving it uploads nothing more (stage out does).

    What cannot be uploaded now is tried again with the next pass; the last one, of stage out, tells what is wrong.
    """

    def __init__(self, objects: ObjectStore, outputs: Sequence[Output], root: Path) -> None:
        self._objects = objects
        self._outputs = outputs
        self._root = root
        self._seen = {output: self._found(output) for output in outputs}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="continuous-upload", daemon=True)

    def __enter__(self) -> None:
        if self._outputs:
            self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._outputs:
            self._thread.join()
            for output in self._outputs:
                self._in_peace(output, lambda output: self._remove_gone(output, self._found(output)))

    def _watch(self) -> None:
        while not self._ended.wait(INTERVAL):
            for output in self._outputs:
                self._in_peace(output, self._pass)

    @staticmethod
    def _in_peace(output: Output, step: Callable[[Output], None]) -> None:
        try:
            step(output)
        except (BucketMissing, OSError) as error:
            log.warning("continuous upload to %s: %s", output.uri, error)

    def _pass(self, output: Output) -> None:
        found = self._found(output)
        for file, state in found.items():
            if self._seen[output].get(file) != state:
                try:
                    upload_result(self._objects, file, self._root, output)
                except FileNotFoundError:  # the program removed it between the look and the upload
                    continue
        self._remove_gone(output, found)
        self._seen[output] = found

    def _remove_gone(self, output: Output, found: Mapping[Path, State]) -> None:
        if output.mirror:
            for file in self._seen[output].keys() - found.keys():
                self._objects.delete(result_uri(file, self._root, output))

    def _found(self, output: Output) -> dict[Path, State]:
        found = {}
        for file in output_files(self._root, output):
            with contextlib.suppress(FileNotFoundError):
                facts = file.stat()
                found[file] = (facts.st_mtime_ns, facts.st_size)
        return found
