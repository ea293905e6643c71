"""Seccomp filters: system calls whose paths proot does not translate, and sockets to the host of a virtual machine."""

from __future__ import annotations

import ctypes
import errno
import platform
from typing import Tuple

from . import linux

# renameat2, statx, openat2, faccessat2, fchmodat2, by architecture: the first two have different numbers on each.
_COMMON = (437, 439, 452)
_CALLS = {"x86_64": (0xC000003E, (316, 332)), "aarch64": (0xC00000B7, (276, 291))}

_FAMILY_OF_THE_HOST = 40  # AF_VSOCK
_IO_URING_SETUP = 425  # it can make sockets past a filter of system calls
# Architecture -> numbers of ``socket``, and of ``socketcall``, whose arguments a filter cannot read (32-bit x86).
_SOCKET_CALLS = {
    "x86_64": ((0xC000003E, 41, None), (0x40000003, 359, 102)),
    "aarch64": ((0xC00000B7, 198, None), (0x40000028, 281, None)),
}
_X32 = 0x40000000
"""Numbers from here on belong to a third set of calls of x86_64, which hardly any kernel has."""

_LOAD = 0x20
_JUMP_IF_EQUAL = 0x15
_JUMP_IF_LEAST = 0x35
_RETURN = 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW = 0x7FFF0000
_FAIL = 0x00050000


_Step = Tuple[int, int, int, int]
"""Code, how many steps to jump over if true, if false, value."""


class _Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction))]


def refuse_untranslated_calls() -> None:
    """Make calls fail whose paths proot does not translate.

    Callers (glibc, Rust's library, coreutils) then use older calls, which proot translates. Without the filter, ``ls``
    and polars do not see existing files.
    """
    if platform.machine() in _CALLS:
        refuse(_CALLS[platform.machine()][1] + _COMMON, errno.ENOSYS)


def refuse_host_sockets() -> None:
    """Make sockets of the family AF_VSOCK fail, as in Docker: they reach the host of a virtual machine.

    They belong to no network namespace.
    """
    calls = _SOCKET_CALLS.get(platform.machine())
    if calls is None:
        return
    blocks = [_block(*call) for call in calls]
    try:
        _install([step for block in blocks for step in block] + [(_RETURN, 0, 0, _ALLOW)])
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS):  # a kernel without filters
            raise


def _block(architecture: int, socket: int, socketcall: int | None) -> list[_Step]:
    """Return the steps for one architecture; they pass on to what follows if the call is of another one."""
    refused = _FAIL | errno.EAFNOSUPPORT
    steps = [
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_IF_EQUAL, 0, 1, _IO_URING_SETUP),
        (_RETURN, 0, 0, _FAIL | errno.ENOSYS),
        (_JUMP_IF_EQUAL, 0, 3, socket),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_JUMP_IF_EQUAL, 0, 1, _FAMILY_OF_THE_HOST),
        (_RETURN, 0, 0, refused),
    ]
    for number in (socketcall,) if socketcall is not None else ():
        steps += [(_LOAD, 0, 0, _NUMBER), (_JUMP_IF_EQUAL, 0, 3, number), (_LOAD, 0, 0, _FIRST_ARGUMENT)]
        steps += [(_JUMP_IF_EQUAL, 0, 1, 1), (_RETURN, 0, 0, refused)]
    if architecture == _CALLS["x86_64"][0]:
        steps += [(_LOAD, 0, 0, _NUMBER), (_JUMP_IF_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _FAIL | errno.ENOSYS)]
    steps.append((_RETURN, 0, 0, _ALLOW))
    return [(_LOAD, 0, 0, _ARCHITECTURE), (_JUMP_IF_EQUAL, 0, len(steps), architecture), *steps]


def refuse(calls: tuple[int, ...], error: int) -> None:
    """Make system calls (by number) fail with ``error``, for this process and all processes that it starts."""
    architecture = _CALLS[platform.machine()][0]
    steps = [(_LOAD, 0, 0, _ARCHITECTURE), (_JUMP_IF_EQUAL, 0, len(calls) + 1, architecture), (_LOAD, 0, 0, _NUMBER)]
    steps += [(_JUMP_IF_EQUAL, len(calls) - position, 0, call) for position, call in enumerate(calls)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _FAIL | error)]
    _install(steps)


def _install(steps: list[_Step]) -> None:
    linux.never_gain_privileges()
    linux.filter_calls(_Program(len(steps), (_Instruction * len(steps))(*steps)))
