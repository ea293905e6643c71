"""How programs start and end, whichever way they get their ``/opt/ml``."""

from __future__ import annotations

import os
import resource
import signal
import stat
from pathlib import Path

import pytest

from harness.runners.spec import Cause, Network
from tests.runners.conftest import PROGRAMS, Workbench, eventually


def test_exit_code_and_output_arrive_in_order(bench: Workbench) -> None:
    outcome, text = bench.job("sh", "-c", "echo one; echo two >&2; echo three; exit 7")
    assert (outcome.cause, outcome.code) == (Cause.EXITED, 7)
    assert text == "one\ntwo\nthree\n"
    assert outcome.started <= outcome.ended


def test_program_killed_by_a_signal_has_the_code_a_container_reports(bench: Workbench) -> None:
    outcome, _ = bench.job("sh", "-c", "kill -SEGV $$")
    assert (outcome.cause, outcome.code) == (Cause.EXITED, 139)


def test_root_is_where_the_program_looks_for_it(bench: Workbench) -> None:
    spec_root = bench.folder / "given"
    spec_root.mkdir()
    (spec_root / "in").write_text("data")
    place = "$SAGEMAKER_BASE_DIR" if bench.roots == "environment" else "/opt/ml"
    outcome, text = bench.job("sh", "-c", f"ls {place}; cat {place}/in; echo result > {place}/out", root=spec_root)
    assert (outcome.code, text) == (0, "in\ndata")
    assert (spec_root / "out").read_text() == "result\n"


def test_jobs_at_once_each_see_their_own_root(bench: Workbench) -> None:
    place = "$SAGEMAKER_BASE_DIR" if bench.roots == "environment" else "/opt/ml"
    command = f"touch {place}/mine-$N; while [ ! -e {place}/go ]; do sleep 0.02; done; ls {place}"
    started = [bench.start("sh", "-c", command, env={"N": str(number)}) for number in range(3)]
    for number, (run, _) in enumerate(started):
        eventually(lambda run=run, number=number: (run.spec.root / f"mine-{number}").exists())
    for run, _ in started:
        (run.spec.root / "go").touch()
    for number, (run, output) in enumerate(started):
        assert run.wait(20) is not None
        assert b"".join(output).decode().split() == ["go", f"mine-{number}"]


def test_missing_program_is_not_started(bench: Workbench) -> None:
    outcome, text = bench.job("no-such-program")
    assert outcome.code == 127
    if bench.roots == "proot":  # the shell within proot is what finds out
        assert outcome.cause is Cause.EXITED
        assert "not found" in text
    else:
        assert outcome.cause is Cause.NOT_STARTED
        assert outcome.message == 'exec: "no-such-program": executable file not found in $PATH'


def test_environment_is_only_what_was_given_and_the_runners_own(bench: Workbench, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the caller's")
    code = "import os; print(sorted(os.environ))"
    _, text = bench.job("python", "-c", code, env={"SM_HOSTS": "[]", "HOME": "/else", "PATH": "/mine"})
    names = {"HOME", "HOSTNAME", "LANG", "PATH", "SM_HOSTS", "TMPDIR", "UV_PYTHON"}
    assert set(eval(text)) - {"LC_CTYPE", "PWD", "SHLVL", "_", "OLDPWD"} == names | (
        {"SAGEMAKER_BASE_DIR"} if bench.roots == "environment" else set()
    )


def test_home_and_temporary_folder_are_empty_and_its_own(bench: Workbench) -> None:
    outcome, text = bench.job("sh", "-c", "ls -A $HOME $TMPDIR; touch $HOME/a $TMPDIR/b; ls -A $HOME")
    assert outcome.code == 0
    assert "secret" not in text
    _, again = bench.job("sh", "-c", "ls -A $HOME")
    assert again == ""


def test_stopped_politely_it_ends_as_it_likes(bench: Workbench) -> None:
    run, output = bench.start("python", str(PROGRAMS / "polite.py"), "obeys")
    eventually(lambda: b"up" in b"".join(output))
    run.stop()
    outcome = run.wait(20)
    assert outcome is not None
    assert (outcome.cause, outcome.code) == (Cause.STOPPED, 0)
    assert b"asked to end" in b"".join(output)


def test_deaf_program_is_killed_after_the_grace(bench: Workbench) -> None:
    run, output = bench.start("python", str(PROGRAMS / "polite.py"), "deaf")
    eventually(lambda: b"up" in b"".join(output))
    run.stop(grace=0.2)
    outcome = run.wait(20)
    assert outcome is not None
    assert (outcome.cause, outcome.code) == (Cause.STOPPED, 137)
    assert outcome.ended - outcome.started < 15


def test_time_limit_stops_in_the_same_two_steps(bench: Workbench) -> None:
    outcome, _ = bench.job("python", str(PROGRAMS / "polite.py"), "deaf", time_limit=0.3, grace=0.2)
    assert (outcome.cause, outcome.code) == (Cause.TIME_LIMIT, 137)
    assert 0.4 < outcome.ended - outcome.started < 15


def test_kill_takes_everything_at_once(bench: Workbench) -> None:
    run, output = bench.start(*_escaping(bench), "wait", root=bench.folder / "ml")
    eventually(lambda: b"escaped" in b"".join(output))
    pids = run.pids()
    assert len(pids) >= 2
    run.kill()
    outcome = run.wait(20)
    assert outcome is not None
    assert (outcome.cause, outcome.code) == (Cause.STOPPED, 137)
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_program_killed_by_someone_else_ends_for_all_to_see(bench: Workbench) -> None:
    run, output = bench.start("python", str(PROGRAMS / "polite.py"), "deaf")
    eventually(lambda: b"up" in b"".join(output))
    (pid,) = run.pids()
    assert b"polite.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
    os.kill(pid, signal.SIGKILL)
    outcome = run.wait(20)
    assert outcome is not None
    assert (outcome.cause, outcome.code) == (Cause.EXITED, 137)


def test_daemons_end_with_the_program(bench: Workbench) -> None:
    outcome, text = bench.job(*_escaping(bench), "end", root=bench.folder / "ml")
    assert (outcome.code, text) == (0, "escaped\n")
    assert not _running(b"3600.125")


def test_stop_before_the_start_starts_nothing(bench: Workbench) -> None:
    spec = bench.spec("sh", "-c", "echo ran")
    output: list[bytes] = []
    run = bench.runner.start(spec, output.append)
    run.stop(0)
    outcome = run.wait(20)
    assert outcome is not None
    assert outcome.cause is Cause.STOPPED
    assert output == [] or outcome.code != 143


def test_flood_of_output_is_taken_in_bounded_memory(bench: Workbench) -> None:
    taken, size = 0, 32 if bench.roots == "proot" else 256

    def take(chunk: bytes) -> None:
        nonlocal taken
        taken += len(chunk)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run = bench.runner.start(bench.spec("sh", "-c", f"head -c {size}M /dev/zero"), take)
    outcome = run.wait(50)
    assert outcome is not None
    assert (outcome.code, taken) == (0, size << 20)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_what_a_job_locked_away_is_removed_all_the_same(bench: Workbench) -> None:
    outcome, text = bench.job("sh", "-c", "mkdir -p $HOME/a/b && touch $HOME/a/b/c && chmod 000 $HOME/a/b $HOME/a")
    assert (outcome.code, text) == (0, "")


def test_server_is_reached_through_a_socket_of_its_network(bench: Workbench) -> None:
    run, output = bench.start("python", str(PROGRAMS / "server.py"), serves=True)
    eventually(lambda: b"listening" in b"".join(output))
    answers = []
    for _ in range(3):
        connection, address = run.socket()
        with connection:
            connection.connect(address)
            answers.append(connection.recv(100).decode())
    assert answers == [f"pong {address[1]}"] * 3
    assert (address[1] == 8080) is (bench.roots == "namespace")
    run.kill()
    run.wait(20)
    with pytest.raises(ConnectionError):
        run.socket()


def test_absolute_root_that_cannot_be_given_is_refused(bench: Workbench) -> None:
    if bench.roots != "environment":
        pytest.skip("it can be given")
    outcome, text = bench.job("sh", "-c", "echo ran", needs_absolute_root=True)
    assert (outcome.cause, text) == (Cause.NOT_STARTED, "")
    assert "proot" in outcome.message


def test_isolation_is_given_or_refused(bench: Workbench) -> None:
    outcome, text = bench.job("sh", "-c", "echo ran", network=Network.ISOLATED)
    if bench.roots == "namespace":
        assert (outcome.code, text) == (0, "ran\n")
    else:
        assert (outcome.cause, text) == (Cause.NOT_STARTED, "")
        assert "network isolation" in outcome.message


def test_job_folder_that_is_missing_is_not_made_up(bench: Workbench) -> None:
    spec = bench.spec("true")
    spec.root.rmdir()
    outcome = bench.runner.start(spec, lambda _: None).wait(20)
    assert outcome is not None
    assert outcome.cause is Cause.NOT_STARTED
    assert str(spec.root) in outcome.message


def test_files_of_the_job_belong_to_the_jobs_user(bench: Workbench) -> None:
    place = "$SAGEMAKER_BASE_DIR" if bench.roots == "environment" else "/opt/ml"
    outcome, _ = bench.job("sh", "-c", f"touch {place}/made", root=bench.folder / "ml")
    made = (bench.folder / "ml" / "made").stat()
    owner = bench.runner.host.user.first if bench.runner.host.user else os.geteuid()
    assert (outcome.code, made.st_uid, stat.S_IMODE(made.st_mode)) == (0, owner, 0o644)


def _escaping(bench: Workbench) -> tuple[str, ...]:
    marker = str(bench.folder / "ml" / "escaped") if bench.roots == "environment" else "/opt/ml/escaped"
    return ("python", str(PROGRAMS / "escape.py"), marker)


def _running(word: bytes) -> list[int]:
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if word in words:
                found.append(int(process.name))
    return found
