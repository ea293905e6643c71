"""Every command with its arguments and options, from click's own knowledge of them."""

from __future__ import annotations

from collections.abc import Iterator

import click

from harness.cli import COMMANDS, FAILED, INTERRUPTED, PASSED, REFUSED, UNFIT, USAGE, harness
from tests.docs.reference.markdown import document, in_cell, prose, table

CODES = {
    PASSED: "passed, or done",
    FAILED: "a scenario failed, a comparison found a difference, or `validate` something wrong",
    USAGE: "usage: an unknown option, scenario or profile",
    UNFIT: "the machine, `harness.toml` or the state folder is not fit; the message says what to do",
    REFUSED: "refused by a guard (on the way to AWS)",
    INTERRUPTED: "interrupted",
}


def page() -> str:
    context = click.Context(harness, info_name="harness")
    commands = [command for name in COMMANDS for command in _commands(context, name)]
    index = table(["command", ""], [[f"[`harness {name}`](#harness-{name})", COMMANDS[name]] for name in COMMANDS])
    codes = table(["exit code", "meaning"], [[str(code), meaning] for code, meaning in CODES.items()])
    more = "`harness exec` ends with the code of the program it ran. Every command takes `--help`."
    return document("The command line", index, "## Exit codes", codes, more, *commands)


def _commands(context: click.Context, name: str) -> Iterator[str]:
    group = context.command
    assert isinstance(group, click.Group)
    command = group.get_command(context, name)
    assert command is not None
    below = click.Context(command, info_name=name, parent=context)
    yield _described(below)
    if isinstance(command, click.Group):
        for each in command.list_commands(below):
            yield from _commands(below, each)


def _described(context: click.Context) -> str:
    command = context.command
    depth = "#" * len(context.command_path.split())
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"{depth} {context.command_path}", f"`{usage}`", prose(command.help)]
    options = [_option(each, context) for each in command.params if isinstance(each, click.Option) and not each.hidden]
    if options:
        parts.append(table(["option", "meaning"], options))
    return "\n\n".join(parts)


def _option(option: click.Option, context: click.Context) -> list[str]:
    described = option.get_help_record(context)
    assert described is not None
    names, meaning = described
    return [f"`{names}`", in_cell(meaning)]
