"""What an error of the database means for the batch at hand.

- UnavailableError: the database is away, full or busy. The batch is held and tried again, for ever.
- BadRowError: something in the batch cannot be stored, ever. The batch is halved until that record stands alone.
- SchemaMismatchError: this build and this database do not fit. The process ends; a person has to look.
- anything else is a bug and is left as it is.
"""

from typing import Final

import asyncpg

from streams.errors import UnavailableError


class BadRowError(Exception):
    """The database, or the encoding for it, refuses a value; trying again would not help."""


class SchemaMismatchError(Exception):
    """The database refuses this build as a whole (schema, rights, address); the message says what to do."""


UNANSWERED: Final = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What asyncpg raises where no answer came.

The last: between the server's last word and the end of the connection it takes a call for one too many.
"""

# Classes of SQLSTATE (the first two characters) and single states, PostgreSQL's appendix A.
_AWAY: Final = {"08", "40", "53", "57", "58"}
_AWAY_STATES: Final = {"55P03", "25006"}  # lock not available; read-only, as a standby is during a failover
_BAD_ROW: Final = {"21", "22", "23", "54"}
_WRONG_DATABASE: Final = {"28", "3D", "3F", "42"}


def translated(error: Exception) -> Exception:
    """Return the error of ours that an error of asyncpg stands for, else the error itself."""
    if isinstance(error, asyncpg.PostgresError):
        return _of_state(error, error.sqlstate or "")
    if isinstance(error, asyncpg.exceptions.ClientConfigurationError):
        return SchemaMismatchError(f"POSTERS_DATABASE_URL cannot be used: {error}")
    if isinstance(error, UNANSWERED):
        return UnavailableError(f"the database is away: {error or type(error).__name__}")
    return error


def _of_state(error: asyncpg.PostgresError, state: str) -> Exception:
    if state[:2] in _AWAY or state in _AWAY_STATES:
        return UnavailableError(f"the database is away or busy ({state}): {error}")
    if state[:2] in _BAD_ROW:
        return BadRowError(f"the database refuses a value ({state}): {error}")
    if state[:2] in _WRONG_DATABASE:
        return SchemaMismatchError(f"the database refuses this build ({state}): {error}; run `posters setup` with it")
    return error
