"""From a ``RunSpec`` to the request that ``inside`` executes: argv, environment, mounts. Starts nothing."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.runners.process.errors import NotStarted
from harness.runners.process.host import Host, Roots
from harness.runners.process.inside import interpreter, surroundings
from harness.runners.process.installing import add_apt
from harness.runners.spec import Network, RunSpec

SERVER_PORT = 8080
_PARTS_OF_A_PREFIX = ("bin", "include", "lib", "lib64", "pyvenv.cfg")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class SandboxPlan:
    spec: RunSpec
    python: Path
    folder: Path
    port: int
    """Where the program listens, if it is a server."""
    request: dict[str, Any]

    def write(self, in_process: bool) -> Path:
        """The request as a file: an environment may be larger than a socket message."""
        file = self.folder / "request.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps({**self.request, "in_process": in_process}))
        return file

    @property
    def runs_in_process(self) -> bool:
        """Whether a warm parent of the environment could run it itself instead of starting another program."""
        name = self.spec.argv[0]
        own = {"python", "python3", str(self.python), self.python.name}
        return not self.request["wrapped"] and name in own and interpreter.can_run(list(self.spec.argv[1:]))


def check(spec: RunSpec, host: Host) -> None:
    """Refuse what this host cannot give, rather than run it without."""
    if host.roots is Roots.NAMESPACE and not host.granted:
        raise NotStarted(f"namespaces were asked for but are refused on this host: {host.refusal}")
    if host.roots is Roots.PROOT and not host.wrapper:
        raise NotStarted(f"{host.refusal}; remedy: install the package proot")
    if spec.group:
        raise NotStarted("a job on several hosts needs containers (runner docker): processes share one host")
    if spec.network is Network.ISOLATED and not host.isolates_network:
        raise NotStarted(
            "network isolation was asked for and this host refuses network namespaces"
            f" ({host.refusal}); remedy: allow user namespaces, or run the job under the docker profile"
        )
    if host.roots is Roots.ENVIRONMENT and spec.needs_absolute_root:
        raise NotStarted(
            f"the program needs /opt/ml at that path and this host refuses namespaces ({host.refusal});"
            " remedy: install the package proot, allow user namespaces, or run the job under the docker profile"
        )
    if host.roots is Roots.ENVIRONMENT and spec.mounts:
        raise NotStarted(
            f"folders are to be mounted below /opt/ml and this host refuses namespaces ({host.refusal});"
            " remedy: install the package proot, or allow user namespaces"
        )


def make(
    spec: RunSpec, host: Host, python: Path, folder: Path, hidden: Sequence[Path], listen: int | None
) -> SandboxPlan:
    check(spec, host)
    if not spec.root.is_dir():
        raise NotStarted(f"the job's folder {spec.root} does not exist")
    namespaced = host.roots is Roots.NAMESPACE
    port = SERVER_PORT if host.isolates_network else _free_port()
    hide = _hidden(hidden)
    show = _pairs([*_program_folders(_prefixes(python), hide), *spec.visible])
    inner = folder / "rootfs"
    (inner / "harness" / "home").mkdir(parents=True)
    (inner / "tmp").mkdir()
    (inner / "run").mkdir()
    _links(inner / "harness" / "bin", python)
    add_apt(inner / "harness" / "tools")
    _names(inner / "harness", spec.hostname)
    base = str(inner) if host.roots is Roots.ENVIRONMENT else ""
    env = _environment(spec, python, base, port)
    argv = list(spec.argv)
    if host.roots is Roots.ENVIRONMENT:
        env["SAGEMAKER_BASE_DIR"] = str(spec.root)
    if host.roots is Roots.PROOT:
        _make_mount_points(spec)
        argv = [*_wrapping(host.wrapper, spec, inner, show, hide), *argv]
    request = {
        "argv": argv,
        "env": env,
        "cwd": "/" if host.roots is Roots.PROOT else spec.cwd,
        "hostname": spec.hostname,
        "namespaces": namespaced,
        "user_namespace": host.user.path if host.user else "",
        "without": [],
        "wrapped": host.roots is Roots.PROOT,
        "listen": listen if spec.network is Network.EMULATOR else None,
        "place": {
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
        **spec.env,
        **({"SAGEMAKER_BIND_TO_PORT": str(port)} if spec.serves else {}),
        "UV_PYTHON": str(python),  # for uv the system's Python is another one
        "PATH": f"{first}{python.parent}:{base}/harness/tools:{spec.env.get('PATH', _PATH)}",
        "HOME": base + surroundings.HOME,
        "HOSTNAME": spec.hostname,
        "TMPDIR": base + "/tmp",
    }


def _wrapping(wrapper: str, spec: RunSpec, inner: Path, show: list[list[str]], hide: list[str]) -> list[str]:
    """The surroundings of ``inside.surroundings``, as far as proot can give them: nothing is read-only.

    Proot makes a folder on the host for every target that does not exist; here all of them lie in the job's own root.
    """
    system = {*surroundings.SYSTEM, "dev", "proc"}
    binds = [(f"/{name}", f"/{name}") for name in _stand_ins(Path("/"), inner, lambda name: name in system)]
    in_opt = _stand_ins(Path("/opt"), inner / "opt", lambda name: name != "ml")
    binds += [(f"/opt/{name}", f"/opt/{name}") for name in in_opt]
    binds += [(path, path) for path in surroundings.OF_VAR if Path(path).is_dir()]
    binds = [bind for bind in binds if bind[1] not in hide]
    seen, covered = [target for _, target in binds], ["/run", "/tmp", *hide]
    shown = [(real, path) for path, real in show if _below(path, covered) or not _below(path, seen)]
    for real, path in shown:
        if not _below(path, seen):
            _make_target(Path(f"{inner}{path}"), Path(real))
    binds += [(str(spec.root.resolve()), "/opt/ml"), (str(inner / "tmp"), "/var/tmp")]
    binds += [(source, path) for path, source in _mounts(spec)]
    binds += [(str(inner / "harness" / "hosts"), "/etc/hosts"), (str(inner / "harness" / "hostname"), "/etc/hostname")]
    binds += [(_empty(inner, number), path) for number, path in enumerate(hide) if _below(path, seen)]
    binds += shown
    flags = [word for source, target in binds for word in ("-b", f"{source}:{target}")]
    # Proot reports a program that was killed as one that went well, and waits for its daemons: a shell reports to init.
    report = surroundings.REPORT
    shell = ["/bin/sh", "-c", f'"$0" "$@" {report}>&-; echo $? >&{report}']
    return [wrapper, "-r", str(inner), *flags, "-w", spec.cwd, *shell]


def _below(path: str, folders: Sequence[str]) -> bool:
    return any(path.startswith(folder + "/") for folder in folders)


def _make_target(target: Path, source: Path) -> None:
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()


def _empty(inner: Path, number: int) -> str:
    """A folder of its own for each place that is hidden: proot makes those that lead to what is shown there in it."""
    folder = inner / "harness" / "empty" / str(number)
    folder.mkdir(parents=True)
    return str(folder)


def _mounts(spec: RunSpec) -> list[list[str]]:
    """Outer folders before what is mounted within them."""
    return [[path, str(spec.mounts[path].resolve())] for path in sorted(spec.mounts, key=lambda path: path.count("/"))]


def _make_mount_points(spec: RunSpec) -> None:
    """As mounting in a namespace makes them, and Docker: proot's own are unreadable, and it takes them away again only
    if it outlives the program, which we do not wait for."""
    outer = {"/opt/ml": spec.root}
    for path, source in _mounts(spec):
        parent = next(folder for folder in sorted(outer, key=len, reverse=True) if path.startswith(folder + "/"))
        point = outer[parent] / path[len(parent) + 1 :]
        outer[path] = Path(source)
        _make_target(point, Path(source))


def _stand_ins(host: Path, own: Path, needed: Callable[[str], bool]) -> list[str]:
    """Make places in ``own`` for entries of ``host`` (links are copied); the names to be bound there."""
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
    """The virtual environment, of which the job gets a writable copy, unless only parts of it may be shown."""
    prefix = os.path.normpath(python.parent.parent.absolute())
    return [prefix] if _is_virtual(python) and any(path == prefix for path, _ in show) else []


def _is_virtual(python: Path) -> bool:
    return (python.parent.parent / "pyvenv.cfg").exists()


def _links(place: Path, python: Path) -> None:
    """``python`` and ``python3`` for an interpreter that goes by another name, as a distribution's own does."""
    place.mkdir()
    for name in ("python", "python3"):
        (place / name).symlink_to(python)


def _names(place: Path, hostname: str) -> None:
    (place / "hosts").write_text(f"127.0.0.1 localhost\n::1 localhost\n127.0.0.1 {hostname}\n")
    (place / "hostname").write_text(hostname + "\n")


def _prefixes(python: Path) -> list[Path]:
    """Every folder the interpreter is made of: along its chain of links, and the one a virtual environment names."""
    found = [python.parent.parent]
    link = python
    while link.is_symlink():
        link = Path(os.path.normpath(link.parent / link.readlink()))
        found.append(link.parent.parent)
    settings = python.parent.parent / "pyvenv.cfg"
    if settings.exists():
        for line in settings.read_text().splitlines():
            key, _, value = line.partition("=")
            if key.strip() == "home":
                found.append(Path(value.strip()).parent)
    if str(python) == sys.executable:
        found += [Path(sys.prefix), Path(sys.base_prefix), Path(sys.exec_prefix), Path(sys.base_exec_prefix)]
    return found


def _program_folders(prefixes: Sequence[Path], hidden: Sequence[str]) -> list[Path]:
    """The prefixes; of one that is a hidden folder, or holds one (a home, a project), only what belongs to Python."""
    folders: list[Path] = []
    for prefix in prefixes:
        names = {os.path.normpath(prefix.absolute()), str(prefix.resolve())}
        if any(path == name or path.startswith(name.rstrip("/") + "/") for path in hidden for name in names):
            folders += [prefix / part for part in _PARTS_OF_A_PREFIX if (prefix / part).exists()]
        else:
            folders.append(prefix)
    return folders


def _pairs(paths: Sequence[Path]) -> list[list[str]]:
    """Each path as the program will use it, with where it really lies; the real path is shown as well."""
    pairs = set()
    for path in paths:
        plain, real = os.path.normpath(path.absolute()), str(path.resolve())
        pairs |= {(plain, real), (real, real)}
    return [list(pair) for pair in sorted(pairs) if pair[0] != "/"]


def _hidden(paths: Sequence[Path]) -> list[str]:
    both = {os.path.normpath(path.absolute()) for path in paths} | {str(path.resolve()) for path in paths}
    return sorted(path for path in both if Path(path).is_dir() and path not in surroundings.UNTOUCHABLE)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number
