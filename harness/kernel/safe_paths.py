"""Makes paths from untrusted names: S3 keys, archive members, manifest entries, channel names.

Every such name becomes a path through ``safe_parts`` and nowhere else; ``tests/test_safe_paths.py`` lists the callers.
"""

from __future__ import annotations

from pathlib import Path

LONGEST_PART = 255
"""The most bytes that common file systems allow for one part of a path."""
MOST_PARTS = 512
"""The most parts of a path. An S3 key has at most 1,024 bytes, so no key has more parts than this."""


class UnsafeName(ValueError):
    """A name that cannot be used as a path below a folder. The message says why, without naming the folder."""


def safe_parts(name: str) -> tuple[str, ...]:
    """Return the parts of the path ``name``; empty for the folder itself.

    Empty parts and parts ``.`` are dropped, so an absolute path is treated as a relative one. Raises ``UnsafeName`` for
    a part ``..``, a NUL, text that is not valid UTF-8, a part that is too long for a file system, and too many parts.
    """
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts:
        raise UnsafeName("it has a part '..', which is no file's name")
    if "\0" in name:
        raise UnsafeName("it has a NUL character")
    if len(parts) > MOST_PARTS:
        raise UnsafeName(f"it has {len(parts)} parts, and a path here has at most {MOST_PARTS}")
    try:
        longest = max((len(part.encode()) for part in parts), default=0)
    except UnicodeEncodeError:
        raise UnsafeName("it is not valid UTF-8") from None
    if longest > LONGEST_PART:
        raise UnsafeName(
            f"File name too long: a part of it has {longest} bytes, and the name of a file has at most {LONGEST_PART}"
        )
    return parts


def below(folder: Path, name: str) -> Path:
    """Return the path of ``name`` below ``folder``. Raises ``UnsafeName``, also for a name without any part."""
    parts = safe_parts(name)
    if not parts:
        raise UnsafeName("it names no file")
    return folder.joinpath(*parts)
