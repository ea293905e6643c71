"""The build context of an image: its program folder, the packages of its lock and its Dockerfile.

The archive is reproducible: the same content gives the same bytes, so that the engine's layer cache works.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_NOT_THE_PROGRAM = frozenset({"locks", "__pycache__", "Dockerfile", "README.md"})
_BLOCK = 1024 * 1024


@dataclass(frozen=True)
class OwnImage:
    """An image that harness builds. ``title`` is its display name, ``name`` its name in the engine."""

    title: str
    name: str
    version: str
    folder: Path
    locks: Mapping[str, Path]
    toolkit: Path | None = None
    """The folder that images of frameworks share; it lies beside ``program`` in the image."""
    """Locks by Python version; the version of the SageMaker image comes first."""

    @property
    def python(self) -> str:
        """The Python version of the SageMaker image that it replaces."""
        return next(iter(self.locks))

    @property
    def dockerfile(self) -> Path:
        return self.folder / "Dockerfile"


def program_files(image: OwnImage) -> dict[str, Path]:
    """Return the files of the image's programs, by their path in the build context."""
    folders = {"program": image.folder, **({"toolkit": image.toolkit} if image.toolkit else {})}
    return {
        f"{name}/{path.relative_to(folder).as_posix()}": path
        for name, folder in folders.items()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _NOT_THE_PROGRAM.intersection(path.relative_to(folder).parts)
    }


def content_hash(image: OwnImage, base_id: str) -> str:
    """Return a hash of everything that the image is made of."""
    digest = hashlib.sha256()
    locks = [lock.read_bytes() for lock in image.locks.values()]
    for part in (base_id.encode(), image.version.encode(), *locks, image.dockerfile.read_bytes()):
        digest.update(hashlib.sha256(part).digest())
    for name, path in program_files(image).items():
        digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def archive(image: OwnImage, packages: Path) -> Iterator[bytes]:
    """Yield the build context as a tar archive, made while it is sent, so that packages are not copied on disk."""
    pieces = _Pieces()
    with tarfile.open(fileobj=pieces, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, "Dockerfile", image.dockerfile)
        # The folder must exist even if the image has no program of its own.
        _add_folder(tar, "program")
        for name, path in program_files(image).items():
            _add(tar, name, path)
        yield pieces.take()
        for path in sorted(packages.rglob("*")):
            if path.is_file() and path.name != ".lock":  # a lock file of uv
                _add(tar, f"packages/{path.relative_to(packages).as_posix()}", path)
                if pieces.size >= _BLOCK:
                    yield pieces.take()
    yield pieces.take()


def write_context(image: OwnImage, packages: Path, target: Path) -> None:
    """Write the build context as a folder, for builders other than this machine's engine."""
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(image.dockerfile, target / "Dockerfile")
    (target / "program").mkdir()
    for name, path in program_files(image).items():
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    shutil.copytree(packages, target / "packages")


def _add_folder(tar: tarfile.TarFile, name: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type = tarfile.DIRTYPE
    entry.mode = 0o755
    tar.addfile(entry)


def _add(tar: tarfile.TarFile, name: str, path: Path) -> None:
    entry = tarfile.TarInfo(name)
    status = path.stat()
    entry.size = status.st_size
    # Fixed mode, owner and time: every user of the container can read it, and the archive is reproducible.
    entry.mode = 0o755 if status.st_mode & 0o100 else 0o644
    with path.open("rb") as file:
        tar.addfile(entry, file)


class _Pieces(io.RawIOBase):
    """A buffer that the tar writer writes to."""

    def __init__(self) -> None:
        self._kept: list[bytes] = []
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._kept.append(piece)
        self.size += len(piece)
        return len(piece)

    def take(self) -> bytes:
        whole = b"".join(self._kept)
        self._kept.clear()
        self.size = 0
        return whole
