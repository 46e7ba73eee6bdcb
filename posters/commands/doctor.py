"""`posters doctor`: check every part."""

import asyncio
import sys
from collections.abc import Sequence

import click

from agents.settings import Settings, read_settings
from posters.commands.site_option import check_names
from posters.commands.terminal import say
from posters.masking import mask_secrets
from posters.operations.broker.rights import Right, rights_of
from posters.operations.checks import run_checks
from streams.topics import ROLES


@click.command()
@click.argument("users", nargs=-1, type=click.Choice((*ROLES, "operator", "setup")), metavar="[ROLE|operator|setup]...")
@click.option(
    "--site",
    "sites",
    multiple=True,
    metavar="NAME",
    callback=check_names,
    help="check what the site of this name needs",
)
def doctor(users: tuple[str, ...], sites: tuple[str, ...]) -> None:
    """Check broker, topics, rights, database, migrations, storage, Chromium, fonts, hyphenation; say how to repair.

    The rights are those that this user has at the broker. By default they have to do for a worker of all roles; name
    roles, `operator` (the other commands), `setup` or a --site for a user who is less.
    """
    settings = read_settings()
    rights = rights_of(users or (() if sites else ROLES), sites, settings.own_topic_sources)
    sys.exit(0 if asyncio.run(_examine(settings, rights)) else 1)


async def _examine(settings: Settings, rights: Sequence[Right]) -> bool:
    healthy = True
    async for found in run_checks(settings, rights):
        say(f"{'problem' if found.problems else 'ok     '}  {found.part}")
        for problem in found.problems:
            say(f"         {mask_secrets(problem)}")
        for warning in found.warnings:
            say(f"         warning: {mask_secrets(warning)}")
        healthy = healthy and not found.problems
    return healthy
