"""The sink's connections to Postgres: session settings for queries of tables that grow while a session lives."""

from typing import Final

from agents.postgres import COMMAND_SECONDS, Database

_SETTINGS: Final = {
    # A row locked by another transaction gives an UnavailableError, so that the wait is declared.
    "lock_timeout": "5s",
    # Tables grow from nothing to millions of rows during a session; an early generic plan would be kept.
    "plan_cache_mode": "force_custom_plan",
    # Rows are found by key, and those that are needed are recent, so in memory.
    "random_page_cost": "1.1",
    "jit": "off",
}
"""For the queries beside the flush, whose function has the same settings of its own."""


def sink_database(url: str, *, command_seconds: float = COMMAND_SECONDS) -> Database:
    """Return a database with the sink's session settings; see `Database` for the arguments."""
    return Database(url, application_name="posters-sink", settings=_SETTINGS, command_seconds=command_seconds)
