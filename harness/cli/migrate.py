"""``harness migrate``: takes over state that an earlier harness kept as pickles. The emulator must not run."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli import PASSED, UNFIT
from harness.cli.project import json_option, print_json, settings, state_option

TRUST = """\
Loading a pickle can run code, so this trusts whoever wrote the files. Go on only if harness wrote them on a machine of
yours, and the folder did not come from elsewhere (a repository, an archive, a colleague). No other objects are built
than the models of the AWS services that are served; a file that names anything else is refused, and nothing is taken
over. What the emulator has kept since for the same service, account and region, or bucket, is replaced."""


@click.command("migrate")
@state_option
@click.option("--trust-pickles", is_flag=True, help="Take it over: the files were written by a harness of yours.")
@json_option
def command(state: Path | None, trust_pickles: bool, as_json: bool) -> int:
    """Take over state that an earlier harness kept as pickles."""
    from harness.aws.moto.saved_state.old_pickles import describe_old_state
    from harness.stores.folder import StateFolder

    folder = settings(state=state).state
    old_state = describe_old_state(folder)
    if old_state and not trust_pickles:
        click.echo(
            f"{old_state[0].upper()}{old_state[1:]}.\n\n{TRUST}\n\nTo go on: harness migrate --trust-pickles", err=True
        )
        return UNFIT
    taken: list[str] = []
    if old_state:
        from harness.aws.moto.saved_state.migration import migrate

        held = StateFolder(folder)
        held.hold()
        try:
            taken = migrate(folder)
        finally:
            held.release()
    if as_json:
        print_json({"migrated": taken, "state": str(folder)})
    else:
        click.echo("\n".join(f"Took over {each}." for each in taken) or f"Nothing to take over in {folder}.")
    return PASSED
