"""Pipe mode: channels as FIFOs, one for each epoch, that a thread writes while the program reads.

The developer guide ("Common Data Formats for Training", "Using Pipe input mode") has the rules. A program may close a
FIFO early or never open it, and it may put anything in its place: nothing here waits for it, and no link is followed.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import select
import stat
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import final

from harness.contract.layout import Pipe
from harness.engine.jobs.failures import JobFailed
from harness.engine.jobs.piped_data import read_epoch
from harness.kernel import folder_descriptors as descriptors
from harness.stores.objects import BucketMissing, ObjectMissing, ObjectStore

PAUSE = 0.01
"""Seconds between two looks whether the program has opened a FIFO. The kernel tells nobody when that happens."""
_STUCK = 100
"""Milliseconds of a full FIFO after which it is checked whether the job has ended."""
_OPEN = os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_GONE = (errno.ENOENT, errno.ELOOP, errno.EISDIR, errno.EACCES, errno.ETXTBSY, errno.EEXIST, errno.ENOTDIR)


@final
class ChannelPipes:
    """While open, a thread for each channel writes its epochs; ``on_failure`` is called when data cannot be had."""

    def __init__(self, objects: ObjectStore, pipes: Sequence[Pipe], root: Path, on_failure: Callable[[], None]) -> None:
        self.failure: JobFailed | None = None
        self._objects = objects
        self._on_failure = on_failure
        self._root = root
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._feed, args=(pipe,), name=f"pipe-{pipe.channel}", daemon=True)
            for pipe in pipes
        ]
        self._pipes = pipes

    def __enter__(self) -> ChannelPipes:
        for pipe in self._pipes:
            with descriptors.open_below(self._root, pipe.folder.split("/"), make=True) as folder:
                _make_fifo(f"{pipe.channel}_0", folder)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _feed(self, pipe: Pipe) -> None:
        try:
            with descriptors.open_below(self._root, pipe.folder.split("/")) as folder:
                epoch = 0
                while (fifo := self._open(f"{pipe.channel}_{epoch}", folder)) is not None:
                    try:
                        _make_fifo(f"{pipe.channel}_{epoch + 1}", folder)
                        with contextlib.closing(read_epoch(self._objects, pipe, epoch)) as chunks:
                            self._write(fifo, chunks)
                    finally:
                        os.close(fifo)
                    epoch += 1
        except (BucketMissing, ObjectMissing) as error:
            self._fail(f"ClientError: Data download failed for {pipe.channel!r}: {error}")
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            self._fail(f"ClientError: Data download failed for {pipe.channel!r}: an object is not gzip: {error}")
        except OSError as error:
            if error.errno not in _GONE:  # otherwise the program has put something else in the way
                self._fail(f"InternalServerError: channel {pipe.channel!r} cannot be written: {error.strerror}")
        except JobFailed as failure:
            self._fail(failure.reason)

    def _fail(self, reason: str) -> None:
        self.failure = JobFailed(reason)
        self._on_failure()

    def _open(self, name: str, folder: int) -> int | None:
        """Wait until the program has opened the FIFO; return its descriptor, or None when the job has ended."""
        while not self._ended.is_set():
            try:
                fifo = os.open(name, _OPEN, dir_fd=folder)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                self._ended.wait(PAUSE)
                continue
            if stat.S_ISFIFO(os.fstat(fifo).st_mode):
                return fifo
            os.close(fifo)
            return None
        return None

    def _write(self, fifo: int, chunks: Iterator[bytes]) -> None:
        """Write an epoch, or as much of it as the program wants."""
        poll = select.poll()
        poll.register(fifo, select.POLLOUT)
        for chunk in chunks:
            rest = memoryview(chunk)
            while rest:
                if self._ended.is_set():
                    return
                try:
                    rest = rest[os.write(fifo, rest) :]
                except BlockingIOError:
                    poll.poll(_STUCK)
                except BrokenPipeError:  # the program has read enough
                    return


def _make_fifo(name: str, folder: int) -> None:
    """Make a FIFO that every user of the job may read, whatever the emulator's umask."""
    os.mkfifo(name, 0o666, dir_fd=folder)
    made = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        if stat.S_ISFIFO(os.fstat(made).st_mode):
            Path(f"/proc/self/fd/{made}").chmod(0o666)
    finally:
        os.close(made)
