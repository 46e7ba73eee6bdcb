"""The events of posters that succeed, as a sink reads them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from schemas import topics
from schemas.codec import encode
from schemas.envelope import Envelope
from schemas.outcomes import PosterOutcome
from schemas.progress import LogRecorded, PosterProgress
from schemas.requests import PosterRequested
from streams.delivery import Delivery

VERSION = UUID("00000000-0000-4000-8000-000000000001")
SPREAD = 200
"""How many posters are on their way at once: the events of one are so far apart in the stream."""


def poster_events(job_id: str, now: datetime) -> Iterator[tuple[str, Envelope]]:
    """Yield the five events of a poster that succeeds, one of them a log line, with their topics."""
    version: dict[str, Any] = {"template_version_id": VERSION, "section": "campaign", "template_version": 3}
    same: dict[str, Any] = {"occurred_at": now, "source": "site", "job_id": job_id}
    poster: dict[str, Any] = {
        "entity_id": f"testimonial-{job_id[-6:]}",
        "metadata": {"user_id": 7, "testimonial_id": 11},
    }
    data = {"name": "Amara Okafor", "text": "It simply works, every single day. " * 6, "rating": 4.7}
    yield (
        topics.POSTER_REQUESTS,
        PosterRequested(event_id=uuid4(), template_id="campaign_latest", custom_data=data, **poster, **same),
    )
    for step in ("poster.queued", "poster.processing"):
        yield (
            topics.POSTER_PROGRESS,
            PosterProgress(type=step, event_id=uuid4(), poster_index=0, **version, **poster, **same),
        )
    yield topics.POSTER_LOGS, LogRecorded(event_id=uuid4(), level="INFO", code="rendered", message="in 95 ms", **same)
    key = f"templates/campaign/{job_id}.png"
    yield (
        topics.POSTER_COMPLETIONS,
        PosterOutcome(
            type="poster.completed",
            status="completed",
            event_id=uuid4(),
            poster_index=0,
            url=f"https://posters.example/{key}",
            object_key=key,
            sha256="ab" * 32,
            size_bytes=412_345,
            width=1080,
            height=1080,
            format="png",
            generation_time_ms=95,
            queue_time_ms=12,
            **version,
            **poster,
            **same,
        ),
    )


def stream(posters: int) -> list[Delivery]:
    """Return the events of this many posters in the order of their arrival: steps of one between those of others."""
    now = datetime.now(UTC)
    placed = []
    for number in range(posters):
        job_id = f"template_gen_{uuid4().hex}"
        for step, (topic, event) in enumerate(poster_events(job_id, now)):
            placed.append((number + step * SPREAD, topic, job_id, encode(event)))
    placed.sort(key=lambda item: item[0])
    return [
        Delivery(topic=topic, partition=0, offset=offset, timestamp=now, key=job_id.encode(), value=value)
        for offset, (_, topic, job_id, value) in enumerate(placed)
    ]
