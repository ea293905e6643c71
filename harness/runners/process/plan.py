"""Translation of a ``RunSpec`` into the request that ``inside`` executes: argv, environment and mounts."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.runners.process.errors import NotStarted
from harness.runners.process.host import Host, Roots
from harness.runners.process.host_links import HostLinks
from harness.runners.process.inside import interpreter, surroundings
from harness.runners.process.installing import add_apt
from harness.runners.spec import Network, RunSpec

SERVER_PORT = 8080
_PARTS_OF_A_PREFIX = ("bin", "include", "lib", "lib64", "pyvenv.cfg")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class SandboxPlan:
    """Everything needed to start one program."""

    spec: RunSpec
    python: Path
    folder: Path
    port: int
    """The port that the program listens on, if it is a server."""
    request: dict[str, Any]

    def write(self, in_process: bool) -> Path:
        """Write the request to a file, because an environment may be larger than a socket message."""
        file = self.folder / "request.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps({**self.request, "in_process": in_process}))
        return file

    @property
    def runs_in_process(self) -> bool:
        """Return whether a warm parent can run the program in its own process instead of starting another one."""
        name = self.spec.argv[0]
        own = {"python", "python3", str(self.python), self.python.name}
        return not self.request["wrapped"] and name in own and interpreter.can_run(list(self.spec.argv[1:]))


def check(spec: RunSpec, host: Host) -> None:
    """Raise ``NotStarted`` if this host does not support what the program needs."""
    if host.roots is Roots.NAMESPACE and not host.granted:
        raise NotStarted(f"HARNESS_ROOTS requires namespaces, which this host refuses: {host.refusal}")
    if host.roots is Roots.PROOT and not host.wrapper:
        raise NotStarted(f"{host.refusal}; remedy: install the package proot")
    if spec.network is Network.ISOLATED and not host.isolates_network:
        raise NotStarted(
            "the job requires network isolation and this host refuses network namespaces"
            f" ({host.refusal}); remedy: allow user namespaces, or run the job under the docker profile"
        )
    if host.roots is Roots.ENVIRONMENT and spec.needs_absolute_root:
        raise NotStarted(
            f"the program needs /opt/ml at that path and this host refuses namespaces ({host.refusal});"
            " remedy: install the package proot, allow user namespaces, or run the job under the docker profile"
        )
    if host.roots is Roots.ENVIRONMENT and spec.mounts:
        raise NotStarted(
            f"the job mounts folders below /opt/ml and this host refuses namespaces ({host.refusal});"
            " remedy: install the package proot, or allow user namespaces"
        )


def make(
    spec: RunSpec,
    host: Host,
    python: Path,
    folder: Path,
    hidden: Sequence[Path],
    listen: int | None,
    links: HostLinks | None = None,
) -> SandboxPlan:
    check(spec, host)
    if not spec.root.is_dir():
        raise NotStarted(f"the job's folder {spec.root} does not exist")
    namespaced = host.roots is Roots.NAMESPACE
    port = SERVER_PORT if host.isolates_network else _free_port()
    hide = _hidden_folders(hidden)
    show = _pairs([*_program_folders(_prefixes(python), hide), *spec.visible])
    inner = folder / "rootfs"
    (inner / "harness" / "home").mkdir(parents=True)
    (inner / "tmp").mkdir()
    (inner / "run").mkdir()
    _link_python(inner / "harness" / "bin", python)
    add_apt(inner / "harness" / "tools")
    addresses = links.addresses(spec.peers) if links else {spec.hostname: "127.0.0.1"}
    _write_host_files(inner / "harness", spec.hostname, addresses)
    base = str(inner) if host.roots is Roots.ENVIRONMENT else ""
    env = _environment(spec, python, base, port)
    argv = list(spec.argv)
    if host.roots is Roots.ENVIRONMENT:
        env["SAGEMAKER_BASE_DIR"] = str(spec.root)
    if host.roots is Roots.PROOT:
        _make_mount_points(spec)
        argv = [*_proot_command(host.wrapper, spec, inner, show, hide), *argv]
    request = {
        "argv": argv,
        "env": env,
        "cwd": "/" if host.roots is Roots.PROOT else spec.cwd,
        "hostname": spec.hostname,
        "namespaces": namespaced,
        "user_namespace": host.user.path if host.user else "",
        "without": [],
        "wrapped": host.roots is Roots.PROOT,
        "group": links.request(spec) if links else None,
        "listen": listen if spec.network is Network.EMULATOR else None,
        "filesystem": {
            "root": str(inner),
            "opt_ml": str(spec.root.resolve()),
            "mounts": _mounts(spec),
            "hide": hide,
            "show": show,
            "overlays": _overlays(python, show),
        },
    }
    return SandboxPlan(spec, python, folder, port, request)


def _environment(spec: RunSpec, python: Path, base: str, port: int) -> dict[str, str]:
    first = "" if _is_virtual(python) else f"{base}/harness/bin:"
    return {
        "LANG": "C.UTF-8",
        # The hosts of a job share this machine: a library that starts a thread for each processor would slow them all.
        **({"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // len(spec.peers)))} if spec.peers else {}),
        **spec.env,
        **({"SAGEMAKER_BIND_TO_PORT": str(port)} if spec.serves else {}),
        "UV_PYTHON": str(python),  # for uv the system's Python is another one
        "PATH": f"{first}{python.parent}:{base}/harness/tools:{spec.env.get('PATH', _PATH)}",
        "HOME": base + surroundings.HOME,
        "HOSTNAME": spec.hostname,
        "TMPDIR": base + "/tmp",
    }


def _proot_command(wrapper: str, spec: RunSpec, inner: Path, show: list[list[str]], hide: list[str]) -> list[str]:
    """Return a proot command that provides the file system of ``inside.surroundings``, except that it is writable.

    Proot creates missing targets on the host, so all targets are created in the job's own root beforehand.
    """
    system = {*surroundings.SYSTEM, "dev", "proc"}
    binds = [(f"/{name}", f"/{name}") for name in _make_stand_ins(Path("/"), inner, lambda name: name in system)]
    in_opt = _make_stand_ins(Path("/opt"), inner / "opt", lambda name: name != "ml")
    binds += [(f"/opt/{name}", f"/opt/{name}") for name in in_opt]
    binds += [(path, path) for path in surroundings.VAR_FOLDERS if Path(path).is_dir()]
    binds = [bind for bind in binds if bind[1] not in hide]
    seen, covered = [target for _, target in binds], ["/run", "/tmp", *hide]
    shown = [(real, path) for path, real in show if _is_below(path, covered) or not _is_below(path, seen)]
    for real, path in shown:
        if not _is_below(path, seen):
            _make_target(Path(f"{inner}{path}"), Path(real))
    binds += [(str(spec.root.resolve()), "/opt/ml"), (str(inner / "tmp"), "/var/tmp")]
    binds += [(source, path) for path, source in _mounts(spec)]
    binds += [(str(inner / "harness" / "hosts"), "/etc/hosts"), (str(inner / "harness" / "hostname"), "/etc/hostname")]
    binds += [(_make_empty_folder(inner, number), path) for number, path in enumerate(hide) if _is_below(path, seen)]
    binds += shown
    flags = [word for source, target in binds for word in ("-b", f"{source}:{target}")]
    # Proot returns 0 for a killed program, and waits for daemons, so a shell reports the exit code to init instead.
    report = surroundings.REPORT
    shell = ["/bin/sh", "-c", f'"$0" "$@" {report}>&-; echo $? >&{report}']
    return [wrapper, "-r", str(inner), *flags, "-w", spec.cwd, *shell]


def _is_below(path: str, folders: Sequence[str]) -> bool:
    return any(path.startswith(folder + "/") for folder in folders)


def _make_target(target: Path, source: Path) -> None:
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()


def _make_empty_folder(inner: Path, number: int) -> str:
    """Create an empty folder for one hidden path: proot creates the parents of shown paths in it."""
    folder = inner / "harness" / "empty" / str(number)
    folder.mkdir(parents=True)
    return str(folder)


def _mounts(spec: RunSpec) -> list[list[str]]:
    """Return [target, source] pairs, outer folders before inner ones."""
    return [[path, str(spec.mounts[path].resolve())] for path in sorted(spec.mounts, key=lambda path: path.count("/"))]


def _make_mount_points(spec: RunSpec) -> None:
    """Create mount points as Docker does. Those that proot creates are unreadable and may be left behind."""
    outer = {"/opt/ml": spec.root}
    for path, source in _mounts(spec):
        parent = next(folder for folder in sorted(outer, key=len, reverse=True) if path.startswith(folder + "/"))
        point = outer[parent] / path[len(parent) + 1 :]
        outer[path] = Path(source)
        _make_target(point, Path(source))


def _make_stand_ins(host: Path, own: Path, needed: Callable[[str], bool]) -> list[str]:
    """Create mount points in ``own`` for entries of ``host``; copy links; return the names to bind."""
    own.mkdir(exist_ok=True)
    names = []
    for entry in host.iterdir() if host.is_dir() else ():
        if not needed(entry.name):
            continue
        if entry.is_symlink():
            (own / entry.name).symlink_to(entry.readlink())
        elif entry.is_dir():
            (own / entry.name).mkdir()
            names.append(entry.name)
    return names


def _overlays(python: Path, show: Sequence[Sequence[str]]) -> list[str]:
    """Return the virtual environment, of which the job gets a writable copy, unless only parts of it may be shown."""
    prefix = os.path.normpath(python.parent.parent.absolute())
    return [prefix] if _is_virtual(python) and any(path == prefix for path, _ in show) else []


def _is_virtual(python: Path) -> bool:
    return (python.parent.parent / "pyvenv.cfg").exists()


def _link_python(folder: Path, python: Path) -> None:
    """Create ``python`` and ``python3`` links for an interpreter with another name, such as a distribution's."""
    folder.mkdir()
    for name in ("python", "python3"):
        (folder / name).symlink_to(python)


def _write_host_files(folder: Path, hostname: str, addresses: Mapping[str, str]) -> None:
    lines = "".join(f"{address} {name}\n" for name, address in addresses.items())
    (folder / "hosts").write_text(f"127.0.0.1 localhost\n::1 localhost\n{lines}")
    (folder / "hostname").write_text(hostname + "\n")


def _prefixes(python: Path) -> list[Path]:
    """Return the folders of an interpreter: along its chain of links, and the base of a virtual environment."""
    prefixes = [python.parent.parent]
    link = python
    while link.is_symlink():
        link = Path(os.path.normpath(link.parent / link.readlink()))
        prefixes.append(link.parent.parent)
    settings = python.parent.parent / "pyvenv.cfg"
    if settings.exists():
        for line in settings.read_text().splitlines():
            key, _, value = line.partition("=")
            if key.strip() == "home":
                prefixes.append(Path(value.strip()).parent)
    if str(python) == sys.executable:
        prefixes += [Path(sys.prefix), Path(sys.base_prefix), Path(sys.exec_prefix), Path(sys.base_exec_prefix)]
    return prefixes


def _program_folders(prefixes: Sequence[Path], hidden: Sequence[str]) -> list[Path]:
    """Return the prefixes. Of a prefix that contains a hidden folder (a home, a project), only Python's own parts."""
    folders: list[Path] = []
    for prefix in prefixes:
        names = {os.path.normpath(prefix.absolute()), str(prefix.resolve())}
        if any(path == name or path.startswith(name.rstrip("/") + "/") for path in hidden for name in names):
            folders += [prefix / part for part in _PARTS_OF_A_PREFIX if (prefix / part).exists()]
        else:
            folders.append(prefix)
    return folders


def _pairs(paths: Sequence[Path]) -> list[list[str]]:
    """Return [path, real path] for each path as the program uses it, and for each real path itself."""
    pairs = set()
    for path in paths:
        plain, real = os.path.normpath(path.absolute()), str(path.resolve())
        pairs |= {(plain, real), (real, real)}
    return [list(pair) for pair in sorted(pairs) if pair[0] != "/"]


def _hidden_folders(paths: Sequence[Path]) -> list[str]:
    both = {os.path.normpath(path.absolute()) for path in paths} | {str(path.resolve()) for path in paths}
    return sorted(path for path in both if Path(path).is_dir() and path not in surroundings.UNTOUCHABLE)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number
