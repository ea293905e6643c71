"""Errors of the toolkit, and the text that each leaves in the job's failure file."""

from __future__ import annotations

KILLED = 137


class ToolkitError(Exception):
    """A failure with a text of its own for the failure file."""

    def failure_text(self) -> str:
        return str(self)


class ClientError(ToolkitError):
    """The job asks for something that cannot be done; the failure file holds the message alone."""


class CommandError(ToolkitError):
    """A command of the user ended with an exit code other than 0."""

    title = "ExecuteUserScriptError"

    def __init__(self, command: str, code: int, output: str = "") -> None:
        super().__init__(command)
        self.command = command
        self.code = code
        self.output = output

    def failure_text(self) -> str:
        lines = [self.title + ":", "ExitCode {}".format(self.code), 'ErrorMessage "{}"'.format(self.output)]
        if self.code == KILLED:
            lines.append('ExtraInfo "OutOfMemory: Process killed by SIGKILL (signal 9)"')
        return "\n".join([*lines, 'Command "{}"'.format(self.command)]).strip()


class InstallRequirementsError(CommandError):
    title = "InstallRequirementsError"


class InstallModuleError(CommandError):
    title = "InstallModuleError"
