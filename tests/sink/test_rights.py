"""Every process connects as somebody who may do its work and no more."""

import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from agents.dead_letter_limits import DeadLetterLimitTable
from agents.ownership import SQL as CLAIM
from agents.postgres import Connection, Database
from agents.render.template_sources import TemplateSources
from agents.settings import Settings
from agents.sink.database import sink_database
from agents.sink.erasures import Erasures
from agents.sink.janitor import Janitor
from agents.sink.sink import Sink
from agents.storage.files import FileStore
from posters.operations.setup import grant
from streams.errors import UnavailableError
from streams.sql import named_queries
from tests.sink.ports import Announcements, RecordedDeadLetters
from tests.sink.topics import Topics

TABLES = (
    "templates",
    "template_placeholders",
    "template_activations",
    "template_drafts",
    "template_generation_jobs",
    "template_poster_results",
    "template_generation_logs",
    "poster_erasures",
    "erased_objects",
    "blown_fuses",
    "dead_letter_actions",
    "posters_migrations",
    "crash_journal",
    "job_owners",
    "early_commands",
    "erased_posters",
    "poster_replays",
    "finished_replays",
    "template_sections",
    "quota_use",
    "quota_requests",
)
WRITES = {
    "intake": {"blown_fuses"},
    "retry": {"blown_fuses"},
    "render": {"blown_fuses"},
    "templates": {"templates", "template_placeholders", "template_activations", "template_drafts", "blown_fuses"}
    | {"template_sections"},
    "sink": {
        "template_generation_jobs",
        "template_poster_results",
        "template_generation_logs",
        "poster_erasures",
        "erased_objects",
        "erased_posters",
        "poster_replays",
        "finished_replays",
        "quota_use",
        "quota_requests",
        "blown_fuses",
    },
    "operator": {"blown_fuses", "dead_letter_actions", "template_sections"},
}
for _role in ("intake", "retry", "render", "templates", "sink"):
    WRITES[_role].add("crash_journal")
READS = {role: set(tables) for role, tables in WRITES.items()}
READS["render"] |= {"templates", "template_drafts", "erased_posters"}
READS["sink"] |= {"template_sections"}
READS["operator"] |= set(TABLES) - {"template_drafts"}
ROLES = ("intake", "render", "retry", "templates", "sink")
QUERIES = {
    "agents/crash_journal.sql": ROLES,
    "agents/dead_letter_limits.sql": ROLES,
    "agents/ownership.sql": ("intake", "sink"),
    "agents/quotas.sql": ("intake",),
    "agents/sink/janitor.sql": ("sink",),
    "agents/render/erased_posters.sql": ("render",),
    "agents/render/template_sources.sql": ("render",),
    "agents/sink/erased_objects.sql": ("sink",),
    "agents/sink/erasures.sql": ("sink",),
    "agents/sink/open_posters.sql": ("sink",),
    "agents/sink/replays.sql": ("sink",),
    "agents/templates/store.sql": ("templates",),
    "posters/operations/dead_letter_actions.sql": ("operator",),
    "posters/operations/jobs.sql": ("operator",),
    "posters/operations/quota.sql": ("operator",),
    "posters/operations/template_audit/recorded_templates.sql": ("operator",),
    "posters/operations/sections.sql": ("operator",),
}
"""Files of named queries, and as whom they run."""
OTHER_SQL = {
    "agents/sink/flush.sql",  # a function; run by `test_the_sink_does_its_work_with_its_rights`
    "posters/demo/results.sql",  # of the demo's own database
    "posters/operations/grants.sql",  # these two by the owner of the tables
    "posters/operations/rebuild.sql",
}
ROOT = Path(__file__).parents[2]


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
        # A test that failed may have left its session open, with which the role could not be dropped.
        await owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", name)
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


async def test_a_temporary_table_does_not_stand_for_the_owner_s(users: dict[str, str]) -> None:
    """`claim_jobs` has the owner's rights, and triggers of a table that the caller has made would have them too."""
    connection = await asyncpg.connect(users["intake"])
    await connection.execute(
        "CREATE TEMPORARY TABLE job_owners "
        "(job_id text PRIMARY KEY, source text, claimed_at timestamptz, erased_at timestamptz)"
    )
    await connection.execute("GRANT ALL ON job_owners TO PUBLIC")
    command = (["job"], ["shop"], ["request"], [0], [0], [0], [uuid.uuid4()], [datetime.now(UTC)], [None])
    await connection.fetch(CLAIM["claim"], *command)
    written = await connection.fetchval("SELECT count(*) FROM pg_temp.job_owners")
    await connection.close()

    assert written == 0


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


def test_every_file_of_queries_is_assigned_to_those_who_run_it() -> None:
    """A new file of SQL is checked for the rights it needs."""
    files = {str(path.relative_to(ROOT)) for room in ("agents", "posters") for path in (ROOT / room).rglob("*.sql")}

    assert files == QUERIES.keys() | OTHER_SQL


@pytest.mark.parametrize(("file", "role"), [(file, role) for file, roles in QUERIES.items() for role in roles])
async def test_a_role_may_run_each_of_its_queries(users: dict[str, str], file: str, role: str) -> None:
    """No query of a role is refused for lack of rights."""
    connection = await asyncpg.connect(users[role])
    refused = {}
    try:
        for name, query in named_queries(ROOT / file).items():
            try:
                await _run_without_values(connection, query)
            except asyncpg.InsufficientPrivilegeError as error:
                refused[name] = str(error)
    finally:
        await connection.close()

    assert refused == {}


async def test_an_operator_may_own_a_section(users: dict[str, str]) -> None:
    """`posters templates own` locks and reads the section as the templates role does."""
    connection = await asyncpg.connect(users["operator"])
    queries = named_queries(ROOT / "agents/templates/store.sql")
    try:
        for name in ("lock_section", "versions", "describe"):
            await _run_without_values(connection, queries[name])
    finally:
        await connection.close()


async def _run_without_values(connection: Connection, query: str) -> None:
    """Run a query with NULL for every parameter, which constraints may refuse; the server checks rights before them."""
    parameters = (await connection.prepare(query)).get_parameters()
    with suppress(asyncpg.IntegrityConstraintViolationError):
        await connection.fetch(query, *(None for _ in parameters))


async def test_the_sink_does_its_work_with_its_rights(users: dict[str, str], tmp_path: Path) -> None:
    """It flushes, sweeps, erases, makes and drops partitions of the log."""
    database = sink_database(users["sink"])
    topics = Topics()
    sink = Sink(database, Announcements(), RecordedDeadLetters(), count_bytes=True)
    await sink.process([topics.request("job"), topics.completed("job")])
    swept = await Janitor(database, Announcements(), batch_timeout=60, stale_after=60, log_retention=3).sweep()
    erasures = Erasures(database, FileStore(tmp_path), Announcements())
    await erasures.record([topics.erase(job_id="job")])
    erased = await erasures.sweep()
    status = await database.fetch_value("SELECT status FROM template_generation_jobs")
    await database.close()

    assert status == "completed"
    assert swept is not None
    assert erased == 1


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
    states = DeadLetterLimitTable(intake, "this build")
    await states.save_exceeded("intake", "too many")
    reasons = (
        await states.exceeded_reason("intake"),
        await DeadLetterLimitTable(intake, "another build").exceeded_reason("intake"),
    )
    await render.close()
    await intake.close()

    assert source is None
    assert reasons == ("too many", None)
