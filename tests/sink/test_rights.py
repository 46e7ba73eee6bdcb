"""Every process connects as somebody who may do its work and no more."""

import uuid
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from agents.dead_letter_limits import DeadLetterLimitTable
from agents.postgres import Connection, Database
from agents.render.template_sources import TemplateSources
from agents.settings import Settings
from agents.sink.database import sink_database
from agents.sink.janitor import Janitor
from agents.sink.sink import Sink
from posters.operations.setup import grant
from streams.errors import UnavailableError
from tests.sink.ports import Announcements, SetAside
from tests.sink.topics import Topics

TABLES = (
    "templates",
    "template_placeholders",
    "template_activations",
    "template_drafts",
    "template_generation_jobs",
    "template_poster_results",
    "template_generation_logs",
    "blown_fuses",
    "dead_letter_actions",
    "poster_erasures",
)
WRITES = {
    "intake": {"blown_fuses"},
    "retry": {"blown_fuses"},
    "render": {"blown_fuses"},
    "templates": {"templates", "template_placeholders", "template_activations", "template_drafts", "blown_fuses"},
    "sink": {
        "template_generation_jobs",
        "template_poster_results",
        "template_generation_logs",
        "poster_erasures",
        "blown_fuses",
    },
    "operator": {"blown_fuses", "dead_letter_actions"},
}
READS = {role: set(tables) for role, tables in WRITES.items()}
READS["render"] |= {"templates", "template_drafts"}
READS["operator"] |= set(TABLES) - {"template_drafts"}


@pytest.fixture
async def granted(database: str) -> str:
    """A database with the roles; twice, because that is safe."""
    for _ in range(2):
        await grant(Settings(database_url=database))
    return database


@pytest.fixture
async def users(granted: str) -> AsyncIterator[dict[str, str]]:
    """The database's address as a user of each role."""
    owner = await asyncpg.connect(granted)
    names = {role: f"{role}_{uuid.uuid4().hex[:8]}" for role in WRITES}
    for role, name in names.items():
        await owner.execute(f"CREATE ROLE {name} LOGIN IN ROLE posters_{role}")
    parts = urlsplit(granted)
    yield {role: granted.replace(f"//{parts.username}@", f"//{name}@") for role, name in names.items()}
    for name in names.values():
        while not await _dropped(owner, name):
            pass
    await owner.close()


async def _dropped(owner: Connection, name: str) -> bool:
    """Drop a role; False while the server still cleans up after its last session, which had temporary functions."""
    try:
        await owner.execute(f"DROP ROLE {name}")
    except asyncpg.DependentObjectsStillExistError:
        return False
    return True


@pytest.mark.parametrize("role", WRITES)
async def test_a_role_reads_and_writes_its_own_tables_only(users: dict[str, str], role: str) -> None:
    """What a role may read and change is the list above, table by table, and it owns nothing."""
    connection = await asyncpg.connect(users[role])
    reads = {table for table in TABLES if await connection.fetchval("SELECT has_table_privilege($1, 'SELECT')", table)}
    writes = {
        table
        for table in TABLES
        if await connection.fetchval("SELECT has_table_privilege($1, 'INSERT, UPDATE, DELETE, TRUNCATE')", table)
    }
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("CREATE TABLE mine ()")
    await connection.close()

    assert reads == READS[role]
    assert writes == WRITES[role]


async def test_the_sink_does_its_work_with_its_rights(users: dict[str, str]) -> None:
    """It flushes, sweeps, makes and drops partitions of the log."""
    database = sink_database(users["sink"])
    topics = Topics()
    await Sink(database, Announcements(), SetAside()).process([topics.request("job"), topics.completed("job")])
    swept = await Janitor(database, Announcements(), batch_timeout=60, stale_after=60, log_retention=3).sweep()
    status = await database.fetch_value("SELECT status FROM template_generation_jobs")
    await database.close()

    assert status == "completed"
    assert swept is not None


async def test_an_address_that_asks_for_tls_is_never_used_without(database: str) -> None:
    """Where the server cannot encrypt, no role falls back to an unencrypted connection."""
    asking = f"{database}?sslmode=require"
    other = Database(asking, application_name="tests")
    with pytest.raises(UnavailableError):
        await sink_database(asking).fetch_value("SELECT 1")
    with pytest.raises(UnavailableError):
        await other.fetch_row("SELECT 1")
    await other.close()


async def test_the_others_do_theirs(users: dict[str, str]) -> None:
    """Render finds a template's source, and every role reads and writes the state of its dead letter limit."""
    render = Database(users["render"], application_name="tests")
    intake = Database(users["intake"], application_name="tests")
    source = await TemplateSources(render).get(uuid.uuid4())
    fuse = DeadLetterLimitTable(intake, "this build")
    await fuse.save_exceeded("intake", "too many")
    reasons = (
        await fuse.exceeded_reason("intake"),
        await DeadLetterLimitTable(intake, "another build").exceeded_reason("intake"),
    )
    await render.close()
    await intake.close()

    assert source is None
    assert reasons == ("too many", None)
