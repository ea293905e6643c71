"""Linux system calls that Python does not provide, through ctypes. They raise ``OSError`` on failure."""

from __future__ import annotations

import ctypes
import os
import platform

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_NOATIME = 1024
MS_NODIRATIME = 2048
MS_BIND = 4096
MS_REC = 16384
MS_UNBINDABLE = 1 << 17
MS_PRIVATE = 1 << 18
MS_RELATIME = 1 << 21

_MNT_DETACH = 2
_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_READ = 23
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_DUMPABLE = 4
_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_AT_RECURSIVE = 0x8000
_MOUNT_ATTR_RDONLY = 0x1
_MOUNT_ATTR_NOSUID = 0x2
_MOUNT_ATTR_IDMAP = 0x100000
_OPEN_TREE_CLONE = 1
_MOVE_MOUNT_F_EMPTY_PATH = 4
# System calls since Linux 5.1 have the same number on every architecture.
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_KEYCTL = {"x86_64": 250, "aarch64": 219}
_JOIN_SESSION_KEYRING = 1
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_MODE_FILTER = 1
_ALLOW_SPECULATION = 4
"""Without it, kernels before 5.16 run the whole program with a slow protection against its own code (Linux 4.17)."""
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> int:
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def _text(value: str | None) -> bytes | None:
    return None if value is None else os.fsencode(value)


def unshare(flags: int) -> None:
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def mount(source: str | None, target: str, kind: str | None = None, flags: int = 0, data: str | None = None) -> None:
    result = _libc.mount(_text(source), _text(target), _text(kind), ctypes.c_ulong(flags), _text(data))
    _check(result, f"mount {target}")


def detach(target: str) -> None:
    _check(_libc.umount2(_text(target), ctypes.c_int(_MNT_DETACH)), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    _check(_libc.pivot_root(_text(new), _text(old)), f"pivot_root {new}")


class _MountAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns")]


def set_read_only(path: str, on: bool, recursive: bool) -> None:
    """Make a mount (and those below it) read-only or writable, by ``mount_setattr`` (Linux 5.12).

    It leaves the other flags of a mount alone, as user namespaces demand.
    """
    flag = _MOUNT_ATTR_RDONLY
    attributes = _MountAttributes(flag, 0, 0, 0) if on else _MountAttributes(0, flag, 0, 0)
    _set_attributes(_AT_FDCWD, path, _AT_RECURSIVE if recursive else 0, attributes)


def ignore_setuid(path: str) -> None:
    """Make the kernel ignore setuid and setgid bits of files in this mount and all below it."""
    _set_attributes(_AT_FDCWD, path, _AT_RECURSIVE, _MountAttributes(_MOUNT_ATTR_NOSUID, 0, 0, 0))


def clone_mount(path: str) -> int:
    """Copy the mounts at and below a path; return a descriptor of the copy, which is not mounted yet (Linux 5.12).

    The copy is private: what is mounted in it later does not show on the host.
    """
    flags = _OPEN_TREE_CLONE | _AT_RECURSIVE | os.O_CLOEXEC
    call = ctypes.c_long(_OPEN_TREE)
    result = _libc.syscall(call, ctypes.c_int(_AT_FDCWD), _text(path), ctypes.c_uint(flags))
    descriptor = _check(result, f"open_tree {path}")
    try:
        _set_attributes(descriptor, "", _AT_EMPTY_PATH | _AT_RECURSIVE, _MountAttributes(0, 0, MS_PRIVATE, 0))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def map_owners(mount: int, user_namespace: int) -> None:
    """Show the files of a mount that was just cloned as owned by the users whom the namespace maps their owners to."""
    attributes = _MountAttributes(_MOUNT_ATTR_IDMAP, 0, 0, user_namespace)
    _set_attributes(mount, "", _AT_EMPTY_PATH | _AT_RECURSIVE, attributes)


def attach_mount(mount: int, target: str) -> None:
    """Mount a clone at a path."""
    result = _libc.syscall(
        ctypes.c_long(_MOVE_MOUNT),
        ctypes.c_int(mount),
        b"",
        ctypes.c_int(_AT_FDCWD),
        _text(target),
        ctypes.c_uint(_MOVE_MOUNT_F_EMPTY_PATH),
    )
    _check(result, f"move_mount {target}")


def _set_attributes(folder: int, path: str, flags: int, attributes: _MountAttributes) -> None:
    result = _libc.syscall(
        ctypes.c_long(_MOUNT_SETATTR),
        ctypes.c_int(folder),
        _text(path),
        ctypes.c_uint(flags),
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    _check(result, f"mount_setattr {path}")


def join_namespace(descriptor: int, kind: int) -> None:
    """Enter a namespace, of which ``kind`` is the flag that would make a new one."""
    _check(_libc.setns(ctypes.c_int(descriptor), ctypes.c_int(kind)), "setns")


def allow_own_inspection() -> None:
    """Let this process read its own ``/proc/self``, which a change of its user had forbidden."""
    _prctl(_PR_SET_DUMPABLE, 1)


def die_with_parent(signal: int) -> None:
    _prctl(_PR_SET_PDEATHSIG, signal)


def become_subreaper() -> None:
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def set_host_name(name: str) -> None:
    encoded = name.encode()
    _check(_libc.sethostname(encoded, ctypes.c_size_t(len(encoded))), "sethostname")


def leave_keyrings() -> None:
    """Join a new session keyring, so that this process and its children cannot use the keys of the emulator's user.

    Errors are ignored: kernels without keyrings, and containers that forbid them, have no keys to hide.
    """
    if platform.machine() in _KEYCTL:
        _libc.syscall(ctypes.c_long(_KEYCTL[platform.machine()]), ctypes.c_long(_JOIN_SESSION_KEYRING), None)


def never_gain_privileges() -> None:
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def filter_calls(program: ctypes.Structure) -> None:
    """Install a seccomp filter for this process and all processes that it starts."""
    call, flags = ctypes.c_long(_SECCOMP[platform.machine()]), ctypes.c_ulong(_ALLOW_SPECULATION)
    result = _libc.syscall(call, ctypes.c_ulong(_SET_MODE_FILTER), flags, ctypes.byref(program))
    _check(result, "seccomp")


def _prctl(option: int, value: int) -> int:
    zero = ctypes.c_ulong(0)
    return _check(_libc.prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero), "prctl")


class _CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapabilityData(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


def keep_capabilities(kept: frozenset[int]) -> None:
    """Give up every capability but ``kept``, for this process and all it starts, set-uid programs included."""
    never_gain_privileges()
    for number in range(64):
        if number in kept:
            continue
        try:
            if _prctl(_PR_CAPBSET_READ, number):
                _prctl(_PR_CAPBSET_DROP, number)
        except OSError:
            break  # after the last capability of this kernel
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    data = (_CapabilityData * 2)()
    _check(_libc.capget(ctypes.byref(header), ctypes.byref(data)), "capget")
    for word in (0, 1):
        mask = sum(1 << (number - 32 * word) for number in kept if number // 32 == word)
        data[word].permitted &= mask
        data[word].effective = data[word].permitted
        data[word].inheritable = 0
    _check(_libc.capset(ctypes.byref(header), ctypes.byref(data)), "capset")
