"""The ``harness`` command: one file for each subcommand, imported only when it is called.

Owns exit codes and how an error looks; a command's file owns its options and its output.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

import click

from harness import __version__
from harness.kernel.errors import GuardRefused, StateError
from harness.settings import misspelt

PASSED, FAILED, USAGE, UNFIT, REFUSED = 0, 1, 2, 3, 4
INTERRUPTED = 130

# Said here as well as in the files, so that `harness --help` imports none of them; a test keeps the two in step.
COMMANDS = {
    "start": "Start the emulator in the background.",
    "stop": "Stop the emulator of this state folder.",
    "status": "Show whether the emulator runs, and where.",
    "env": "Print shell lines that point this shell's AWS clients at the emulator.",
    "exec": "Run a command wired to the emulator and exit with its code.",
    "run": "Run scenarios and write a report.",
    "plan": "Look whether an AWS account is ready for a run; change nothing.",
    "estimate": "Estimate what scenarios would cost on AWS.",
    "clean": "Remove from AWS what runs left there.",
    "new": "Write a scenario and its fixture folder to start from.",
    "validate": "Check scenarios, images, fixtures and harness.toml without running anything.",
    "list": "List the scenarios of this project.",
    "history": "Show how runs went over time: duration and metrics, with trends.",
    "compare": "Compare a run with what AWS found, or two runs: metrics, answers, artifacts, violations.",
    "ps": "List jobs that run, endpoints and schedules, with status and age.",
    "logs": "Print the log of a job or an endpoint.",
    "invoke": "Send a request to an endpoint.",
    "clock": "Show the emulator's clock, or move it forward.",
    "migrate": "Take over state that an earlier harness kept as pickles.",
    "reset": "Forget all records, objects and logs, after asking.",
    "images": "List what stands in for AWS's images and the disk it takes; build it ahead, or remove it.",
    "coverage": "Show which API operations the emulator serves, and which it refuses.",
    "doctor": "Check this machine: what works here, how, and what to do about the rest.",
}


class Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"harness.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="harness")
def harness() -> None:
    """A local Amazon SageMaker: the real API on this machine, really running what it is asked to run."""
    for name, meant in misspelt(os.environ).items():
        click.echo(f"harness: nothing reads the variable {name}; {meant} is meant?", err=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point. Errors of the machine or the state folder are one line; our own defects are tracebacks."""
    try:
        code = harness.main(args=arguments, prog_name="harness", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except StateError as error:
        click.echo(f"harness: {error}", err=True)
        sys.exit(UNFIT)
    except GuardRefused as refusal:
        click.echo(f"harness: refused: {refusal}", err=True)
        sys.exit(REFUSED)
    except (click.exceptions.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader (`| head`) has seen enough; closing quietly is what other tools do.
        sys.stderr.close()
        sys.exit(PASSED)
    sys.exit(code if isinstance(code, int) else PASSED)
