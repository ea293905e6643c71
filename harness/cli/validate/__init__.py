"""``harness validate``: scenarios, images, fixtures and ``harness.toml``, checked without running anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from harness.cli import FAILED, PASSED
from harness.cli.project import json_option, print_json, project_root


@click.command("validate")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
def command(names: tuple[str, ...], as_json: bool) -> int:
    """Check scenarios, images, fixtures and harness.toml without running anything.

    A scenario is named by its name or its file; its fixture folder is the one of its name. Without names all are
    checked. Exit code 1 when something is wrong: each finding says where, what, and what to do.
    """
    from harness.cli.validate.configuration import check_configuration, project_file
    from harness.cli.validate.fixture_folders import check_fixture, fixture_folders
    from harness.cli.validate.scenario_files import check_scenario

    root = project_root()
    files, folders = _scenario_files(root, names), fixture_folders(root)
    if names:
        folders = [folder for folder in folders if folder.name in {file.stem for file in files}]
    project = project_file(root)
    images = None if project.settings.get("runner", "process") != "process" else project.images
    findings = [
        *check_configuration(root),
        *(finding for file in files for finding in sorted(check_scenario(file, root, images))),
        *(finding for folder in folders for finding in check_fixture(folder, root)),
    ]
    if as_json:
        checked = {"scenarios": [file.stem for file in files], "fixtures": [folder.name for folder in folders]}
        print_json({"valid": not findings, "checked": checked, "findings": [asdict(each) for each in findings]})
    else:
        for finding in findings:
            click.echo(f"{finding.location}: {finding.problem}\n    {finding.remedy}")
        counted = f"{_count(len(files), 'scenario')}, {_count(len(folders), 'fixture')}"
        click.echo(f"checked {counted}: {_count(len(findings), 'finding') if findings else 'nothing is wrong'}")
    return FAILED if findings else PASSED


def _scenario_files(root: Path, names: Sequence[str]) -> list[Path]:
    """List the files that ``harness run`` would read, valid or not."""
    from harness.profiles.scenarios import FOLDER, is_private

    known = {file.stem: file for file in sorted((root / FOLDER).glob("*.py")) if not is_private(file)}
    chosen: dict[Path, None] = {}
    for name in names or known:
        if name in known:
            chosen[known[name]] = None
        elif name.endswith(".py") and Path(name).is_file():
            chosen[Path(name).absolute()] = None
        else:
            told = f"known: {', '.join(known)}" if known else f"there are none in {root / FOLDER}; see `harness new`"
            raise click.BadParameter(f"no scenario {name!r}; {told}", param_hint="NAME")
    return list(chosen)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
