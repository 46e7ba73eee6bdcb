"""One connection for several callers: turns, transactions, and a new connection where the old one is of no use."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from agents import postgres
from agents.postgres import BadRowError, Database, as_json
from streams.errors import UnavailableError

SESSION = "SELECT pg_backend_pid()"


@pytest.fixture
async def shared(empty_database: str) -> AsyncIterator[Database]:
    """A database that nobody has used yet."""
    shared = Database(empty_database, application_name="tests")
    yield shared
    await shared.close()


async def test_callers_take_turns_on_one_session(shared: Database) -> None:
    """Calls at the same time are all answered, by the same session."""
    sessions = await asyncio.gather(*(shared.fetch_value(SESSION) for _ in range(5)))

    assert len(set(sessions)) == 1


async def test_whoever_gets_no_turn_is_told_so_and_disturbs_nobody(
    shared: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller that waits too long for another's transaction gets UnavailableError; the transaction commits."""
    await shared.fetch_value("CREATE TABLE notes (text text)")
    async with shared.transaction() as connection:
        await connection.execute("INSERT INTO notes VALUES ('kept')")
        monkeypatch.setattr(postgres, "TURN_SECONDS", 0.01)
        with pytest.raises(UnavailableError, match="busy"):
            await shared.fetch_value(SESSION)
        monkeypatch.undo()

    assert [tuple(row) for row in await shared.fetch_rows("SELECT text FROM notes")] == [("kept",)]


async def test_a_transaction_that_fails_leaves_nothing(shared: Database) -> None:
    """Where its block raises, its statements have no effect, and the session goes on."""
    await shared.fetch_value("CREATE TABLE notes (text text)")
    before = await shared.fetch_value(SESSION)

    async def fail() -> None:
        async with shared.transaction() as connection:
            await connection.execute("INSERT INTO notes VALUES ('gone')")
            raise LookupError

    with pytest.raises(LookupError):
        await fail()

    assert await shared.fetch_row("SELECT text FROM notes") is None
    assert await shared.fetch_value(SESSION) == before


async def test_a_cancelled_call_costs_its_session(shared: Database) -> None:
    """What the server still works on is nobody's answer: the next call has a session of its own, at once."""
    before = await shared.fetch_value(SESSION)
    call = asyncio.create_task(shared.fetch_value("SELECT pg_sleep(60)"))
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait([call])

    assert await shared.fetch_value(SESSION) != before


async def test_an_idle_session_is_replaced(shared: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that nobody used for long may be dead; it is not tried."""
    before = await shared.fetch_value(SESSION)
    used_soon = await shared.fetch_value(SESSION)
    monkeypatch.setattr(postgres, "IDLE_SECONDS", -1.0)

    assert used_soon == before
    assert await shared.fetch_value(SESSION) != before


async def test_settings_are_of_every_session(empty_database: str) -> None:
    """A session has the settings it was given and its name; so has the next one."""
    database = Database(empty_database, application_name="tests", settings={"lock_timeout": "7s", "jit": "off"})
    state = "SELECT current_setting('application_name'), current_setting('lock_timeout'), current_setting('jit')"
    first = await database.fetch_row(state)
    await database.close()
    second = await database.fetch_row(state)
    await database.close()

    assert first is not None
    assert tuple(first) == ("tests", "7s", "off")
    assert second == first


async def test_statements_are_not_prepared_for_a_session_that_changes(shared: Database) -> None:
    """Where a prepared statement is gone, as behind a pooler that was not recognised, later calls prepare none."""
    await shared.fetch_value(SESSION)
    async with shared.transaction() as connection:
        await connection.execute("DEALLOCATE ALL")
    with pytest.raises(UnavailableError, match="26000"):
        await shared.fetch_value(SESSION)
    await shared.fetch_value(SESSION)

    assert await shared.fetch_value("SELECT count(*) FROM pg_prepared_statements WHERE name <> ''") == 0


def test_a_value_that_is_no_json_is_a_bad_row() -> None:
    """An integer beyond 64 bits and half a surrogate pair are refused before they are sent."""
    assert as_json({"ä": [1, None]}) == '{"ä":[1,null]}'
    for value in (2**70, "\ud83c"):
        with pytest.raises(BadRowError):
            as_json([value])
