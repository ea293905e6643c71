"""Continuous upload: files of an output folder go to S3 while the program runs, whenever they changed."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from harness.contract.layout import Output
from harness.engine.staging import result_files, upload_result
from harness.stores.objects import ObjectStore

INTERVAL = 1.0


class ContinuousUpload:
    """A context: while open, a thread looks for changed files every second; leaving it makes no last pass (stage out does)."""

    def __init__(self, objects: ObjectStore, outputs: Sequence[Output], root: Path) -> None:
        self._objects = objects
        self._outputs = outputs
        self._root = root
        self._seen: dict[Path, tuple[int, int]] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="continuous-upload", daemon=True)

    def __enter__(self) -> ContinuousUpload:
        if self._outputs:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._outputs:
            self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(INTERVAL):
            for output in self._outputs:
                self._pass(output)

    def _pass(self, output: Output) -> None:
        folder = self._root / output.path
        for file in result_files(folder):
            try:
                facts = file.stat()
                state = (facts.st_mtime_ns, facts.st_size)
                if self._seen.get(file) != state:
                    upload_result(self._objects, file, folder, output.uri)
                    self._seen[file] = state
            except FileNotFoundError:  # the program removed it between the look and the upload
                continue
