"""What an image is built from: its program folder, the packages of its lock, its Dockerfile. Knows no engine.

The archive is the same for the same content, whoever makes it: the engine's layer cache and our own hash rely on it.
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
    """An image of ours. ``title`` is what people call it, ``name`` its name in the engine."""

    title: str
    name: str
    version: str
    folder: Path
    locks: Mapping[str, Path]
    """By the Python that each is made for, the image's own first."""

    @property
    def python(self) -> str:
        """The Python of the image it stands for."""
        return next(iter(self.locks))

    @property
    def dockerfile(self) -> Path:
        return self.folder / "Dockerfile"


def program_files(folder: Path) -> dict[str, Path]:
    """The files that a container gets as its program, by their path in it."""
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _NOT_THE_PROGRAM.intersection(path.relative_to(folder).parts)
    }


def content_hash(image: OwnImage, base_id: str) -> str:
    """Changes when anything does that the image is made of."""
    digest = hashlib.sha256()
    locks = [lock.read_bytes() for lock in image.locks.values()]
    for part in (base_id.encode(), image.version.encode(), *locks, image.dockerfile.read_bytes()):
        digest.update(hashlib.sha256(part).digest())
    for name, path in program_files(image.folder).items():
        digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def archive(image: OwnImage, packages: Path) -> Iterator[bytes]:
    """The build context as a tar, made while it is sent: no second copy of the packages lies on the disk."""
    pieces = _Pieces()
    with tarfile.open(fileobj=pieces, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, "Dockerfile", image.dockerfile)
        # Even with nothing in it: an image may have no program of its own.
        _add_folder(tar, "program")
        for name, path in program_files(image.folder).items():
            _add(tar, f"program/{name}", path)
        yield pieces.taken()
        for path in sorted(packages.rglob("*")):
            if path.is_file() and path.name != ".lock":  # uv's own
                _add(tar, f"packages/{path.relative_to(packages).as_posix()}", path)
                if pieces.size >= _BLOCK:
                    yield pieces.taken()
    yield pieces.taken()


def write_context(image: OwnImage, packages: Path, target: Path) -> None:
    """The context as a folder, for builders that are not the engine of this machine."""
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(image.dockerfile, target / "Dockerfile")
    (target / "program").mkdir()
    for name, path in program_files(image.folder).items():
        place = target / "program" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    shutil.copytree(packages, target / "packages")


def _add_folder(tar: tarfile.TarFile, name: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type = tarfile.DIRTYPE
    entry.mode = 0o755
    tar.addfile(entry)


def _add(tar: tarfile.TarFile, name: str, path: Path) -> None:
    entry = tarfile.TarInfo(name)
    found = path.stat()
    entry.size = found.st_size
    # Nobody's umask, owner or clock: whoever runs the container can read it.
    entry.mode = 0o755 if found.st_mode & 0o100 else 0o644
    with path.open("rb") as file:
        tar.addfile(entry, file)


class _Pieces(io.RawIOBase):
    """What the tar writer writes, until it is taken."""

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

    def taken(self) -> bytes:
        whole = b"".join(self._kept)
        self._kept.clear()
        self.size = 0
        return whole
