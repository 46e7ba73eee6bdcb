"""`posters templates own`: what is published of a section that is handed over, beside commands of the former owner."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from agents.postgres import Connection
from agents.settings import Settings
from agents.templates.commands import execute
from agents.templates.received_command import ReceivedCommand
from agents.templates.store import TemplateStore
from posters.operations import sections
from posters.operations.errors import OperationError
from posters.operations.sections import Owned, own_section
from schemas.codec import decode
from schemas.templates import TemplateUpload, TemplateUploaded
from schemas.topics import TEMPLATE_CATALOG
from streams.delivery import Record
from tests.templates.test_sections import Checker

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WAITING = (
    "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
    "WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted"
)


class Broker:
    """The topics and the role's answer, in memory. `before_answer` is called before a command is answered."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.before_answer: Callable[[], None] = lambda: None

    def publish(self, records: Sequence[Record]) -> None:
        """Append them."""
        self.records += records

    def wait_for_earlier_commands(self, _section: str, _source: str) -> None:
        """Return at once."""
        self.before_answer()

    @property
    def owners(self) -> dict[str, str | None]:
        """The owner that the newest catalog record of each version names."""
        catalog = [record for record in self.records if record.topic == TEMPLATE_CATALOG]
        return {str(record.key): decode(record.value, TemplateUploaded).owner for record in catalog}


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    """A broker for `own_section`."""
    broker = Broker()
    monkeypatch.setattr(sections, "KafkaClient", lambda _settings: broker)
    monkeypatch.setattr(sections, "TemplateClient", lambda _settings, _timeout: broker)
    return broker


@pytest.fixture
async def role(database: str) -> AsyncIterator[Connection]:
    """The connection of the templates role."""
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


async def upload(role: Connection, source: str = "shop") -> list[Record]:
    """Execute an upload within the caller's transaction and return what the role publishes after its commit."""
    command = TemplateUpload(
        event_id=uuid4(), occurred_at=NOW, source=source, section="cards", name="n", html_content=f"<p>{uuid4()}</p>"
    )
    received = ReceivedCommand(command=command, at=NOW, now=NOW, headers=())
    return await execute(received, TemplateStore(role), Checker())


def owning(database: str) -> Any:
    """Return `posters templates own cards bank` as it runs."""
    return own_section(Settings(database_url=database), "cards", "bank", now=NOW, timeout=1.0)


async def test_an_upload_in_progress_is_waited_for(database: str, role: Connection, broker: Broker) -> None:
    """The section's lock is the role's: what it has not committed yet is owned and published with the rest."""
    async with role.transaction():
        await upload(role)
    async with role.transaction():
        await upload(role)
        task = asyncio.create_task(owning(database))
        while not await role.fetchval(WAITING):
            pass
        before = list(broker.records)
    owned = await task

    assert before == []
    assert owned == Owned(before="the source `shop`", versions=2)
    assert broker.owners == {"cards@1": "bank", "cards@2": "bank"}


async def test_the_catalog_is_published_after_what_earlier_commands_publish(
    database: str, role: Connection, broker: Broker
) -> None:
    """The role publishes after its commit, so it may still publish the former owner once the section is another's."""
    async with role.transaction():
        stale = await upload(role)
    broker.before_answer = lambda: broker.publish(stale)
    await owning(database)

    assert [decode(each.value, TemplateUploaded).owner for each in stale if each.topic == TEMPLATE_CATALOG] == ["shop"]
    assert broker.owners == {"cards@1": "bank"}


async def test_without_a_worker_it_says_what_is_done_and_what_is_not(
    database: str, role: Connection, broker: Broker
) -> None:
    """Commands of others are refused from then on; the catalog is published when it is repeated."""
    async with role.transaction():
        await upload(role)

    def unanswered() -> None:
        raise OperationError("no answer within 1 s")

    broker.before_answer = unanswered
    with pytest.raises(OperationError, match=r"belongs to the source `bank` for commands, but intake .* repeat"):
        await owning(database)
    owner = await role.fetchval("SELECT source FROM template_sections WHERE section = 'cards'")
    published = list(broker.records)
    broker.before_answer = lambda: None
    repeated = await owning(database)

    assert (owner, published) == ("bank", [])
    assert repeated == Owned(before="the source `bank`", versions=1)
    assert broker.owners == {"cards@1": "bank"}
