"""`posters setup`: topics, tables and storage."""

import asyncio

import click

from agents.settings import read_settings
from posters.commands.site_option import check_names
from posters.commands.terminal import say
from posters.masking import mask_secrets
from posters.operations.broker.acls import Tool, acl_lines, principals
from posters.operations.setup import set_up


@click.command()
@click.option("--grants", is_flag=True, help="also make the database roles posters_intake, posters_render and so on")
@click.option(
    "--acls",
    type=click.Choice(["kafka", "rpk"]),
    help="only print the commands that give each role, the operator, `setup` and each --site its rights at the broker",
)
@click.option(
    "--site",
    "sites",
    multiple=True,
    metavar="NAME",
    callback=check_names,
    help="with --acls: a site, by its name, besides those of POSTERS_SOURCE_TOPICS; repeatable",
)
@click.option(
    "--principal",
    "users",
    multiple=True,
    metavar="WHO=USER",
    help="with --acls: the broker's name of a role's, operator's, setup's or site's user; "
    "default: posters-ROLE, posters-operator, posters-setup and the site's name; repeatable",
)
def setup(*, grants: bool, acls: Tool | None, sites: tuple[str, ...], users: tuple[str, ...]) -> None:
    """Make topics, tables and storage ready. Safe to repeat, and to run by many at once."""
    if acls is None:
        if sites or users:
            raise click.UsageError("--site and --principal go with --acls")
        asyncio.run(_set_up(grants=grants))
        return
    settings = read_settings()
    own = settings.own_topic_sources
    names = dict(_user(each) for each in users)
    granted = principals(tuple(dict.fromkeys((*own, *sites))), names, own, settings.topic_prefix)
    for line in acl_lines(acls, granted, settings.brokers):
        click.echo(line)


def _user(text: str) -> tuple[str, str]:
    title, equals, name = text.partition("=")
    if not (title and equals and name):
        raise click.UsageError(f"--principal {text}: it takes WHO=USER, as in render=posters-render")
    return title, name


async def _set_up(*, grants: bool) -> None:
    async for sentence in set_up(read_settings(), grants=grants):
        say(mask_secrets(sentence))
