"""What a job of a root emulator, or of anybody's, must not reach on the host."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.runners.process.users import free_range
from tests.runners.conftest import Workbench, eventually

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="about an emulator that root started")


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder of the host beside homes and temporary folders, as projects of CI have."""
    for parent in (Path("/srv"), Path("/opt")):
        if os.access(parent, os.W_OK):
            with tempfile.TemporaryDirectory(prefix="harness-test-", dir=parent) as folder:
                Path(folder).chmod(0o755)
                yield Path(folder)
            return
    pytest.skip("no folder outside home and /tmp can be written here")


@as_root
@pytest.mark.parametrize("warm_start", [False, True])
def test_job_of_root_is_nobody_on_the_host(warm: Workbench, outside: Path, warm_start: bool) -> None:
    (outside / ".env").write_text("CANARY")
    (outside / ".env").chmod(0o600)
    (warm.folder / "probe.py").write_text(
        "import os, sys\n"
        "for path in sys.argv[1:]:\n"
        "    try: print('read', path, open(path).read(100))\n"
        "    except OSError as error: print(type(error).__name__)\n"
        "status = open('/proc/self/status').read()\n"
        "print(os.getuid(), os.getgroups(), 'NoNewPrivs:\\t1' in status)\n"
        "open('/opt/ml/made', 'w').close()\n"
        "os.chmod('/opt/ml/made', 0o4755)\n"
    )
    root = warm.folder / "ml"
    (root / "input").mkdir(parents=True)
    (root / "input" / "staged").write_text("staged")
    (root / "input" / "staged").chmod(0o600)
    preload = ("json",) if warm_start else ()
    outcome, text = warm.job(
        *("python", str(warm.folder / "probe.py"), "/etc/shadow", f"{outside}/.env", "/opt/ml/input/staged"),
        root=root,
        preload=preload,
        visible=(warm.folder / "probe.py",),
    )
    lines = text.splitlines()
    assert lines[0] in ("PermissionError", "FileNotFoundError"), text
    assert lines[1] in ("PermissionError", "FileNotFoundError"), text
    assert lines[2:] == ["read /opt/ml/input/staged staged", "0 [] True"]
    assert outcome.code == 0
    user = warm.runner.host.user
    assert user is not None
    assert user.first >= 1000
    assert {(root / name).stat().st_uid for name in ("made", "input/staged")} == {user.first}


def test_setuid_programs_gain_nothing(contained: Workbench) -> None:
    command = "cp $(command -v id) /opt/ml/id && chmod u+s /opt/ml/id && grep -E ' (/|/usr|/opt/ml) ' /proc/self/mounts"
    outcome, text = contained.job("sh", "-c", command)
    assert outcome.code == 0
    assert all("nosuid" in line for line in text.splitlines()), text


def test_sockets_of_the_host_are_out_of_reach(contained: Workbench, outside: Path) -> None:
    abstract = f"\0harness-test-{os.getpid()}"
    paths = [str(outside / "socket"), f"/tmp/harness-{os.getpid()}.sock", abstract]
    listeners = [socket.socket(socket.AF_UNIX) for _ in paths]
    try:
        for listener, path in zip(listeners, paths, strict=True):
            listener.bind(path)
            listener.listen()
            if not path.startswith("\0"):
                Path(path).chmod(0o777)
        program = contained.folder / "connect.py"
        program.write_text(
            "import ast, socket, sys\n"
            "for path in ast.literal_eval(sys.argv[1]):\n"
            "    try: socket.socket(socket.AF_UNIX).connect(path); print('connected', repr(path))\n"
            "    except OSError as error: print('refused')\n"
        )
        # One of them lies in a folder that the job is shown.
        _, text = contained.job("python", str(program), repr(paths), visible=(program, outside))
    finally:
        for listener in listeners:
            listener.close()
        Path(paths[1]).unlink(missing_ok=True)
    assert text.split() == ["refused"] * 3


def test_sockets_to_the_host_of_a_virtual_machine_are_refused(contained: Workbench) -> None:
    program = "import socket; socket.socket().close(); socket.socket(40)"
    assert "Address family not supported by protocol" in contained.job("python", "-c", program)[1]


def test_only_system_folders_of_the_host_are_seen(contained: Workbench, outside: Path) -> None:
    (outside / "data.csv").write_text("1,2")
    outcome, text = contained.job("sh", "-c", f"ls {outside.parent} /var/log /mnt /media /boot /run 2>/dev/null; true")
    if outside.parent == Path("/srv"):
        assert outside.name not in text
    assert "data.csv" not in text
    assert outcome.code == 0


@as_root
def test_an_interpreter_that_only_root_may_read_runs(contained: Workbench) -> None:
    """As one installed with umask 077, below a home that nobody else may enter."""
    home = contained.folder / "home"
    home.chmod(0o700)
    program = home / "tools" / "main.py"
    program.parent.mkdir(mode=0o700)
    program.write_text("print('it runs')")
    program.chmod(0o600)
    _, text = contained.job("python", str(program), visible=(program.parent,))
    if "Permission denied" in text:
        pytest.skip("this file system cannot map the owners of files")
    assert text == "it runs\n"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@as_root
def test_mounted_folders_come_back_to_their_owner(contained: Workbench, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "before").write_text("x")
    command = "cp $(command -v id) /opt/ml/out/id && chmod 4755 /opt/ml/out/id && echo y >> /opt/ml/out/before"
    outcome, text = contained.job("sh", "-c", command, mounts={"/opt/ml/out": folder})
    assert (outcome.code, text) == (0, "")
    assert (folder / "before").read_text() == "xy\n"
    assert {path.stat().st_uid for path in (folder, *folder.iterdir())} == {0}
    assert stat.S_IMODE((folder / "id").stat().st_mode) == 0o755


def test_elsewhere_root_gives_up_its_capabilities(bench: Workbench) -> None:
    if bench.roots == "namespace":
        pytest.skip("there it keeps some, which hold in its user namespace only")
    _, text = bench.job("sh", "-c", "grep -E '^(Cap(Prm|Eff|Bnd)|Groups|NoNewPrivs)' /proc/self/status")
    facts = dict(line.split(":", 1) for line in text.splitlines())
    assert facts["NoNewPrivs"].strip() == "1"
    assert {int(facts[name], 16) for name in ("CapPrm", "CapEff")} == {0}
    if os.geteuid() == 0:
        assert facts["Groups"].strip() == ""
        assert int(facts["CapBnd"], 16) == 0
    assert "not protected" in bench.runner.host.describe()["host files"]


def test_ids_for_jobs_are_ones_that_exist() -> None:
    everything = [(0, 4294967295)]
    first, count = free_range(everything, everything)
    assert count == 65536
    assert first > 1_000_000_000
    rootless = [(0, 1), (1, 65536)]
    assert free_range(rootless, rootless) == (65536, 1)
    container = [(0, 65536)]
    assert free_range(container, container) == (65533, 1)
    with pytest.raises(ValueError, match="no user id above 999"):
        free_range([(0, 1)], [(0, 1)])


@as_root
def test_environments_of_jobs_are_read_by_nobody_else(contained: Workbench) -> None:
    run, output = contained.start("sh", "-c", "echo up; sleep 20", env={"PASSWORD": "CANARY"})
    try:
        eventually(lambda: b"".join(output) == b"up\n")
        files = [f"/proc/{pid}/environ" for pid in run.pids()]
        asked = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", "cat", *files]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        requests = [path.stat() for path in (contained.folder / "runs").rglob("request.json")]
    finally:
        run.kill()
        run.wait(20)
    assert "CANARY" not in done.stdout
    assert {stat.S_IMODE(request.st_mode) for request in requests} == {0o600}
