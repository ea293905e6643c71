"""The file system of a job: the host's system folders, read-only, and its own ``/``, ``/opt/ml``, ``/tmp``, ``/dev``.

A folder of the job becomes its root, and the host's system folders are bound into it. Nothing is created on the host:
what the job writes outside its folders is deleted with that root folder. The host's homes, projects, data and sockets
are not visible.
"""

from __future__ import annotations

import os
import stat
from typing import Any

from . import linux, sources

OLD = "/harness/old"
HOME = "/harness/home"
PACKAGES = "/harness/packages"
"""Where the writable layers of Python environments lie: what a job installs is there, and goes with the job."""
REPORT = 9
"""The descriptor on which the shell within proot reports the program's exit code."""
SYSTEM = ("bin", "etc", "gnu", "lib", "lib32", "lib64", "libx32", "nix", "sbin", "sys", "usr")
"""The host's top-level folders that programs need; ``/opt`` consists of the host's entries and ``/opt/ml``."""
VAR_FOLDERS = ("/var/lib/ca-certificates", "/var/lib/dpkg")
"""Folders in the host's ``/var`` that programs need."""
_DEVICES = ("full", "null", "random", "tty", "urandom", "zero")
UNTOUCHABLE = ("/", "/bin", "/dev", "/etc", "/lib", "/lib64", "/opt", "/proc", "/run", "/sbin", "/sys", "/tmp", "/usr")
_GUARDED = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_NEVER_BOUND = ("/tmp", "/run", "/mnt", "/srv", "/home")


def build(filesystem: dict[str, Any], host: sources.Sources, sockets: list[str]) -> None:
    """Build the job's file system and make it the root of this process.

    ``host`` contains the opened sources by path. ``filesystem`` has (path, real path) pairs of ``mounts`` and ``show``,
    and the paths to ``hide``.
    """
    linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
    # The job's user may not be able to reach the job's root by path, so it is mounted over a top-level folder.
    root = next(path for path in _NEVER_BOUND if os.path.isdir(path) and not os.path.islink(path))
    host[sources.ROOT].mount(root)
    # Unbindable, so that binding a host folder that contains this one does not include it recursively.
    linux.mount(None, root, None, linux.MS_UNBINDABLE)
    os.chmod(root, 0o755)
    _host_folders("/", root, SYSTEM)
    _devices(root)
    _folders(root)
    linux.pivot_root(root, root + OLD)
    os.chdir("/")
    linux.mount(None, "/", None, linux.MS_PRIVATE)
    if os.path.isdir(OLD + "/opt"):
        _host_folders(OLD + "/opt", "/opt", [name for name in os.listdir(OLD + "/opt") if name != "ml"])
    for path in VAR_FOLDERS:
        if os.path.isdir(OLD + path):
            os.makedirs(path, exist_ok=True)
            linux.mount(OLD + path, path, None, linux.MS_BIND | linux.MS_REC)
    own = ["/", "/opt/ml", "/dev/shm"] + _processes()
    _hide_and_show(filesystem["hide"], {path: host[path] for path, _ in filesystem["show"] if path in host})
    own += _overlays([(path, host[sources.LOWER + path]) for path in filesystem["overlays"]])
    _cover_sockets(sockets)
    os.makedirs("/opt/ml", exist_ok=True)
    host[sources.OPT_ML].mount("/opt/ml")
    for path, _ in filesystem["mounts"]:
        _mount(path, host[path])
        own.append(path)
    own += _own_files()
    linux.detach(OLD)
    os.rmdir(OLD)
    _restrict_all_but(own)


def _host_folders(source: str, target: str, names: tuple[str, ...] | list[str]) -> None:
    """Bind the named entries of ``source`` into ``target``, which looks like ``source`` but is not the same folder."""
    for entry in os.scandir(source):
        if entry.name not in names:
            continue
        path = os.path.join(target, entry.name)
        if entry.is_symlink():
            _link(os.readlink(entry.path), path)
        elif entry.is_dir():
            os.makedirs(path, exist_ok=True)
            linux.mount(entry.path, path, None, linux.MS_BIND | linux.MS_REC)
        elif entry.is_file():
            _touch(path)
            linux.mount(entry.path, path, None, linux.MS_BIND)


def _folders(root: str) -> None:
    modes = dict.fromkeys(("harness", "opt", "run", "var", "var/cache", "var/lib", "var/log", "var/spool"), 0o755)
    for name, mode in {**modes, "proc": 0o555, "tmp": 0o1777, "var/tmp": 0o1777}.items():
        os.makedirs(os.path.join(root, name), exist_ok=True)
        os.chmod(os.path.join(root, name), mode)
    _link("/run", root + "/var/run")
    _link("/run/lock", root + "/var/lock")
    os.makedirs(root + HOME, exist_ok=True)
    os.makedirs(root + OLD, exist_ok=True)


def _devices(root: str) -> None:
    """Create a ``/dev`` as containers have it, without the host's disks."""
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
        return  # no pseudo-terminals, as in some containers
    os.symlink("pts/ptmx", os.path.join(devices, "ptmx"))


def _processes() -> list[str]:
    own = ["/proc"]
    try:
        linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    except OSError:
        # In containers that mask parts of /proc, the kernel refuses a new /proc: the host's is shown instead.
        linux.mount(OLD + "/proc", "/proc", None, linux.MS_BIND | linux.MS_REC)
        own = []
    for path in _GUARDED:
        if os.path.exists(path):
            linux.mount(path, path, None, linux.MS_BIND | linux.MS_REC)
    return own


def _hide_and_show(hide: list[str], show: dict[str, sources.Source]) -> None:
    """Hide and show paths from the outermost to the innermost, so that hidden paths inside shown ones stay hidden."""
    steps = {(path, False) for path in hide} | {(path, True) for path in show}
    for path, shown in sorted(steps, key=lambda step: (step[0].count("/"), step[1])):
        if shown:
            _show(path, show[path])
        elif path not in UNTOUCHABLE and os.path.isdir(path):
            _hide(path)


def _hide(path: str) -> None:
    linux.mount("tmpfs", path, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=755")


def _show(path: str, source: sources.Source) -> None:
    _open_way_to(path)
    if os.path.exists(path):
        if source.is_at(path) and os.access(path, os.R_OK | os.X_OK if source.is_folder() else os.R_OK):
            source.close()
            return
    elif source.is_folder():
        os.makedirs(path)
    else:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        _touch(path)
    source.mount(path)


def _open_way_to(path: str) -> None:
    """Mount an empty folder over the first parent of ``path`` that the job's user may not enter."""
    parts = path.split("/")[1:-1]
    for length in range(1, len(parts) + 1):
        folder = "/" + "/".join(parts[:length])
        if os.path.isdir(folder) and not os.access(folder, os.X_OK):
            _hide(folder)
            return


def _overlays(environments: list[tuple[str, sources.Source]]) -> list[str]:
    """Lay a writable folder of the job's own over each Python environment; return the paths that became writable.

    What the job installs, replaces or removes lands in that folder. Kernels before 5.11 refuse overlays in user
    namespaces: the environment stays read-only there.
    """
    writable = []
    for number, (path, source) in enumerate(environments):
        folder = f"{PACKAGES}/{number}"
        lower, upper, work = (f"{folder}/{name}" for name in ("image", "installed", "work"))
        for made in (lower, upper, work):
            os.makedirs(made, exist_ok=True)
        source.mount(lower)
        try:
            options = f"lowerdir={lower},upperdir={upper},workdir={work},userxattr"
            linux.mount("overlay", path, "overlay", linux.MS_NOSUID | linux.MS_NODEV, options)
        except OSError:
            continue
        writable.append(path)
    return writable


def _cover_sockets(paths: list[str]) -> None:
    """Hide the host's unix sockets: a program could connect to them even on a read-only mount."""
    for path in paths:
        try:
            if stat.S_ISSOCK(os.lstat(path).st_mode):
                linux.mount("/dev/null", path, None, linux.MS_BIND)
        except OSError:
            continue  # it does not exist or cannot be reached


def _mount(path: str, source: sources.Source) -> None:
    if source.is_folder():
        os.makedirs(path, exist_ok=True)
    elif not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        _touch(path)
    source.mount(path)


def _own_files() -> list[str]:
    """Bind the job's own hosts and hostname files over the host's, and its temporary folder over ``/var/tmp``."""
    for source, target in (("/harness/hosts", "/etc/hosts"), ("/harness/hostname", "/etc/hostname")):
        if os.path.isfile(source) and os.path.isfile(target):
            linux.mount(source, target, None, linux.MS_BIND)
    linux.mount("/tmp", "/var/tmp", None, linux.MS_BIND)
    return ["/var/tmp"]


def _restrict_all_but(own: list[str]) -> None:
    """Make all mounts except ``own`` read-only, and setuid bits ineffective everywhere."""
    try:
        linux.ignore_setuid("/")
        linux.set_read_only("/", True, recursive=True)
        for path in own:
            linux.set_read_only(path, False, recursive=False)
    except OSError:
        _restrict_one_by_one(own)


_FLAGS = {
    "ro": linux.MS_RDONLY,
    "nosuid": linux.MS_NOSUID,
    "nodev": linux.MS_NODEV,
    "noexec": linux.MS_NOEXEC,
    "noatime": linux.MS_NOATIME,
    "nodiratime": linux.MS_NODIRATIME,
    "relatime": linux.MS_RELATIME,
}


def _restrict_one_by_one(own: list[str]) -> None:
    """Restrict mounts one by one, for kernels before 5.12; a mount's existing flags must be repeated."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        lines = [line.split() for line in table]
    for fields in lines:
        path = fields[4].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        flags = linux.MS_REMOUNT | linux.MS_BIND | linux.MS_NOSUID
        for option in fields[5].split(","):
            flags |= _FLAGS.get(option, 0)
        if path in own:
            flags &= ~linux.MS_RDONLY
        else:
            flags |= linux.MS_RDONLY
        try:
            linux.mount(None, path, None, flags)
        except FileNotFoundError:
            continue  # covered by another mount, so it cannot be reached


def _link(target: str, path: str) -> None:
    # It exists already if an earlier start failed half-way and is repeated.
    if not os.path.islink(path):
        os.symlink(target, path)


def _touch(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
