"""Posters that are not completed: cancelled jobs, passed deadlines, unforeseen errors."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from agents.cancellations import Cancellations
from agents.events import StoredPoster
from agents.postgres import BadRowError
from agents.render.agent import RenderAgent
from agents.render.poster_renderer import PosterRenderer
from schemas.codec import decode, encode
from schemas.outcomes import Image, PosterOutcome
from schemas.output import DEFAULTS
from schemas.renders import JobCancellation, PosterPinned
from schemas.topics import POSTER_COMPLETIONS
from streams.inbox import Inbox
from tests.sink.ports import Announcements, RecordedDeadLetters
from tests.streams.deliveries import EPOCH, delivery

IMAGE = Image(name="default", url="u", object_key="k", sha256="0" * 64, size_bytes=1, width=1, height=1, format="png")


class Slow:
    """A renderer that works until `ready` is set."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.ready = asyncio.Event()
        self.interrupted = 0
        self.error: Exception | None = None

    async def render(self, _: PosterPinned) -> StoredPoster:
        """Render a poster."""
        self.began.set()
        try:
            await self.ready.wait()
        except asyncio.CancelledError:
            self.interrupted += 1
            raise
        if self.error is not None:
            raise self.error
        return StoredPoster(images=[IMAGE])


class Room:
    """A render role without broker and browser."""

    def __init__(self) -> None:
        self.slow = Slow()
        self.cancellations = Cancellations()
        self.published = Announcements()
        self.inbox = Inbox(["poster-renders"], cap=8)
        self.finished = asyncio.Event()
        self.erased: set[tuple[str, int]] = set()
        self.lookup_error: Exception | None = None
        self.agent = RenderAgent(
            self.inbox,
            self.published,
            RecordedDeadLetters(),
            self.cancellations,
            cast("PosterRenderer", self.slow),
            retry_delays=(1, 1, 1),
            now=lambda: datetime.now(UTC),
            erased=self,
        )

    async def contains(self, job_id: str, poster_index: int) -> bool:
        """Return whether a poster was erased."""
        if self.lookup_error is not None:
            raise self.lookup_error
        return (job_id, poster_index) in self.erased

    def deliver(self, poster: PosterPinned) -> None:
        """Deliver a poster."""
        self.inbox.deliver(delivery(0, topic="poster-renders", value=encode(poster)), self.finished.set)

    def cancel(self, job_id: str) -> None:
        """Cancel its job."""
        cancellation = JobCancellation(event_id=uuid4(), occurred_at=EPOCH, job_id=job_id, up_to_generation=0)
        self.cancellations.on_record(job_id.encode(), encode(cancellation))

    @property
    def outcomes(self) -> list[PosterOutcome]:
        """The published outcomes."""
        return [
            decode(each.value, PosterOutcome) for each in self.published.records if each.topic == POSTER_COMPLETIONS
        ]


@pytest.fixture
async def room() -> Any:
    """A working role."""
    room = Room()
    running = asyncio.create_task(room.agent.run())
    yield room
    running.cancel()
    await asyncio.wait([running])


def pinned(**fields: Any) -> PosterPinned:
    """Return a poster to render."""
    return PosterPinned(
        **{
            "event_id": uuid4(),
            "occurred_at": EPOCH,
            "job_id": "job",
            "poster_index": 0,
            "entity_id": "e",
            "template_version_id": UUID(int=1),
            "section": "s",
            "template_version": 1,
            "output": DEFAULTS,
            "requested_at": EPOCH,
            "input_digest": "0" * 64,
            **fields,
        }
    )


async def test_a_cancelled_job_is_not_begun(room: Room) -> None:
    """Nothing is published for a poster that is already cancelled."""
    room.cancel("job")
    room.deliver(pinned())
    await room.finished.wait()

    assert not room.slow.began.is_set()
    assert room.published.records == []


async def test_an_erased_poster_that_is_delivered_again_is_not_rendered(room: Room) -> None:
    """Its worker crashed before it acknowledged the event; its image was deleted meanwhile and does not come back."""
    room.erased.add(("job", 0))
    room.deliver(pinned())
    await room.finished.wait()

    assert not room.slow.began.is_set()
    assert room.published.records == []


async def test_another_poster_of_a_job_with_an_erased_one_is_rendered(room: Room) -> None:
    """Erasures are looked up by poster: another entity of the batch keeps its own."""
    room.erased.add(("job", 1))
    room.slow.ready.set()
    room.deliver(pinned())
    await room.finished.wait()

    assert [outcome.status for outcome in room.outcomes] == ["completed"]


@pytest.mark.parametrize("error", [BadRowError("a value"), ZeroDivisionError("of some library")], ids=repr)
async def test_a_poster_that_cannot_be_looked_up_is_rendered(room: Room, error: Exception) -> None:
    """Whatever the lookup of erased posters raises neither ends the worker nor keeps the poster from being made."""
    room.lookup_error = error
    room.slow.ready.set()
    room.deliver(pinned())
    await asyncio.wait_for(room.finished.wait(), 5)

    assert [outcome.status for outcome in room.outcomes] == ["completed"]


async def test_a_cancel_interrupts_the_rendering(room: Room) -> None:
    """Page and upload are cancelled at once, and the outcome is left to the sink."""
    room.deliver(pinned())
    await room.slow.began.wait()
    room.cancel("another")
    room.cancel("job")
    await room.finished.wait()

    assert room.slow.interrupted == 1
    assert room.outcomes == []


async def test_a_deadline_interrupts_the_rendering(room: Room) -> None:
    """The poster fails as expired at its deadline, not when rendering and upload are over."""
    room.deliver(pinned(deadline=datetime.now(UTC) + timedelta(milliseconds=50)))
    await room.finished.wait()
    (outcome,) = room.outcomes

    assert room.slow.interrupted == 1
    assert outcome.error is not None
    assert outcome.error.code == "expired"


async def test_a_replay_is_not_covered_by_an_earlier_cancel(room: Room) -> None:
    """A cancel covers the generations that there were."""
    room.cancel("job")
    room.slow.ready.set()
    room.deliver(pinned(generation=1))
    await room.finished.wait()

    assert [outcome.status for outcome in room.outcomes] == ["completed"]


async def test_an_unforeseen_error_fails_the_poster_only(room: Room) -> None:
    """An exception that is no RenderError does not end the worker, and the poster has an outcome."""
    room.slow.error = ZeroDivisionError("of some library")
    room.slow.ready.set()
    room.deliver(pinned(attempt=4))
    await asyncio.wait_for(room.finished.wait(), 5)

    (outcome,) = room.outcomes
    assert outcome.error is not None
    assert (outcome.error.code, "of some library" in outcome.error.message) == ("internal", True)
