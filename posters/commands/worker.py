"""`posters worker`: run roles in this process."""

import asyncio
import logging
import os

import click

from agents.settings import Settings, read_settings
from posters.commands.terminal import say
from posters.masking import mask_secrets
from posters.worker import UncleanStopError, run_worker, stop_on_signals
from streams.errors import AuthorizationError, SettingsError, UnavailableError
from streams.logs import configure_logging
from streams.topics import ROLES, Role
from streams.tracing import configure_tracing, stop_tracing


@click.command()
@click.argument("roles", nargs=-1, type=click.Choice(ROLES))
def worker(roles: tuple[Role, ...]) -> None:
    """Run the ROLES (default: all of them) in this process until TERM or Ctrl-C.

    It then shuts down gracefully: it takes no new records, finishes those in flight within POSTERS_DRAIN_TIMEOUT,
    commits and leaves its consumer groups.
    """
    settings = read_settings()
    configure_logging(settings, mask=mask_secrets)
    configure_tracing()
    try:
        asyncio.run(_run(tuple(dict.fromkeys(roles)) or ROLES, settings))
    finally:
        stop_tracing()


async def _run(roles: tuple[Role, ...], settings: Settings) -> None:
    stop = asyncio.Event()
    stop_on_signals(stop)
    try:
        await run_worker(roles, settings, stop)
    except UncleanStopError as error:
        logging.getLogger(__name__).error("%s", error)  # noqa: TRY400 - nothing is wrong with the code
        _end_at_once()
    except Exception as error:
        refusal = _refusal_in(error)
        if refusal is not None:
            say(f"posters: {refusal}", error=True)
            _end_at_once()
        if isinstance(error, SettingsError | UnavailableError):
            raise
        logging.getLogger(__name__).exception("ending this process: a role has failed; its records are delivered again")
        _end_at_once()


def _refusal_in(error: BaseException) -> AuthorizationError | None:
    """Return the refusal of the broker that ended a role, if one did. Roles run in task groups, which wrap errors."""
    if isinstance(error, BaseExceptionGroup):
        return next((found for each in error.exceptions if (found := _refusal_in(each)) is not None), None)
    return error if isinstance(error, AuthorizationError) else None


def _end_at_once() -> None:
    # Consumer threads, and tasks that ignore cancellation, would keep the process alive and its partitions assigned.
    logging.shutdown()
    os._exit(1)
