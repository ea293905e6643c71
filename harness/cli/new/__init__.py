"""``harness new``: a working scenario and its fixture folder to start from, on made-up data or one's own table."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.project import project_root

LONGEST_NAME = 40
"""Names of jobs and endpoints are the scenario's and the run's, and AWS takes 63 characters."""


@click.command("new")
@click.argument("name")
@click.option("--sdk", type=click.Choice(["v2", "v3"]), default="v2", show_default=True, help="Which SageMaker SDK.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE.csv",
    help="A table of your own, with a header; it is copied. Default: a script that makes one up.",
)
@click.option(
    "--label", metavar="COLUMN", help="The column to predict (default: label, target, class or y, or the first)."
)
def command(name: str, sdk: str, data: Path | None, label: str | None) -> None:
    """Write a scenario and its fixture folder to start from.

    It stages a table, trains the built-in XGBoost, deploys it and compares its answers with offline prediction. It
    passes as it is; change it into your own.
    """
    from harness.cli.new.layout import ScenarioTemplate, write_starter
    from harness.cli.new.tables import Unusable, read_table

    wrong = _wrong_name(name)
    if wrong:
        raise click.BadParameter(wrong, param_hint="NAME")
    if label and not data:
        raise click.UsageError("--label names a column of a table of your own; give that with --data FILE.csv")
    root = project_root()
    try:
        table = read_table(data, label) if data else None
        written = write_starter(root, ScenarioTemplate(name, sdk, table))
    except Unusable as error:
        raise click.UsageError(str(error)) from error
    if table:
        for line in table.notes:
            click.echo(line)
    for file in written:
        click.echo(f"wrote {file.relative_to(root)}")
    click.echo(f"Now: harness run {name}")


def _wrong_name(name: str) -> str:
    """Return the problem with the name of a scenario; empty when there is none."""
    from keyword import iskeyword

    from harness.profiles.scenarios import is_private

    if not name.isidentifier() or iskeyword(name) or not name.isascii() or name != name.lower():
        suggested = "_".join("".join(c if c.isalnum() and c.isascii() else " " for c in name.lower()).split())
        remedy = f"try {suggested}" if suggested.isidentifier() and not iskeyword(suggested) else "try my_scenario"
        return f"{name!r} cannot name a Python file in lower case (letters, digits, underscores); {remedy}"
    if is_private(Path(f"{name}.py")):
        return f"{name!r}: files that begin with _ or test_, and conftest.py, are not scenarios; choose another name"
    if len(name) > LONGEST_NAME:
        return f"{name!r} has {len(name)} characters; with more than {LONGEST_NAME} AWS's names for jobs get too long"
    return ""
