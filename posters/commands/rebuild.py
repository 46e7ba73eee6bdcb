"""`posters rebuild`: the sink's tables from the topics."""

import asyncio
from datetime import UTC, datetime

import click

from agents.settings import read_settings
from posters.commands.terminal import say
from posters.main import CommandError
from posters.operations import rebuild as operations
from posters.operations.rebuild import SCHEMA

SHOWN = 20


@click.command()
@click.option("--replace", "replacing", is_flag=True, help="then replace the recorded rows by the rebuilt ones")
def rebuild(*, replacing: bool) -> None:
    """Rebuild jobs, results and logs in the schema posters_rebuild from the topics, and compare with the recorded ones.

    Let the sinks become idle first: what they have not written yet shows up as a difference. Stop them before
    --replace. Jobs whose requests the topics no longer hold stay as they are.
    """
    settings = read_settings()
    rebuilt = asyncio.run(operations.rebuild(settings))
    say(
        f"{rebuilt.jobs} jobs, {rebuilt.posters} posters and {rebuilt.lines} lines of the log from {rebuilt.records} "
        f"records ({rebuilt.unusable} unusable), in the schema {SCHEMA}"
    )
    for job_id in rebuilt.different[:SHOWN]:
        say(f"different: {job_id}")
    if replacing:
        asyncio.run(operations.replace(settings, rebuilt, datetime.now(UTC)))
        say(f"replaced {rebuilt.jobs} jobs")
    elif rebuilt.different:
        raise CommandError(
            f"{len(rebuilt.different)} jobs differ from the recorded ones; --replace takes over what was rebuilt"
        )
    else:
        say("the recorded tables say the same")
