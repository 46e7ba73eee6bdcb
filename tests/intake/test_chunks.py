"""Many posters at once neither hold up a process nor fill its memory."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import cast
from uuid import uuid4

from agents.intake.accept import Acceptance
from agents.intake.agent import RECORDS_A_CHUNK, IntakeAgent
from agents.intake.catalog import Catalog
from schemas.codec import encode
from schemas.requests import JobCancelRequested
from streams.dead_letters import DeadLetters
from streams.delivery import Delivery, Record
from streams.inbox import Inbox
from tests.streams.deliveries import delivery

REQUESTS = 9


class Many:
    """Answers each request with half a chunk of records, and a bit more."""

    def __init__(self) -> None:
        self.accepted = 0

    def accept(self, _request: object, _delivery: Delivery) -> list[Record]:
        """Answer."""
        self.accepted += 1
        return [Record(topic="poster-renders", key="k", value=b"")] * (RECORDS_A_CHUNK // 2 + 1)


class Slow:
    """Takes records, and acknowledges them when it is told to."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.sizes: list[int] = []

    async def publish(self, records: Iterable[Record]) -> None:
        """Take them."""
        self.sizes.append(len(list(records)))
        await self.open.wait()


async def test_large_requests_are_answered_in_chunks() -> None:
    """While two chunks are on their way no more than a third is decided; in the end all is answered, in order."""
    inbox, acceptance, publisher = Inbox(["poster-requests"], cap=100), Many(), Slow()
    agent = IntakeAgent(
        inbox,
        publisher,
        cast("DeadLetters", None),
        cast("Acceptance", acceptance),
        Catalog(),
        lambda: datetime.now(UTC),
    )
    done = asyncio.Event()
    for offset in range(REQUESTS):
        request = JobCancelRequested(event_id=uuid4(), occurred_at=datetime.now(UTC), job_id=f"job_{offset}")
        inbox.deliver(delivery(offset, value=encode(request)), done.set if offset + 1 == REQUESTS else lambda: None)
    running = asyncio.ensure_future(agent.run())
    for _ in range(100):
        await asyncio.sleep(0)
    decided, sent = acceptance.accepted, list(publisher.sizes)
    publisher.open.set()
    await done.wait()
    running.cancel()

    assert (decided, len(sent)) == (6, 2)
    assert acceptance.accepted == REQUESTS
    assert max(publisher.sizes) < 2 * RECORDS_A_CHUNK
