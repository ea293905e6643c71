"""``harness reset``: forget everything in the state folder, whether the emulator runs or not."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from harness.cli.project import json_option, print_json, settings, state_option
from harness.cli.speed import KEPT
from harness.clients import emulator_process
from harness.kernel.errors import StateError
from harness.kernel.removal import remove_tree
from harness.stores.folder import StateFolder
from harness.stores.state_layout import STATE


@click.command("reset")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Copy the state to this new folder first; no emulator may run.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@state_option
@json_option
def command(keep: Path | None, yes: bool, state: Path | None, as_json: bool) -> None:
    """Forget all records, objects and logs, after asking.

    Works on a damaged state folder as well, and removes only what is the emulator's: reports and history stay.
    """
    folder = settings(state=state).state
    emulator = emulator_process.find(folder)
    if not yes and (emulator is not None or _state_files(folder)):
        _confirm(folder)
    if emulator is not None:
        if keep is not None:
            raise StateError(
                "the state of a running emulator cannot be copied", "stop it with `harness stop`, then reset"
            )
        emulator.ask("/_harness/reset", "POST", timeout=60.0)
        # Nothing is left that a kept scenario could go on from.
        remove_tree(folder / KEPT)
    elif folder.is_dir():
        _forget(folder, keep)
    if as_json:
        print_json({"reset": True, "state": folder, "kept": keep})
    else:
        click.echo(f"Forgot everything in {folder}." + (f" A copy is in {keep}." if keep else ""))


def _confirm(folder: Path) -> None:
    if not sys.stdin.isatty():
        raise StateError(f"reset would forget everything in {folder}, and there is no terminal to ask on; add --yes")
    if not click.confirm(f"Forget all jobs, objects and logs in {folder}?", err=True):
        raise StateError("nothing was removed")


def _state_files(folder: Path) -> list[str]:
    """Return the names of the emulator's files and folders that are there."""
    return [name for name in STATE if (folder / name).exists() or (folder / name).is_symlink()]


def _forget(folder: Path, keep: Path | None) -> None:
    """Remove the state with the folder held, so that no emulator starts on it meanwhile."""
    holder = StateFolder(folder)
    holder.hold()
    try:
        present = _state_files(folder)
        if keep is not None:
            _copy(folder, present, keep.absolute())
        for name in present:
            path = folder / name
            if path.is_dir() and not path.is_symlink():
                remove_tree(path)
            else:
                path.unlink(missing_ok=True)
    finally:
        holder.release()


def _copy(folder: Path, names: list[str], keep: Path) -> None:
    if keep.exists() and any(keep.iterdir()):
        raise StateError(f"{keep} is not empty", "name a new folder for the copy")
    try:
        keep.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in names:
            source, target = folder / name, keep / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir() and not source.is_symlink():
                shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
            elif not target.exists():
                shutil.copy2(source, target, follow_symlinks=False)
    except (OSError, shutil.Error) as error:
        raise StateError(f"the state cannot be copied to {keep} ({error}), so nothing was removed") from error
