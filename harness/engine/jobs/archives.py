"""``model.tar.gz``: packing results, and unpacking archives that may be hostile."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
import stat
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

from harness.engine.jobs.failures import JobFailed
from harness.engine.jobs.member_paths import LinksOutside, MemberPaths
from harness.kernel.job_files import MODES
from harness.kernel.safe_paths import UnsafeName, safe_parts
from harness.kernel.unpacking import BLOCK, LimitedStream, TooLarge, check_size, unpacked_limit

MOST_MEMBERS = 100_000
"""Members of an archive. Each takes a kilobyte of memory, and an empty one nothing of the packed archive."""
_OF_THE_MEMBER = (
    errno.EEXIST,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ELOOP,
    errno.EINVAL,
    errno.EILSEQ,
)
"""What the system says of a name that can be no file here; anything else is no fault of the archive."""
_DAMAGED = (
    tarfile.TarError,
    EOFError,
    OSError,
    zlib.error,
    ValueError,
    ArithmeticError,
    LookupError,
    RecursionError,
)
"""What reading an archive raises that is none, or whose headers were made to break a reader."""


def pack(files: Iterable[tuple[str, BinaryIO | None]], archive: BinaryIO) -> None:
    """Write open files by their names into a gzipped tar, and close them. None stands for a file that is gone.

    Level 6: models barely shrink further. Members belong to root, as a container leaves them, whoever ran the job
    here. Modes are kept, less set-user-id, set-group-id and sticky.
    """
    with tarfile.open(fileobj=archive, mode="w:gz", compresslevel=6) as tar:
        for name, stream in files:
            if stream is not None:
                with stream:
                    member = tar.gettarinfo(arcname=name, fileobj=stream)
                    member.mode &= MODES
                    member.uid = member.gid = 0
                    member.uname = member.gname = "root"
                    tar.addfile(member, stream)


def unpack(archive: Path, folder: Path, name: str) -> None:
    """Extract a model archive below ``folder``.

    Refused as a whole, before anything is written, when it is no gzipped tar, holds no file, unpacks to more than the
    limit, or has a member that is absolute, climbs out with ``..``, links to a place outside, or is a device.
    """
    limit = unpacked_limit(archive.stat().st_size, folder)
    try:
        # Twice the limit: of a sparse file, which may be smaller than its data, the data are passed over.
        with gzip.open(archive) as unpacked:
            stream = LimitedStream(unpacked, 2 * limit + BLOCK)
            with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r:") as tar:
                members = list(_checked_members(tar, name, limit))
                stream.headers_left = None
                if not any(member.isreg() for member in members):
                    raise JobFailed(f"ClientError: Model archive {name} holds no file")
                places = MemberPaths(folder)
                for member in members:
                    _extract_named(tar, member, places, name)
    except TooLarge as error:
        raise JobFailed(f"ClientError: Model archive {name} is too large: {error}") from error
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise JobFailed(f"ClientError: Model data {name} is not a tar.gz archive: {error}") from error


def _checked_members(tar: tarfile.TarFile, name: str, limit: int) -> Iterator[tarfile.TarInfo]:
    """Yield the members as they are read, each checked, so that an archive is refused by what it claims."""
    size = 0
    for number, member in enumerate(tar, start=1):
        if number > MOST_MEMBERS:
            raise TooLarge(f"it has more than {MOST_MEMBERS:,} members")
        _refuse_hostile(member, name)
        size += member.size
        check_size(size, limit)
        yield member


def _refuse_hostile(member: tarfile.TarInfo, name: str) -> None:
    if member.size < 0:
        raise JobFailed(f"ClientError: Model archive {name}: {member.name[:200]!r} has a size below 0")
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise JobFailed(f"ClientError: Model archive {name} has a member outside its own folder: {member.name[:200]!r}")
    try:
        parts = safe_parts(member.name)
    except UnsafeName as error:
        text = f"{member.name[:200]!r} cannot be a file: {error}"
        raise JobFailed(f"ClientError: Model archive {name}: {text}") from error
    if not parts and not member.isdir():
        raise JobFailed(f"ClientError: Model archive {name}: {member.name!r} is the folder itself, and no folder")
    if member.issym() or member.islnk():
        base = path.parent if member.issym() else PurePosixPath()
        if _climbs_out(base / member.linkname):
            raise JobFailed(
                f"ClientError: Model archive {name}: {member.name[:200]!r} links outside its folder: "
                f"{member.linkname[:200]!r}"
            )
    elif not (member.isreg() or member.isdir()):
        raise JobFailed(f"ClientError: Model archive {name}: {member.name[:200]!r} is neither a file nor a folder")


def _climbs_out(path: PurePosixPath) -> bool:
    depth = 0
    for part in path.parts:
        depth += -1 if part == ".." else 0 if part == "." else 1
        if depth < 0:
            return True
    return path.is_absolute()


def _extract_named(tar: tarfile.TarFile, member: tarfile.TarInfo, places: MemberPaths, name: str) -> None:
    """Extract a member. One that clashes with another, or can be no file, is named and not the path that it came to."""
    try:
        if safe_parts(member.name):
            _extract(tar, member, places)
    except FileNotFoundError as error:
        if not member.islnk():
            raise
        raise JobFailed(
            f"ClientError: Model archive {name}: {member.name[:200]!r} links to {member.linkname[:200]!r}, "
            "which it does not hold"
        ) from error
    except LinksOutside as error:
        raise JobFailed(
            f"ClientError: Model archive {name} has a member outside its own folder: {member.name[:200]!r}"
        ) from error
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno not in _OF_THE_MEMBER:
            raise
        why = error.strerror if isinstance(error, OSError) else error
        raise JobFailed(
            f"ClientError: Model archive {name}: {member.name[:200]!r} cannot be unpacked: {why}"
        ) from error


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, places: MemberPaths) -> None:
    """Owner and special bits of the archive are ignored: files belong to the user, folders stay removable."""
    parts = safe_parts(member.name)
    # Links that point at links can climb although each alone does not: what really lies there decides.
    if member.isdir():
        places.folder(parts)
        return
    target = places.folder(parts[:-1]) / parts[-1]
    if member.islnk():
        _link(places.find(safe_parts(member.linkname)), target, member, places)
        return
    if member.issym():
        places.find((*parts[:-1], *member.linkname.split("/")))
    _remove(target, places)
    if member.issym():
        target.symlink_to(member.linkname)
        places.forget()
        return
    source = tar.extractfile(member)
    if source is None:
        return
    with source, target.open("wb") as out:
        shutil.copyfileobj(source, out, BLOCK)
        os.fchmod(out.fileno(), 0o755 if member.mode & 0o100 else 0o644)


def _link(real: Path, target: Path, member: tarfile.TarInfo, places: MemberPaths) -> None:
    """Make a hard link, as tar does: a copy for each would make an archive of any size of a small one."""
    if not stat.S_ISREG(real.lstat().st_mode):
        raise ValueError(f"{member.linkname[:200]!r} is no file")
    if target.exists() and target.samefile(real):
        return
    _remove(target, places)
    os.link(real, target)


def _remove(target: Path, places: MemberPaths) -> None:
    try:
        is_link = stat.S_ISLNK(target.lstat().st_mode)
    except FileNotFoundError:
        return
    target.unlink()
    if is_link:
        places.forget()
