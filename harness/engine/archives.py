"""``model.tar.gz``: packing results, and unpacking archives that may be hostile."""

from __future__ import annotations

import errno
import shutil
import stat
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from harness.engine.failures import JobFailed

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


def pack(folder: Path, files: Iterable[Path], archive: Path) -> None:
    """The folder's files at the top level of a gzipped tar. Level 6: models barely shrink further."""
    with tarfile.open(archive, "w:gz", compresslevel=6) as tar:
        for file in files:
            tar.add(file, arcname=file.relative_to(folder).as_posix(), recursive=False, filter=_of_a_container)


def _of_a_container(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """As a container's root leaves it, whoever the job was on this host; without setuid and setgid."""
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mode &= ~(stat.S_ISUID | stat.S_ISGID)
    return member


def unpack(archive: Path, folder: Path, name: str) -> None:
    """Extract a model archive below ``folder``.

    Refused as a whole, before anything is written, when it is no gzipped tar, holds no file, or has a member that is
    absolute, climbs out with ``..``, links to a place outside, or is a device.
    """
    try:
        with tarfile.open(archive, "r:*") as tar:
            members = tar.getmembers()
            for member in members:
                _refuse_hostile(member, name)
            if not any(member.isreg() for member in members):
                raise JobFailed(f"ClientError: Model archive {name} holds no file")
            for member in members:
                _extract_told(tar, member, folder, name)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        if isinstance(error, OSError) and not isinstance(error, tarfile.ReadError) and error.errno is not None:
            raise
        raise JobFailed(f"ClientError: Model data {name} is not a tar.gz archive: {error}") from error


def _refuse_hostile(member: tarfile.TarInfo, name: str) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise JobFailed(f"ClientError: Model archive {name} has a member outside its own folder: {member.name!r}")
    if member.issym() or member.islnk():
        base = path.parent if member.issym() else PurePosixPath()
        if _climbs_out(base / member.linkname):
            raise JobFailed(
                f"ClientError: Model archive {name}: {member.name!r} links outside its folder: {member.linkname!r}"
            )
    elif not (member.isreg() or member.isdir()):
        raise JobFailed(f"ClientError: Model archive {name}: {member.name!r} is neither a file nor a folder")


def _climbs_out(path: PurePosixPath) -> bool:
    depth = 0
    for part in path.parts:
        depth += -1 if part == ".." else 0 if part == "." else 1
        if depth < 0:
            return True
    return path.is_absolute()


def _extract_told(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, name: str) -> None:
    """A member that clashes with another, or can be no file, is named in place of the path here that it came to."""
    try:
        _extract(tar, member, folder)
    except KeyError as error:
        raise JobFailed(
            f"ClientError: Model archive {name}: {member.name!r} links to {member.linkname!r}, which it does not hold"
        ) from error
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, OSError) and error.errno not in _OF_THE_MEMBER:
            raise
        why = error.strerror if isinstance(error, OSError) else error
        raise JobFailed(
            f"ClientError: Model archive {name}: {member.name[:200]!r} cannot be unpacked: {why}"
        ) from error


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Owner and special bits of the archive are ignored: files belong to the user, folders stay removable."""
    target = folder / member.name
    # Links that point at links can climb although each alone does not: what really lies there decides.
    place = target.parent / member.linkname if member.issym() else target
    if not place.resolve().is_relative_to(folder.resolve()):
        raise JobFailed(f"ClientError: Model archive has a member outside its own folder: {member.name!r}")
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or target.exists():
        target.unlink()
    if member.issym():
        target.symlink_to(member.linkname)
        return
    source = tar.extractfile(member)
    if source is None:
        return
    with source, target.open("wb") as out:
        shutil.copyfileobj(source, out, 1 << 20)
    target.chmod(0o755 if member.mode & 0o100 else 0o644)
