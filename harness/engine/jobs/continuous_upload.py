"""Continuous upload: files of an output folder go to S3 while the program runs, whenever they changed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from harness.contract.layout import Output
from harness.engine.jobs.failures import JobFailed
from harness.engine.jobs.staging import output_files, result_uri, upload_result
from harness.kernel.job_files import JobFile
from harness.stores.objects import BucketMissing, ObjectStore

INTERVAL = 1.0

log = logging.getLogger(__name__)


class ContinuousUpload:
    """While open, a thread looks for changed files every second; leaving it uploads nothing more (stage out does).

    What cannot be uploaded now is tried again with the next pass; the last one, of stage out, tells what is wrong.
    """

    def __init__(self, objects: ObjectStore, outputs: Sequence[Output], root: Path) -> None:
        self._objects = objects
        self._outputs = outputs
        self._root = root
        self._seen = {output: self._find_files(output) for output in outputs}
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
                self._in_peace(output, lambda output: self._remove_gone(output, self._find_files(output)))

    def _watch(self) -> None:
        while not self._ended.wait(INTERVAL):
            for output in self._outputs:
                self._in_peace(output, self._pass)

    @staticmethod
    def _in_peace(output: Output, step: Callable[[Output], None]) -> None:
        try:
            step(output)
        except (BucketMissing, JobFailed, OSError) as error:
            log.warning("continuous upload to %s: %s", output.uri, error)

    def _pass(self, output: Output) -> None:
        files = self._find_files(output)
        for name, file in files.items():
            if self._seen[output].get(name) != file:
                upload_result(self._objects, file, output)
        self._remove_gone(output, files)
        self._seen[output] = files

    def _remove_gone(self, output: Output, files: Mapping[str, JobFile]) -> None:
        if output.mirror:
            for name in self._seen[output].keys() - files.keys():
                self._objects.delete(result_uri(self._seen[output][name], output))

    def _find_files(self, output: Output) -> dict[str, JobFile]:
        return {file.name: file for file in output_files(self._root, output)}
