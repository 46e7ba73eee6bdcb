"""What every role publishes about posters and jobs, for fixed inputs, times and ids."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from msgspec import Raw

from agents.cancellations import Cancellations
from agents.events import StoredPoster, job_cancellation
from agents.fair_queue import FairQueue
from agents.intake.agent import IntakeAgent
from agents.intake.catalog import Catalog
from agents.intake.request_handler import RequestHandler
from agents.known_sources import KnownSources
from agents.oversized import reduced_forms
from agents.render.agent import RenderAgent
from agents.render.poster_renderer import PosterRenderer
from agents.retry.agent import RetryAgent
from agents.sink import erasures
from agents.sink.erasures import Erasure
from agents.sink.flush import JobState
from agents.sink.job_events import job_records
from agents.sink.open_posters import OpenPoster, cancelled, failed
from renderer.errors import RenderError
from schemas import topics
from schemas.codec import encode
from schemas.outcomes import Asset, Failure, Image, PosterOutcome, PosterWarning
from schemas.output import DEFAULTS
from schemas.progress import LogRecorded, PosterProgress
from schemas.renders import PosterPinned
from schemas.requests import BatchRequested, JobCancelRequested, PosterRequested, Request
from schemas.templates import Placeholder, TemplateUploaded
from streams.delivery import Delivery, Headers, Record
from streams.inbox import Inbox
from streams.records import event_headers
from streams.replay import replayed
from tests.agents.owners import admission
from tests.sink.ports import Announcements, RecordedDeadLetters
from tests.streams.deliveries import EPOCH, delivery

NOW = datetime(2026, 6, 1, 12, 30, 0, 123456, tzinfo=UTC)
TRACE: Headers = (("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("x", b"dropped"))
STAMP: dict[str, Any] = {"event_id": UUID(int=7), "occurred_at": EPOCH, "source": "shop.example"}
TEMPLATE = UUID(int=1)
IMAGE = Image(
    name="default",
    url="https://cdn.example/k.png",
    object_key="templates/cards/e_k.png",
    sha256="0" * 64,
    size_bytes=12,
    width=600,
    height=400,
    format="png",
)
PINNED = PosterPinned(
    **STAMP,
    job_id="job",
    poster_index=3,
    entity_id="entity-3",
    template_version_id=TEMPLATE,
    section="cards",
    template_version=2,
    custom_data={"title": "x"},
    metadata={"user_id": 7},
    output=DEFAULTS,
    generation=1,
    attempt=2,
    requested_at=EPOCH,
    input_digest="a" * 64,
)
PREVIEW = replace(PINNED, job_id="preview_1", purpose="preview", command_id=UUID(int=9))


def catalog() -> Catalog:
    """Return a catalog with the template `cards@2`."""
    catalog = Catalog()
    event = TemplateUploaded(
        **STAMP,
        command_id=UUID(int=8),
        section="cards",
        template_id=TEMPLATE,
        name="Cards",
        template_version=2,
        is_active=True,
        html_sha256="0" * 64,
        width=600,
        height=400,
        placeholders=[Placeholder(name="title"), Placeholder(name="note", required=False)],
        activations=[EPOCH],
    )
    catalog.on_record(b"cards@2", encode(event))
    return catalog


def requested(**fields: Any) -> PosterRequested:
    """Return a request for one poster."""
    given = {"job_id": "job", "template_id": "cards@2", "entity_id": "e", "custom_data": {"title": "x"}, **fields}
    return PosterRequested(**STAMP, metadata={"user_id": 7}, **given)


def batch() -> BatchRequested:
    """Return a batch: one as the batch says, one with its own metadata and output, one that cannot be read."""
    posters = [
        b'{"entity_id":"a","custom_data":{"title":"x"}}',
        b'{"entity_id":"b","custom_data":{"title":"y"},"metadata":{"own":1},"output":{"format":"jpeg"}}',
        b'{"entity_id":5}',
    ]
    return BatchRequested(
        **STAMP,
        job_id="job",
        template_id="cards_latest",
        posters=[Raw(poster) for poster in posters],
        metadata={"user_id": 7},
        output={"scale": 2},
    )


async def worked(inbox: Inbox, run: Callable[[], Any], deliveries: Sequence[Delivery]) -> None:
    """Let a role work on these deliveries until all of them are acknowledged."""
    done = [asyncio.Event() for _ in deliveries]
    for each, event in zip(deliveries, done, strict=True):
        inbox.deliver(each, event.set)
    running = asyncio.ensure_future(run())
    for event in done:
        await event.wait()
    running.cancel()
    await asyncio.wait([running])


async def by_intake(value: bytes, headers: Headers = TRACE) -> list[Record]:
    """Return what the intake role publishes for a request."""
    published, known, queue = Announcements(), catalog(), FairQueue()
    inbox = Inbox(["poster-requests"], 100, queue=queue)
    handler = RequestHandler(known, Cancellations(), lambda: NOW)
    admits = admission(job="shop.example")
    agent = IntakeAgent(
        inbox, published, RecordedDeadLetters(), handler, known, admits, queue=queue, known=KnownSources(known.owners)
    )
    await worked(inbox, agent.run, [delivery(0, value=value, headers=headers)])
    return published.records


def after_the_wait(request: Request) -> list[Record]:
    """Return what intake publishes for a request whose template never came."""
    handler = RequestHandler(catalog(), Cancellations(), lambda: NOW)
    return list(handler.handle(request, delivery(0, headers=TRACE), final=True))


class Result:
    """A renderer that returns a poster, or fails."""

    def __init__(self, result: StoredPoster | Exception) -> None:
        self._result = result

    async def render(self, _: PosterPinned) -> StoredPoster:
        """Return the poster, once others of the role had their turn. Raises what it was given to raise."""
        await asyncio.sleep(0)
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


async def by_render(poster: PosterPinned, result: StoredPoster | Exception) -> list[Record]:
    """Return what the render role publishes for a poster."""
    inbox, published = Inbox(["poster-renders"], 100), Announcements()
    agent = RenderAgent(
        inbox,
        published,
        RecordedDeadLetters(),
        Cancellations(),
        cast("PosterRenderer", Result(result)),
        retry_delays=(10, 60, 600),
        now=lambda: NOW,
    )
    await worked(inbox, agent.run, [delivery(0, topic="poster-renders", value=encode(poster), headers=TRACE)])
    return published.records


async def by_retry(poster: PosterPinned) -> list[Record]:
    """Return what the retry role publishes for a poster that is due."""
    inbox, published = Inbox(["poster-retries-1"], 100), Announcements()
    agent = RetryAgent(inbox, published, RecordedDeadLetters(), Cancellations(), longest_wait=600.0, now=lambda: NOW)
    await worked(inbox, agent.run, [delivery(0, topic="poster-retries-1", value=encode(poster), headers=TRACE)])
    return published.records


def reduced(topic: str, event: Any) -> list[Record]:
    """Return the reduced forms of a record that is too large."""
    return list(reduced_forms(Record(topic=topic, key="k", value=encode(event), headers=event_headers())))


def stored() -> StoredPoster:
    """Return a poster with everything that a completion can name."""
    return StoredPoster(
        images=[IMAGE],
        cached=True,
        warnings=[PosterWarning(code="text_truncated", message="cut")],
        assets=[
            Asset(url="https://cdn.example/a.png", ok=True, status=200, bytes=4, ms=1),
            Asset(url="https://cdn.example/b.png", ok=False, status=404, reason="asset_status"),
        ],
        generation_time_ms=41,
    )


async def rendered() -> dict[str, list[Record]]:
    """Return what the render role publishes, by case."""
    missing = RenderError("asset_status", "strict: missing b.png", stored().assets)
    return {
        "render completed": await by_render(PINNED, stored()),
        "render failed": await by_render(PINNED, missing),
        "render retrying": await by_render(PINNED, RenderError("render_timeout", "late")),
        "render out of attempts": await by_render(replace(PINNED, attempt=4), RenderError("render_timeout", "late")),
        "render unforeseen": await by_render(PINNED, ZeroDivisionError("of some library")),
        "render expired": await by_render(replace(PINNED, deadline=EPOCH), stored()),
        "preview completed": await by_render(PREVIEW, stored()),
        "preview failed": await by_render(PREVIEW, RenderError("render_timeout", "late")),
        "preview expired": await by_render(replace(PREVIEW, deadline=EPOCH, command_id=None), stored()),
    }


async def taken_in() -> dict[str, list[Record]]:
    """Return what the intake role publishes, by case."""
    again = replayed(TRACE, 3, "job/0")
    cancel = JobCancelRequested(**STAMP, job_id="job", reason="enough")
    unreadable = b'{"type":"poster.requested","version":1,"job_id":"job","source":"shop.example","entity_id":"e"}'
    return {
        "intake queued": await by_intake(encode(requested())),
        "intake unknown data": await by_intake(encode(requested(custom_data={"title": "x", "more": 1, "other": 2}))),
        "intake bulk replay": await by_intake(encode(requested(priority="bulk", strict=True, reuse=False)), again),
        "intake batch": await by_intake(encode(batch()), again),
        "intake bulk batch": await by_intake(encode(replace(batch(), priority="bulk"))),
        "intake missing data": await by_intake(encode(requested(custom_data={}))),
        "intake expired": await by_intake(encode(requested(deadline=EPOCH + timedelta(seconds=1))), again),
        "intake bad output": await by_intake(encode(requested(output={"format": "gif"}))),
        "intake no reference": await by_intake(encode(requested(template_id="no such form"))),
        "intake no template": after_the_wait(requested(template_id="unknown_latest")),
        "intake cancelled": await by_intake(encode(cancel)),
        "intake unreadable": await by_intake(unreadable, again),
    }


async def sent_back() -> dict[str, list[Record]]:
    """Return what the retry role publishes, by case."""
    error = Failure(code="render_timeout", message="late", retryable=True)
    due = replace(PINNED, tier=2, due_at=EPOCH, error=error)
    return {"retry": await by_retry(due), "retry bulk": await by_retry(replace(due, lane="bulk", tier=3))}


def shortened() -> dict[str, list[Record]]:
    """Return the reduced forms of records, by case."""
    identity: dict[str, Any] = {**STAMP, "job_id": "job", "poster_index": 3, "metadata": {"user_id": 7}}
    error = Failure(code="internal", message="m" * 600, retryable=True)
    outcome = PosterOutcome(**identity, type="poster.failed", status="failed", entity_id="e", error=error)
    progress = PosterProgress(
        **identity,
        type="poster.retrying",
        entity_id="e",
        template_version_id=TEMPLATE,
        section="cards",
        template_version=2,
        error=error,
        due_at=NOW,
    )
    line = LogRecorded(**STAMP, job_id="job", level="ERROR", code="internal", message="m" * 600, details={"more": 1})
    return {
        "oversized pinned": reduced(topics.POSTER_RENDERS, PINNED),
        "oversized retry": reduced(topics.POSTER_RETRIES[1], replace(PINNED, custom_data={"title": "x" * 1_000})),
        "oversized preview": reduced(topics.POSTER_RENDERS, PREVIEW),
        "oversized outcome": reduced(topics.POSTER_COMPLETIONS, outcome),
        "oversized progress": reduced(topics.POSTER_PROGRESS, progress),
        "oversized log": reduced(topics.POSTER_LOGS, line),
    }


def ended_by_the_sink() -> dict[str, list[Record]]:
    """Return what the sink publishes, by case."""
    open_poster = OpenPoster(
        job_id="job",
        poster_index=3,
        entity_id="entity-3",
        generation=1,
        attempt=2,
        template_version_id=TEMPLATE,
        section="cards",
        template_version=2,
        metadata={"user_id": 7},
        source="shop.example",
        ended_at=NOW,
    )
    unpinned = replace(open_poster, template_version_id=None, section=None, template_version=None)
    return {
        "sink cancelled": [cancelled(open_poster), cancelled(unpinned)],
        "sink failed": [failed(open_poster, "expired", "late"), failed(unpinned, "internal", "silent")],
        "sink erased": list(_erased()),
        "sink job events": list(_job_events()),
        "job cancelled": [
            job_cancellation("job", 2, at=NOW, source="shop.example", reason="erased", headers=event_headers()),
            job_cancellation("job", 0, at=EPOCH, source=None, reason=None, headers=TRACE),
        ],
    }


def _erased() -> Iterator[Record]:
    of_job = Erasure(
        event_id=UUID(int=11),
        job_id="job",
        section=None,
        entity_id=None,
        source="shop.example",
        requested_at=NOW,
        answered_at=None,
    )
    of_entity = replace(of_job, job_id=None, section="cards", entity_id="entity-3")
    row = {
        "job_id": "job",
        "poster_index": 3,
        "entity_id": "entity-3",
        "template_version_id": TEMPLATE,
        "section": "cards",
        "template_version": 2,
        "attempt": 2,
        "generation": 1,
        "metadata": '{"user_id": 7}',
    }
    unpinned = {**row, "template_version_id": None, "section": None, "template_version": None}
    for each in (row, unpinned):
        yield erasures._answer_of_poster(of_job, cast("Any", each))
    for erasure in (of_job, of_entity):
        yield erasures._answer_without_poster(erasure)


def _job_events() -> Iterator[Record]:
    state = JobState(
        job_id="job",
        status="processing",
        total_count=3,
        success_count=1,
        failure_count=1,
        cancelled_count=0,
        revision=4,
        revised_at=NOW,
        metadata={"user_id": 7},
        source="shop.example",
    )
    cause = delivery(0, topic="poster-completions", headers=TRACE)
    for status in ("queued", "processing", "completed", "failed", "cancelled"):
        yield from job_records([replace(state, status=cast("Any", status))], {"job": cause})
    yield from job_records([replace(state, source=None)], {})


async def published() -> dict[str, list[Record]]:
    """Return everything, by case."""
    return {
        **await taken_in(),
        **await rendered(),
        **await sent_back(),
        **shortened(),
        **ended_by_the_sink(),
    }
