"""The sink's connections to Postgres: session settings for short writes to tables that grow while a session lives."""

from typing import Final

from agents.postgres import COMMAND_SECONDS, Database

_SETTINGS: Final = {
    # A row locked by somebody's open transaction is no reason to wait without saying so.
    "lock_timeout": "5s",
    # Tables grow from nothing to millions of rows while a session lives; a plan made early would stay.
    "plan_cache_mode": "force_custom_plan",
    # Rows are found by key; what is asked for is recent, and so in memory.
    "random_page_cost": "1.1",
    "jit": "off",
}


def sink_database(url: str, *, on_connect: str = "", command_seconds: float = COMMAND_SECONDS) -> Database:
    """Return a database with the sink's session settings; see `Database` for the arguments."""
    return Database(
        url,
        application_name="posters-sink",
        settings=_SETTINGS,
        on_connect=on_connect,
        command_seconds=command_seconds,
    )
