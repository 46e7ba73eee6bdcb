"""The command line: one file a command, imported when it is called; errors are one sentence on standard error."""

import importlib
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import click

from posters.masking import mask_secrets
from posters.operations.errors import OperationError
from streams.errors import SettingsError, UnavailableError
from streams.printable import printable

COMMANDS: Final = {
    "capacity": "Print what a load takes: cores, workers, partitions, bytes and rows.",
    "dead-letters": "List, show, replay and drop dead letters; resume a paused role.",
    "demo": "Make posters for an example site, on an embedded broker and Postgres.",
    "doctor": "Check every part and say how to repair it.",
    "quota": "Show what sources have used of their quotas today.",
    "rebuild": "Rebuild the tables of jobs, results and logs from the topics.",
    "replay": "Make the posters of a job again.",
    "request": "Request one poster, or a batch from a file.",
    "setup": "Make topics, tables and storage ready; safe to repeat.",
    "status": "Show the recorded state of a job and its posters.",
    "templates": "Preview, upload, list, show, activate, archive and audit templates.",
    "watch": "Follow a job until it is finished.",
    "worker": "Run one role, several, or all of them.",
}


class CommandError(click.ClickException):
    """Ends a command with exit code 1 and a message that says what happened and what to do."""

    def show(self, file: Any = None) -> None:
        """Print the message on standard error, with secrets masked and control characters escaped."""
        message = printable(mask_secrets(self.format_message()), multiline=True)
        click.echo(f"posters: {message}", file=file or sys.stderr)


class LazyGroup(click.Group):
    """Imports a command's module when it is called: `posters status` does not load the browser's bindings.

    `modules`: the names of such commands, and where they are. Others are added as usual.
    """

    def __init__(self, *arguments: Any, modules: Mapping[str, str] = MappingProxyType({}), **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted([*super().list_commands(ctx), *self._modules])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, imported now where it has a module of its own."""
        if cmd_name not in self._modules:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(importlib.import_module(self._modules[cmd_name]), cmd_name.replace("-", "_"))
        return command


class Commands(LazyGroup):
    """The commands of `posters`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        modules = {name: f"posters.commands.{name.replace('-', '_')}" for name in COMMANDS}
        super().__init__(*arguments, modules=modules, **options)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, without importing one and without truncating a sentence."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; errors that are no bugs become a message without a traceback."""
        try:
            return super().invoke(ctx)
        except (OperationError, SettingsError, UnavailableError) as error:
            raise CommandError(str(error)) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="posterstream", prog_name="posters")
def main() -> None:
    """Poster images from HTML templates, as a Kafka stream processor.

    Settings are environment variables named POSTERS_*; `posters doctor` says which of them do not work.
    """
