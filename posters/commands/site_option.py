"""The option `--site NAME`, checked alike wherever a command takes it: the name is part of groups and topics."""

import click

from agents.settings import SOURCE_OF_TOPICS


def check_names(_: click.Context, option: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names. Raises click.BadParameter for one that no site can have."""
    for name in names:
        if not SOURCE_OF_TOPICS.fullmatch(name):
            raise click.BadParameter(f"{name!r} is no name of a site: letters, digits, `.`, `_` and `-`", param=option)
    return names
