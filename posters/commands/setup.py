"""`posters setup`: topics, tables and storage."""

import asyncio

import click

from agents.settings import read_settings
from posters.commands.terminal import say
from posters.masking import mask_secrets
from posters.operations.setup import set_up


@click.command()
@click.option("--grants", is_flag=True, help="also make the database roles posters_intake, posters_render and so on")
def setup(*, grants: bool) -> None:
    """Make topics, tables and storage ready. Safe to repeat, and to run by many at once."""
    asyncio.run(_set_up(grants=grants))


async def _set_up(*, grants: bool) -> None:
    async for sentence in set_up(read_settings(), grants=grants):
        say(mask_secrets(sentence))
