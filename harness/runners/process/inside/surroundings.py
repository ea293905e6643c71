"""The file system a job sees: the host's, read-only, with its own ``/``, ``/opt/ml``, ``/tmp`` and ``/dev``.

A folder of the job's becomes its root; the host's top-level folders are bound into it, so nothing is created on the
host, and what the job writes beside its own folders lands in that folder and goes with it.
"""

from __future__ import annotations

import os
from typing import Any

from . import linux

OLD = "/harness/old"
HOME = "/harness/home"
REPORT = 9
"""The descriptor on which the shell within proot reports the program's exit code."""
_OWN = ("dev", "harness", "opt", "proc", "run", "tmp")
_DEVICES = ("full", "null", "random", "tty", "urandom", "zero")
UNTOUCHABLE = ("/", "/bin", "/dev", "/etc", "/lib", "/lib64", "/opt", "/proc", "/run", "/sbin", "/sys", "/tmp", "/usr")
_GUARDED = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


def build(place: dict[str, Any]) -> None:
    """``place``: ``root`` (the empty folder that becomes ``/``), ``opt_ml``, and (path, real path) pairs in ``mounts``
    (writable, below ``/opt/ml``) and ``show``; ``hide`` are paths."""
    root = place["root"]
    linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
    linux.mount(root, root, None, linux.MS_BIND)
    # Unbindable: a host folder that contains this one can be bound into it without bringing itself along.
    linux.mount(None, root, None, linux.MS_UNBINDABLE)
    os.chmod(root, 0o755)
    _host_folders("/", root, _OWN)
    _devices(root)
    _folders(root)
    linux.pivot_root(root, root + OLD)
    os.chdir("/")
    linux.mount(None, "/", None, linux.MS_PRIVATE)
    if os.path.isdir(OLD + "/opt"):
        _host_folders(OLD + "/opt", "/opt", ("ml",))
    own = ["/", "/opt/ml", "/dev/shm"] + _processes()
    _hide_and_show(place["hide"], place["show"])
    os.makedirs("/opt/ml", exist_ok=True)
    linux.mount(OLD + place["opt_ml"], "/opt/ml", None, linux.MS_BIND | linux.MS_REC)
    for path, real in place["mounts"]:
        _mount(path, OLD + real)
        own.append(path)
    own += _own_files()
    linux.detach(OLD)
    os.rmdir(OLD)
    _read_only_but(own)


def _host_folders(source: str, target: str, without: tuple[str, ...]) -> None:
    """Bind every entry of ``source`` into ``target``: the same folder as seen, without being writable itself."""
    for entry in os.scandir(source):
        if entry.name in without:
            continue
        place = os.path.join(target, entry.name)
        if entry.is_symlink():
            _link(os.readlink(entry.path), place)
        elif entry.is_dir():
            os.makedirs(place, exist_ok=True)
            linux.mount(entry.path, place, None, linux.MS_BIND | linux.MS_REC)
        elif entry.is_file() and source != "/":
            _touch(place)
            linux.mount(entry.path, place, None, linux.MS_BIND)


def _folders(root: str) -> None:
    for name, mode in (("harness", 0o755), ("opt", 0o755), ("proc", 0o555), ("run", 0o755), ("tmp", 0o1777)):
        os.makedirs(os.path.join(root, name), exist_ok=True)
        os.chmod(os.path.join(root, name), mode)
    os.makedirs(root + HOME, exist_ok=True)
    os.makedirs(root + OLD, exist_ok=True)


def _devices(root: str) -> None:
    """A ``/dev`` as containers have it: a job of root must not reach the host's disks."""
    devices = os.path.join(root, "dev")
    os.makedirs(devices, exist_ok=True)
    linux.mount("tmpfs", devices, "tmpfs", linux.MS_NOSUID, "mode=755")
    for name in _DEVICES:
        if os.path.exists("/dev/" + name):
            _touch(os.path.join(devices, name))
            linux.mount("/dev/" + name, os.path.join(devices, name), None, linux.MS_BIND)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(target, os.path.join(devices, name))
    os.mkdir(os.path.join(devices, "shm"))
    linux.mount("tmpfs", devices + "/shm", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=1777")
    os.mkdir(os.path.join(devices, "pts"))
    try:
        linux.mount(
            "devpts", devices + "/pts", "devpts", linux.MS_NOSUID | linux.MS_NOEXEC, "newinstance,ptmxmode=0666"
        )
    except OSError:
        return  # no pseudo-terminals then; containers started without them exist too
    os.symlink("pts/ptmx", os.path.join(devices, "ptmx"))


def _processes() -> list[str]:
    own = ["/proc"]
    try:
        linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    except OSError:
        # In containers that mask parts of /proc a new one would reveal them: the host's is shown then.
        linux.mount(OLD + "/proc", "/proc", None, linux.MS_BIND | linux.MS_REC)
        own = []
    for path in _GUARDED:
        if os.path.exists(path):
            linux.mount(path, path, None, linux.MS_BIND | linux.MS_REC)
    return own


def _hide_and_show(hide: list[str], show: list[list[str]]) -> None:
    """From the outermost path to the innermost, so that what is hidden in something shown stays hidden."""
    steps = [(path, "") for path in hide] + [(path, real) for path, real in show]
    for path, real in sorted(set(steps), key=lambda step: (step[0].count("/"), step[1] != "")):
        if real:
            _show(path, OLD + real)
        elif path not in UNTOUCHABLE and os.path.isdir(path):
            linux.mount("tmpfs", path, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=755")


def _show(path: str, source: str) -> None:
    if not os.path.exists(source):
        return
    if os.path.exists(path):
        if os.path.samestat(os.stat(path), os.stat(source)):
            return
    elif os.path.isdir(source):
        os.makedirs(path)
    else:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        _touch(path)
    linux.mount(source, path, None, linux.MS_BIND | linux.MS_REC)


def _mount(path: str, source: str) -> None:
    if os.path.isdir(source):
        os.makedirs(path, exist_ok=True)
    elif not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        _touch(path)
    linux.mount(source, path, None, linux.MS_BIND | linux.MS_REC)


def _own_files() -> list[str]:
    """Bind the job's own names and temporary folder over the host's."""
    own = []
    for source, target in (("/harness/hosts", "/etc/hosts"), ("/harness/hostname", "/etc/hostname")):
        if os.path.isfile(source) and os.path.isfile(target):
            linux.mount(source, target, None, linux.MS_BIND)
    if os.path.isdir("/var/tmp") and not os.path.islink("/var/tmp"):
        linux.mount("/tmp", "/var/tmp", None, linux.MS_BIND)
        own.append("/var/tmp")
    return own


def _read_only_but(own: list[str]) -> None:
    try:
        linux.set_read_only("/", True, recursive=True)
        for path in own:
            linux.set_read_only(path, False, recursive=False)
    except OSError:
        _read_only_one_by_one(own)


_FLAGS = {
    "ro": linux.MS_RDONLY,
    "nosuid": linux.MS_NOSUID,
    "nodev": linux.MS_NODEV,
    "noexec": linux.MS_NOEXEC,
    "noatime": linux.MS_NOATIME,
    "nodiratime": linux.MS_NODIRATIME,
    "relatime": linux.MS_RELATIME,
}


def _read_only_one_by_one(own: list[str]) -> None:
    """For kernels before 5.12. A user namespace may add a flag to a mount but must repeat those it has."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        lines = [line.split() for line in table]
    for fields in lines:
        path = fields[4].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        flags = linux.MS_REMOUNT | linux.MS_BIND
        for option in fields[5].split(","):
            flags |= _FLAGS.get(option, 0)
        if path in own:
            flags &= ~linux.MS_RDONLY
        else:
            flags |= linux.MS_RDONLY
        try:
            linux.mount(None, path, None, flags)
        except FileNotFoundError:
            continue  # covered by another mount: nobody can reach it


def _link(target: str, path: str) -> None:
    # It is there already when a start was given up half-way and is repeated.
    if not os.path.islink(path):
        os.symlink(target, path)


def _touch(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
