"""The database that holds our tables: its alias, and the errors that mean it is unavailable."""

from typing import Final

from django.db import (
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    connections,
    router,
)

from .models import OutboxEvent

UNAVAILABLE: Final = (OperationalError, InterfaceError)
"""What drivers raise while the database server cannot be reached, or restarts."""
STATEMENT_ERRORS: Final = (DataError, IntegrityError, InternalError, NotSupportedError, ProgrammingError)
"""What drivers raise for a statement, which would fail again."""


def database_alias() -> str:
    """Return the alias of the database that holds our tables."""
    return router.db_for_write(OutboxEvent)


def close_connection() -> None:
    """Close this thread's connection to our tables. Django opens a new one at the next query."""
    connections[database_alias()].close()
