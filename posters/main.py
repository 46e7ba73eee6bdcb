"""The command line: one file a command, errors in one sentence."""

import importlib
import sys
from typing import Any, Final

import click

from streams.errors import SettingsError, UnavailableError

COMMANDS: Final = {
    "dead-letters": "List, show, replay and drop records that were set aside; resume a role.",
    "demo": "Run the main job end to end on embedded parts.",
    "doctor": "Check every part and say how to mend what is wrong.",
    "rebuild": "Make the tables of jobs, results and logs anew from the topics.",
    "replay": "Make the posters of a job again.",
    "request": "Ask for one poster, or for a batch from a file.",
    "setup": "Make topics, tables and storage ready; safe to repeat.",
    "status": "Show what is recorded of a job.",
    "templates": "Upload, list, show, activate, archive and preview templates.",
    "watch": "Follow a job until it is finished.",
    "worker": "Run one role, several, or all.",
}


class CommandError(click.ClickException):
    """What went wrong with a command, in one sentence that says what to do."""

    def show(self, file: Any = None) -> None:
        """Print the sentence on standard error."""
        click.echo(f"posters: {self.format_message()}", file=file or sys.stderr)


class LazyGroup(click.Group):
    """Imports a command's module when it is called: `posters status` does not wait for a browser's bindings."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        module = importlib.import_module(f"posters.commands.{name}")
        command: click.Command = getattr(module, name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; errors that are the user's or the world's become one sentence."""
        try:
            return super().invoke(ctx)
        except (SettingsError, UnavailableError) as error:
            raise CommandError(str(error)) from error


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="posterstream", prog_name="posters")
def main() -> None:
    """Poster images from HTML templates, as a Kafka stream processor.

    Settings are environment variables named POSTERS_*; `posters doctor` says which of them do not work.
    """
