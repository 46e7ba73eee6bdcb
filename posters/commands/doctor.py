"""`posters doctor`: check every part."""

import asyncio
import sys

import click

from agents.settings import Settings, read_settings
from posters.commands.terminal import say
from posters.masking import mask_secrets
from posters.operations.checks import run_checks


@click.command()
def doctor() -> None:
    """Check broker, topics, database, migrations, storage, Chromium, fonts, hyphenation; say how to repair."""
    sys.exit(0 if asyncio.run(_examine(read_settings())) else 1)


async def _examine(settings: Settings) -> bool:
    healthy = True
    async for part, problems in run_checks(settings):
        say(f"{'problem' if problems else 'ok     '}  {part}")
        for problem in problems:
            say(f"         {mask_secrets(problem)}")
        healthy = healthy and not problems
    return healthy
