"""Database connections for the length of one operation, and what to do where there is none."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import parse_qs, urlsplit

import asyncpg

from agents.postgres import UNANSWERED, Connection, SchemaMismatchError, translated
from agents.settings import Settings
from posters.operations.errors import OperationError
from streams.errors import UnavailableError

CONNECT_SECONDS: Final = 5.0
OLDEST_SERVER: Final = 140_000
"""The oldest server whose SQL we use, as `server_version_num` counts: PostgreSQL 14."""
NO_CONNECTION: Final = (*UNANSWERED, asyncpg.PostgresError)
"""What asyncpg raises where it gets no connection."""

_REMEDIES: Final = {
    "rejected SSL": "the server offers no TLS: switch it on there, or leave `sslmode` out of POSTERS_DATABASE_URL",
    "no encryption": "the server wants TLS: end POSTERS_DATABASE_URL with ?sslmode=require",
    "SSL required": "the pooler wants TLS: end POSTERS_DATABASE_URL with ?sslmode=require",
    "root.crt": "name the CA that signed the server's certificate: &sslrootcert=/path/ca.pem",
    "unsupported startup parameter": (
        "the connection pooler passes on no such parameter: leave it out of POSTERS_DATABASE_URL and set it for the "
        "user (ALTER ROLE … SET search_path = …), or give this command the address of the server itself"
    ),
    "prepared statement": "a connection pooler mixes up sessions: give this command the address of the server itself",
}
_REMEDIES_BY_STATE: Final = {
    "28P01": "check the user and the password in POSTERS_DATABASE_URL",
    "28000": "check the user in POSTERS_DATABASE_URL, and what the server's pg_hba.conf allows it",
    "3D000": "create this database, or name another one in POSTERS_DATABASE_URL",
    "53300": "the server has no connection left: raise max_connections, or put a connection pooler before it",
}


async def open_connection(database_url: str, *, seconds: float = CONNECT_SECONDS) -> Connection:
    """Return a connection, which works behind a connection pooler too: it prepares no named statements.

    Raises one of `NO_CONNECTION`; `remedy` says what to do about it.
    """
    return await asyncpg.connect(database_url, timeout=seconds, statement_cache_size=0)


def remedy(error: Exception) -> str:
    """Return what to do about an error of `open_connection`."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            "the server's certificate is not trusted: name its CA with &sslrootcert=/path/ca.pem, and the host by the "
            "name in the certificate"
        )
    for part, sentence in _REMEDIES.items():
        if part in str(error):
            return sentence
    state = error.sqlstate or "" if isinstance(error, asyncpg.PostgresError) else ""
    return _REMEDIES_BY_STATE.get(state, "check POSTERS_DATABASE_URL and that the server runs")


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Connection]:
    """Give a connection to the database.

    Raises UnavailableError where it is unavailable, and OperationError where it and this build do not fit, as before
    `posters setup`.
    """
    try:
        connection = await open_connection(settings.database_url)
    except NO_CONNECTION as error:
        reason = f"no connection to the database of POSTERS_DATABASE_URL: {str(error) or type(error).__name__}"
        unusable = isinstance(translated(error), SchemaMismatchError)
        raise (OperationError if unusable else UnavailableError)(f"{reason}; {remedy(error)}") from error
    try:
        yield connection
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresError) as error:
        raise _for_operators(error) from error
    finally:
        await connection.close()


def _for_operators(error: Exception) -> Exception:
    meaning = translated(error)
    return OperationError(str(meaning)) if isinstance(meaning, SchemaMismatchError) else meaning


async def database_problems(connection: Connection, database_url: str) -> list[str]:
    """Return a sentence for each property of the database with which we cannot work."""
    row = await connection.fetchrow(
        "SELECT current_schema() AS schema, current_setting('search_path') AS path, pg_is_in_recovery() AS standby, "
        "current_setting('server_encoding') AS encoding, current_setting('server_version') AS version, "
        "current_setting('server_version_num')::integer AS number"
    )
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    problems = []
    if row["schema"] is None:
        problems.append(
            f"no schema of the search path `{row['path']}` exists; create it: CREATE SCHEMA … AUTHORIZATION …"
        )
    asked = parse_qs(urlsplit(database_url).query).get("search_path", [""])[-1].split(",")[0].strip().strip('"')
    if asked and row["schema"] not in (None, asked):
        problems.append(
            f"POSTERS_DATABASE_URL asks for the schema `{asked}`, and a connection pooler ignores that; set it for the "
            f"user: ALTER ROLE … SET search_path = {asked}"
        )
    if row["standby"]:
        problems.append("this server is a standby and takes no writes; name the primary in POSTERS_DATABASE_URL")
    if row["encoding"] != "UTF8":
        problems.append(f"the database's encoding is {row['encoding']}; create it with ENCODING 'UTF8'")
    if row["number"] < OLDEST_SERVER:
        problems.append(f"the server is PostgreSQL {row['version']}; {OLDEST_SERVER // 10_000} or newer is wanted")
    return problems
