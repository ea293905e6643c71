"""``python -m harness.emulator``: one emulator in the foreground, until SIGTERM, SIGINT or ``/_harness/shutdown``."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from harness.aws.moto.saved_state.old_pickles import describe_old_state
from harness.emulator.emulator import Emulator
from harness.kernel.errors import StateError
from harness.settings import exposure, load_settings

NOT_FIT = 3
_KEPT = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE")


def main(arguments: list[str] | None = None) -> int:
    os.umask(0o077)  # what the emulator writes is its owner's alone; jobs and installers have their own
    forget_aws_configuration()
    options = vars(_parser().parse_args(arguments))
    try:
        settings = load_settings(options.pop("project"), **options)
        if warning := exposure(settings):
            print(f"harness: warning: {warning}", file=sys.stderr, flush=True)
        emulator = Emulator(settings, owns_process=True)
        with _ended_by_signals(emulator), emulator:
            print(emulator.address, flush=True)
            if settings.ephemeral:
                print(emulator.state, flush=True)
            if old := describe_old_state(emulator.state):
                print(f"harness: {old}", file=sys.stderr, flush=True)
            emulator.wait()
    except StateError as error:
        print(f"harness: {error}", file=sys.stderr)
        return NOT_FIT
    return 0


def forget_aws_configuration() -> None:
    """Leave the user's AWS profile, files and endpoints behind: the clients and moto in here read them, too.

    The keys of an S3 service (``s3_url``) and the certificates of an https one stay.
    """
    for name in [name for name in os.environ if name.startswith("AWS_") and name not in _KEPT]:
        del os.environ[name]
    os.environ.update(dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull))


@contextlib.contextmanager
def _ended_by_signals(emulator: Emulator) -> Iterator[None]:
    """The kernel may give a signal to any thread, and then nothing wakes a main thread that waits for a lock: so the
    byte that the C handler writes, whichever thread it runs on, is what ends the emulator."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)

    def watch() -> None:
        with contextlib.suppress(OSError):  # closed at the end of an emulator that nobody signalled
            if reader.recv(1):
                emulator.shut_down()

    with reader, writer:
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        threading.Thread(target=watch, name="signals", daemon=True).start()
        yield
        signal.set_wakeup_fd(-1)


def _parser() -> argparse.ArgumentParser:
    # No defaults here: what is left out comes from harness.toml, the environment, or the settings themselves.
    parser = argparse.ArgumentParser(prog="python -m harness.emulator", description=__doc__)
    parser.add_argument("--project", type=Path, default=Path.cwd(), help="the folder of harness.toml")
    parser.add_argument("--state", type=Path)
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    parser.add_argument("--account")
    parser.add_argument("--region")
    parser.add_argument("--runner")
    parser.add_argument("--aws-backend")
    parser.add_argument("--s3-url")
    parser.add_argument("--ephemeral", action="store_true", default=None)
    return parser


if __name__ == "__main__":
    sys.exit(main())
