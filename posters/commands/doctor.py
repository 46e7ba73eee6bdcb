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
    async for found in run_checks(settings):
        say(f"{'problem' if found.problems else 'ok     '}  {found.part}")
        for problem in found.problems:
            say(f"         {mask_secrets(problem)}")
        for warning in found.warnings:
            say(f"         warning: {mask_secrets(warning)}")
        healthy = healthy and not found.problems
    return healthy
