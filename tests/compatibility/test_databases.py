"""Databases as teams run them: behind a pooler, in another schema, without a superuser, with TLS."""

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import asyncpg
import psycopg
import pytest

from agents.postgres import Database
from agents.settings import Settings
from agents.sink.database import sink_database
from agents.sink.janitor import Janitor
from agents.sink.sink import Sink
from posters.operations.checks import CHECKS
from posters.operations.errors import OperationError
from posters.operations.migrations import MigrationError, migrate, pending
from posters.operations.setup import grant
from streams.errors import UnavailableError
from tests.compatibility.cases import tried
from tests.compatibility.conftest import RunSystem, make_poster
from tests.compatibility.parts import PgBouncer
from tests.parts import KafkaServer, PostgresServer
from tests.sink.ports import Announcements, RecordedDeadLetters
from tests.sink.topics import Topics
from tests.streams.test_secured_broker import openssl

ROLES = ("intake", "render", "retry", "templates", "sink")


def server_version(url: str) -> str:
    """Return the version of a PostgreSQL server."""
    with psycopg.connect(url) as connection:
        return f"PostgreSQL {connection.info.server_version // 10_000}"


@pytest.fixture
def pooler(parts_directory: Path, postgres: PostgresServer) -> Iterator[PgBouncer]:
    """PgBouncer with its defaults but for the transaction mode."""
    with PgBouncer(parts_directory / f"pooler-{uuid.uuid4().hex[:6]}", postgres, {"postgres": ""}, {}) as pooler:
        yield pooler


async def write_a_job(url: str) -> None:
    """Flush, sweep and read back through one database."""
    database, sweeping, topics = sink_database(url), sink_database(url), Topics()
    sink = Sink(database, Announcements(), RecordedDeadLetters())
    janitor = Janitor(sweeping, Announcements(), batch_timeout=60, stale_after=60, log_retention=3)
    job = f"job-{uuid.uuid4().hex}"
    await sink.process([topics.request(job), topics.log(job)])
    swept = await janitor.sweep()
    await sink.process([topics.completed(job)])
    status = await database.fetch_value("SELECT status FROM template_generation_jobs WHERE job_id = $1", job)
    await database.close()
    await sweeping.close()
    assert swept is not None
    assert status == "completed"


async def problems(settings: Settings) -> list[str]:
    """Return what doctor says of the database."""
    try:
        return cast("list[str]", await CHECKS["database and migrations"](settings))
    except (OperationError, UnavailableError) as error:
        return [str(error)]


async def test_another_schema(empty_database: str) -> None:
    """Tables, functions and log partitions stand in the schema that the address, or the user, puts first."""
    connection = await asyncpg.connect(empty_database)
    await connection.execute("CREATE SCHEMA posters")
    await migrate(f"{empty_database}?search_path=posters")
    await write_a_job(f"{empty_database}?search_path=posters")
    user = f"schema_{uuid.uuid4().hex[:8]}"
    await connection.execute(
        f"CREATE SCHEMA own; CREATE ROLE {user} LOGIN; ALTER ROLE {user} SET search_path = own;"
        f"GRANT ALL ON SCHEMA own TO {user}"
    )
    by_user = empty_database.replace("//postgres@", f"//{user}@")
    await migrate(by_user)
    await write_a_job(by_user)
    missing = f"{empty_database}?search_path=nothing"
    with pytest.raises(MigrationError, match="CREATE SCHEMA"):
        await migrate(missing)
    schemas = await connection.fetch("SELECT DISTINCT schemaname FROM pg_tables WHERE tablename LIKE 'template%'")
    await connection.execute(f"DROP OWNED BY {user}; DROP ROLE {user}")
    await connection.close()

    assert {row["schemaname"] for row in schemas} == {"own", "posters"}
    assert "CREATE SCHEMA" in (await problems(Settings(database_url=missing)))[0]
    tried("search-path", server_version(empty_database))


async def test_workers_of_two_builds_share_the_tables(empty_database: str) -> None:
    """A sink with another flush function keeps its own: setup removes none, and doctor names one that is missing."""
    await migrate(empty_database)
    connection = await asyncpg.connect(empty_database)
    names = "SELECT proname FROM pg_proc WHERE proname LIKE 'flush_batch_%'"
    [ours] = [row["proname"] for row in await connection.fetch(names)]
    await connection.execute(f"ALTER FUNCTION {ours} RENAME TO flush_batch_older")
    before = await pending(empty_database)
    await migrate(empty_database)
    both = {row["proname"] for row in await connection.fetch(names)}
    await connection.close()

    assert before == [ours]
    assert both == {ours, "flush_batch_older"}


@pytest.mark.whole
async def test_a_pooler_changes_nothing(postgres: PostgresServer, pooler: PgBouncer, empty_database: str) -> None:
    """Migrations, flushes, sweeps and queries of many workers at once, over two sessions of the server."""
    url = pooler.url(empty_database)
    assert min(len(applied) for applied in await asyncio.gather(*(migrate(url) for _ in range(2)))) == 0
    assert await pending(url) == []
    sweeping = Database(url, application_name="tests")
    await asyncio.gather(*(write_a_job_without_sweep(url, count=20) for _ in range(6)))
    counted = await sweeping.fetch_value("SELECT count(*) FROM template_generation_jobs WHERE status = 'completed'")
    await sweeping.close()
    connection = await asyncpg.connect(empty_database)
    locks = await connection.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
    await connection.close()

    assert counted == 120
    assert locks == 0
    await write_a_job(url)


async def write_a_job_without_sweep(url: str, *, count: int) -> None:
    """Flush jobs one after the other."""
    database, topics = sink_database(url), Topics()
    sink = Sink(database, Announcements(), RecordedDeadLetters())
    for _ in range(count):
        job = f"job-{uuid.uuid4().hex}"
        await sink.process([topics.request(job)])
        await sink.process([topics.completed(job)])
    await database.close()


@pytest.mark.whole
def test_a_whole_system_behind_a_pooler(
    kafka: KafkaServer, pooler: PgBouncer, empty_database: str, run_system: RunSystem
) -> None:
    """Every role and every command but `rebuild`, which says what it needs."""
    kafka.clear()
    with run_system(kafka.address, pooler.url(empty_database)) as system:
        setup = system.command("setup", "--grants")
        assert setup.returncode == 0, setup.stderr
        system.start_worker()
        make_poster(system)
        doctor = system.command("doctor")
        dead_letters = system.command("dead-letters", "list")
        resumed = system.command("dead-letters", "resume")
        rebuilt = system.command("rebuild")

    assert doctor.returncode == 0, doctor.stdout
    assert dead_letters.returncode == resumed.returncode == 0, dead_letters.stderr + resumed.stderr
    assert rebuilt.returncode == 1
    assert "address of the server itself" in rebuilt.stderr
    assert "Traceback" not in rebuilt.stderr
    tried("postgres", server_version(empty_database))
    tried("pgbouncer", f"{PgBouncer.version()}, {server_version(empty_database)}")


@pytest.mark.whole
async def test_a_pooler_that_drops_the_search_path(
    parts_directory: Path, postgres: PostgresServer, empty_database: str
) -> None:
    """Tables must not silently get into another schema: setup and doctor say so; so they do where it is refused."""
    connection = await asyncpg.connect(empty_database)
    await connection.execute("CREATE SCHEMA posters")
    await connection.close()
    for settings, part in (({"ignore_startup_parameters": "search_path"}, "ignores that"), ({}, "passes on no such")):
        with PgBouncer(parts_directory / f"p-{uuid.uuid4().hex[:6]}", postgres, {"postgres": ""}, settings) as pooler:
            url = f"{pooler.url(empty_database)}?search_path=posters"
            with pytest.raises(MigrationError, match=part):
                await migrate(url)
            assert part in (await problems(Settings(database_url=url)))[0]


@pytest.mark.whole
def test_a_managed_service(kafka: KafkaServer, postgres: PostgresServer, run_system: RunSystem) -> None:
    """No superuser anywhere: an owner who may create roles sets up a schema, and a user with the roles runs workers."""
    kafka.clear()
    name = f"managed_{uuid.uuid4().hex[:8]}"
    postgres.create(name)
    owner, user = f"{name}_owner", f"{name}_user"
    with psycopg.connect(postgres.url(name), autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {owner} LOGIN CREATEROLE; GRANT CREATE, CONNECT ON DATABASE {name} TO {owner}")
    as_owner = postgres.url(name).replace("//postgres@", f"//{owner}@")
    with psycopg.connect(as_owner, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA posters; ALTER ROLE {owner} SET search_path = posters")
    asyncio.run(migrate(as_owner))
    with psycopg.connect(postgres.url(name), autocommit=True) as admin:
        # Other tests have made the roles, and PostgreSQL lets their maker alone give them away.
        made = {row[0] for row in admin.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'posters_%'")}
        for role in made:
            admin.execute(f"GRANT {role} TO {owner} WITH ADMIN OPTION")
    asyncio.run(grant(Settings(database_url=as_owner)))
    with psycopg.connect(as_owner, autocommit=True) as connection:
        member_of = ", ".join(f"posters_{role}" for role in ROLES)
        connection.execute(f"CREATE ROLE {user} LOGIN IN ROLE {member_of}; ALTER ROLE {user} SET search_path = posters")
    as_user = postgres.url(name).replace("//postgres@", f"//{user}@")
    with run_system(kafka.address, as_owner) as system:
        setup = system.command("setup", "--grants")
        assert setup.returncode == 0, setup.stderr
        system.environment["POSTERS_DATABASE_URL"] = as_user
        system.start_worker()
        make_poster(system)
        system.eventually(lambda: system.status("/ready")[0] == 200)
        assert "insufficient" not in system.log.read_text()
        assert "permission denied" not in system.log.read_text()
    postgres.drop(name)
    with psycopg.connect(postgres.url(), autocommit=True) as admin:
        admin.execute(f"DROP OWNED BY {user}, {owner}; DROP ROLE {user}; DROP ROLE {owner}")
    tried("roles", server_version(postgres.url()))


@pytest.mark.whole
async def test_tls(tmp_path: Path, parts_directory: Path, postgres: PostgresServer, database: str) -> None:
    """Each mode connects or says what to add; PgBouncer is the server with TLS here."""
    directory = parts_directory / f"tls-{uuid.uuid4().hex[:6]}"
    directory.mkdir(mode=0o755)
    names = (
        "-days",
        "2",
        "-nodes",
        "-newkey",
        "rsa:2048",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
    )
    openssl("req", "-x509", *names, "-keyout", directory / "key.pem", "-out", directory / "ca.pem")
    (directory / "key.pem").chmod(0o644)
    settings = {
        "client_tls_sslmode": "require",
        "client_tls_key_file": str(directory / "key.pem"),
        "client_tls_cert_file": str(directory / "ca.pem"),
    }
    with PgBouncer(directory / "pooler", postgres, {"postgres": ""}, settings) as pooler:
        url = pooler.url(database).replace("127.0.0.1", "localhost")
        ca = f"&sslrootcert={directory}/ca.pem"
        for query in ("", "?sslmode=require", f"?sslmode=verify-ca{ca}", f"?sslmode=verify-full{ca}"):
            await write_a_job(url + query)
            assert await problems(Settings(database_url=url + query)) == []
        unknown = tmp_path / "other.pem"
        openssl("req", "-x509", *names, "-keyout", tmp_path / "other.key", "-out", unknown)
        for query, part in (
            ("?sslmode=disable", "sslmode=require"),
            (f"?sslmode=verify-full&sslrootcert={unknown}", "sslrootcert"),
            ("?sslmode=verify-full", "sslrootcert"),
        ):
            [sentence] = await problems(Settings(database_url=url + query))
            assert part in sentence.rpartition("; ")[2], sentence
    [sentence] = await problems(Settings(database_url=f"{database}?sslmode=require"))

    assert "leave `sslmode` out" in sentence
    tried("tls", f"PgBouncer {PgBouncer.version()} as the server")
