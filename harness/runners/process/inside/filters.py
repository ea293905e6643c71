"""A seccomp filter that makes system calls fail whose paths proot does not translate.

Callers (glibc, Rust's library, coreutils) then use older calls, which proot translates. Without the filter, ``ls`` and
polars do not see existing files.
"""

from __future__ import annotations

import ctypes
import errno
import platform

from . import linux

# renameat2, statx, openat2, faccessat2, fchmodat2, by architecture: the first two have different numbers on each.
_COMMON = (437, 439, 452)
_CALLS = {"x86_64": (0xC000003E, (316, 332)), "aarch64": (0xC00000B7, (276, 291))}

_LOAD = 0x20
_JUMP_IF_EQUAL = 0x15
_RETURN = 0x06
_NUMBER, _ARCHITECTURE = 0, 4
_ALLOW = 0x7FFF0000
_FAIL = 0x00050000


class _Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction))]


def refuse_untranslated_calls() -> None:
    if platform.machine() in _CALLS:
        refuse(_CALLS[platform.machine()][1] + _COMMON, errno.ENOSYS)


def refuse(calls: tuple[int, ...], error: int) -> None:
    """Make system calls (by number) fail with ``error``, for this process and all processes that it starts."""
    architecture = _CALLS[platform.machine()][0]
    steps = [(_LOAD, 0, 0, _ARCHITECTURE), (_JUMP_IF_EQUAL, 0, len(calls) + 1, architecture), (_LOAD, 0, 0, _NUMBER)]
    steps += [(_JUMP_IF_EQUAL, len(calls) - position, 0, call) for position, call in enumerate(calls)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _FAIL | error)]
    linux.never_gain_privileges()
    linux.filter_calls(_Program(len(steps), (_Instruction * len(steps))(*steps)))
