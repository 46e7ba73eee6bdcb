"""A single poster starts at once, whatever bulk has in flight."""

import asyncio
from datetime import UTC, datetime
from typing import cast
from uuid import UUID, uuid4

from agents.cancellations import Cancellations
from agents.events import StoredPoster
from agents.render.agent import RenderAgent
from agents.render.lanes import Lanes
from agents.render.poster_renderer import PosterRenderer
from agents.render.slow_templates import SlowTemplates
from renderer.concurrency_limit import RESERVED, ConcurrencyLimit
from renderer.cost_estimates import CostEstimates
from schemas.codec import encode
from schemas.outcomes import Image
from schemas.renders import PosterPinned
from streams.inbox import Inbox
from tests.render.test_giving_up import pinned
from tests.sink.ports import Announcements, RecordedDeadLetters
from tests.streams.deliveries import delivery

BULK_PLACES = 3
IMAGE = Image(name="default", url="u", object_key="k", sha256="0" * 64, size_bytes=1, width=1, height=1, format="png")


def proven(version_id: UUID) -> SlowTemplates:
    """Return what is known where a poster of a version was drawn before."""
    known = SlowTemplates(1)
    known.note_stored(version_id, drawn=True)
    return known


class Held:
    """A renderer that finishes a poster once its event is set."""

    def __init__(self) -> None:
        self.rendering: dict[str, asyncio.Event] = {}

    async def render(self, poster: PosterPinned) -> StoredPoster:
        """Render a poster."""
        self.rendering[poster.job_id] = asyncio.Event()
        await self.rendering[poster.job_id].wait()
        return StoredPoster(images=[IMAGE])


class Room:
    """A render role without broker and browser."""

    def __init__(self) -> None:
        self.held = Held()
        places = ConcurrencyLimit(BULK_PLACES)
        self.lanes = Lanes(places, CostEstimates(), proven(UUID(int=1)))
        self.inbox = Inbox(["poster-renders", "poster-renders-bulk"], cap=100, queue=self.lanes)
        places.on_free = self.inbox.recheck_queue
        self.agent = RenderAgent(
            self.inbox,
            Announcements(),
            RecordedDeadLetters(),
            Cancellations(),
            cast("PosterRenderer", self.held),
            retry_delays=(1, 1, 1),
            now=lambda: datetime.now(UTC),
        )

    async def ask(self, topic: str, *jobs: str) -> None:
        """Deliver a poster of each job, and let the role begin what it wants to begin."""
        for job in jobs:
            poster = pinned(job_id=job, event_id=uuid4())
            offset = (self.inbox.last_delivered((topic, 0)) or 0) + 1
            self.inbox.deliver(delivery(offset, topic=topic, value=encode(poster)), lambda: None)
        await self.passes()

    async def finish(self, job: str) -> None:
        """Let the renderer finish a poster, and the role go on."""
        self.held.rendering.pop(job).set()
        await self.passes()

    async def passes(self) -> None:
        """Let the role work until it waits for its renderer."""
        for _ in range(100):
            await asyncio.sleep(0)


async def test_a_single_poster_does_not_wait_for_bulk() -> None:
    """Bulk uses all of its own concurrency; beside it single posters begin at once."""
    room = Room()
    running = asyncio.create_task(room.agent.run())
    await room.ask("poster-renders-bulk", "b1", "b2", "b3", "b4", "b5")
    before = sorted(room.held.rendering)
    await room.ask("poster-renders", *(f"s{number}" for number in range(RESERVED)))
    with_singles = sorted(room.held.rendering)
    running.cancel()

    assert before == ["b1", "b2", "b3"]
    assert with_singles == ["b1", "b2", "b3", "s0", "s1"]


async def test_bulk_alone_uses_its_whole_concurrency() -> None:
    """Without single posters, the end of a bulk poster is the beginning of the next."""
    room = Room()
    running = asyncio.create_task(room.agent.run())
    await room.ask("poster-renders-bulk", "b1", "b2", "b3", "b4", "b5")
    await room.finish("b2")
    after_one = sorted(room.held.rendering)
    await room.finish("b1")
    after_two = sorted(room.held.rendering)
    running.cancel()

    assert after_one == ["b1", "b3", "b4"]
    assert after_two == ["b3", "b4", "b5"]
