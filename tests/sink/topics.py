"""Events of posters as the records that carry them, with offsets counted like a broker's."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5
from zlib import crc32

import msgspec
import orjson

from schemas import topics
from schemas.codec import encode
from schemas.envelope import Envelope
from schemas.outcomes import Failure, PosterOutcome
from schemas.progress import LogRecorded, PosterProgress
from schemas.requests import BatchRequested, JobCancelRequested, PosterEraseRequested, PosterRequested
from streams.delivery import Delivery

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
VERSION = UUID("00000000-0000-4000-8000-000000000001")
PARTITIONS = 4


def identity(*parts: object) -> UUID:
    """An event id that a test can name again."""
    return uuid5(VERSION, "/".join(map(str, parts)))


@dataclass
class Topics:
    """Mints records: one partition for a job, on every topic the same, and rising offsets."""

    offsets: Counter[tuple[str, int]] = field(default_factory=Counter)

    def record(self, topic: str, job_id: str, value: bytes | None) -> Delivery:
        """Return the next record of the job's partition."""
        partition = crc32(job_id.encode()) % PARTITIONS
        offset = self.offsets[topic, partition]
        self.offsets[topic, partition] += 1
        timestamp = START + timedelta(milliseconds=self.offsets.total())
        return Delivery(
            topic=topic, partition=partition, offset=offset, timestamp=timestamp, key=job_id.encode(), value=value
        )

    def request(self, job_id: str, **fields: Any) -> Delivery:
        """A `poster.requested`."""
        given = {"template_id": "campaign_latest", "entity_id": "entity", "custom_data": {"text": job_id}} | fields
        return self._send(topics.POSTER_REQUESTS, PosterRequested(**(_envelope("request", job_id) | given)))

    def batch(self, job_id: str, count: int, **fields: Any) -> Delivery:
        """A `batch.requested` of so many posters; `posters` may be given as objects."""
        posters = fields.pop("posters", [{"entity_id": f"entity-{index}"} for index in range(count)])
        fields |= {"posters": [msgspec.Raw(orjson.dumps(poster)) for poster in posters]}
        envelope = _envelope("batch", job_id, fields.get("part", 1))
        return self._send(topics.POSTER_REQUESTS, BatchRequested(**envelope, template_id="campaign@3", **fields))

    def cancel(self, job_id: str, number: int = 1) -> Delivery:
        """A `job.cancel_requested`."""
        event = JobCancelRequested(**_envelope("cancel", job_id, number), reason="enough")
        return self._send(topics.POSTER_REQUESTS, event)

    def erase(self, number: int = 1, *, key: str | None = None, **named: Any) -> Delivery:
        """A `poster.erase_requested`, by `job_id` or by `section` and `entity_id`."""
        event = PosterEraseRequested(event_id=identity("erase", number), occurred_at=START, source="site", **named)
        return self.record(topics.POSTER_REQUESTS, key or event.job_id or event.entity_id or "", encode(event))

    def queued(self, job_id: str, index: int = 0, **fields: Any) -> Delivery:
        """A `poster.queued`."""
        return self._progress("poster.queued", job_id, index, fields)

    def processing(self, job_id: str, index: int = 0, **fields: Any) -> Delivery:
        """A `poster.processing`."""
        return self._progress("poster.processing", job_id, index, fields)

    def retrying(self, job_id: str, index: int = 0, **fields: Any) -> Delivery:
        """A `poster.retrying`."""
        failure = Failure(code="render_timeout", message="too slow", retryable=True)
        return self._progress("poster.retrying", job_id, index, {"error": failure, "due_at": START, **fields})

    def completed(self, job_id: str, index: int = 0, **fields: Any) -> Delivery:
        """A `poster.completed`."""
        made = {
            "url": f"https://posters.example/{job_id}/{index}",
            "object_key": f"templates/campaign/{job_id}_{index}.png",
            "sha256": "ab" * 32,
            "size_bytes": 1_000,
            "width": 1_080,
            "height": 1_080,
            "format": "png",
            "template_version_id": VERSION,
            "section": "campaign",
            "template_version": 3,
            "generation_time_ms": 120,
        }
        return self._outcome("completed", job_id, index, made | fields)

    def failed(self, job_id: str, index: int = 0, **fields: Any) -> Delivery:
        """A `poster.failed`."""
        failure = Failure(code="template_data", message="missing required data: text", retryable=False)
        return self._outcome("failed", job_id, index, {"error": failure, **fields})

    def cancelled(self, job_id: str, index: int = 0, **fields: Any) -> Delivery:
        """A `poster.cancelled`."""
        return self._outcome("cancelled", job_id, index, fields)

    def log(self, job_id: str, number: int = 0, **fields: Any) -> Delivery:
        """A `log.recorded`."""
        given = {"level": "INFO", "code": "note", "message": f"line {number}"} | fields
        envelope = _envelope("log", job_id, number) | {
            name: given.pop(name) for name in ("occurred_at",) if name in given
        }
        return self._send(topics.POSTER_LOGS, LogRecorded(**envelope, job_id=job_id, **given))

    def _progress(self, event_type: str, job_id: str, index: int, fields: dict[str, Any]) -> Delivery:
        pin = {"template_version_id": VERSION, "section": "campaign", "template_version": 3}
        given: dict[str, Any] = {"entity_id": "entity"} | pin | fields
        facts = (index, given.get("generation", 0), given.get("attempt", 1))
        event = PosterProgress(
            type=event_type,  # type: ignore[arg-type]
            **_envelope(event_type, job_id, *facts),
            poster_index=index,
            **given,
        )
        return self._send(topics.POSTER_PROGRESS, event)

    def _outcome(self, status: str, job_id: str, index: int, fields: dict[str, Any]) -> Delivery:
        given = {"entity_id": "entity"} | fields
        facts = (index, given.get("generation", 0), given.get("attempt", 1))
        event = PosterOutcome(
            type=f"poster.{status}",  # type: ignore[arg-type]
            status=status,  # type: ignore[arg-type]
            **(_envelope(status, job_id, *facts) | given),
            poster_index=index,
        )
        return self._send(topics.POSTER_COMPLETIONS, event)

    def _send(self, topic: str, event: Envelope) -> Delivery:
        return self.record(topic, event.job_id, encode(event))  # type: ignore[attr-defined]


def _envelope(kind: str, job_id: str, *facts: object) -> dict[str, Any]:
    envelope: dict[str, Any] = {"event_id": identity(kind, job_id, *facts), "occurred_at": START, "source": "site"}
    return envelope if kind == "log" else envelope | {"job_id": job_id}
