"""``harness compare A B``: two reports, fact by fact. Exit code 1 when something differs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from harness.cli import FAILED, PASSED
from harness.cli.project import json_option, print_json


@click.command("compare")
@click.argument("left", type=click.Path(path_type=Path, exists=True))
@click.argument("right", type=click.Path(path_type=Path, exists=True))
@click.option("--tolerance", type=float, default=1e-6, show_default=True, help="Relative or absolute, for numbers.")
@json_option
def command(left: Path, right: Path, tolerance: float, as_json: bool) -> int:
    """Compare two runs: metrics, answers, captured records, statistics and violations.

    LEFT and RIGHT are report folders, or report.json files.
    """
    from harness.report.comparison import compare_reports, in_words

    comparisons = compare_reports(_report(left), _report(right), tolerance)
    equal = all(comparison.equal for comparison in comparisons)
    if as_json:
        print_json({"equal": equal, "scenarios": [{"equal": each.equal, **asdict(each)} for each in comparisons]})
    else:
        for line in in_words(comparisons, str(left), str(right)):
            click.echo(line)
    return PASSED if equal else FAILED


def _report(path: Path) -> dict[str, Any]:
    file = path / "report.json" if path.is_dir() else path
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        document["scenarios"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise click.BadParameter(f"{path} is no report of `harness run` ({error})") from error
    return dict(document)
