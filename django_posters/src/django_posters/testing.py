"""For the tests of a site: what was asked for, and its results, without a broker."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, overload

from django.db.models.signals import post_save
from django.utils import timezone

from . import outbox
from .contract.codec import ContractError, decode, decode_poster
from .contract.outcomes import Failure, JobEvent, PosterOutcome
from .contract.requests import BatchRequested, PosterRequested
from .models import FINISHED, Job, OutboxEvent, Poster
from .results import apply_job, apply_outcome

URL = "https://posters.test/{poster_id}.png"


@dataclass(frozen=True, slots=True)
class CapturedPoster:
    """A poster that was asked for. `poster` is its row as it was when you looked."""

    poster: Poster
    custom_data: dict[str, Any]

    @property
    def template_id(self) -> str:
        """The template that was asked for."""
        return self.poster.template_id

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata that was sent."""
        return dict(self.poster.metadata)

    @property
    def entity_id(self) -> str:
        """The primary key of the row, as text."""
        return self.poster.entity_id

    def succeed(self, url: str | None = None, **fields: Any) -> Poster:
        """Complete it by the code that applies real results, receivers and all, and return its row."""
        sizes = {"width": self.poster.css_width, "height": self.poster.css_height}
        given = {"object_key": f"{self.poster.pk}.png", "sha256": "0" * 64, "format": "png"} | sizes | fields
        return self._finish("completed", url=url or URL.format(poster_id=self.poster.pk), **given)

    def fail(self, code: Any = "internal", message: str = "it failed in a test") -> Poster:
        """Let it fail."""
        return self._finish("failed", error=Failure(code=code, message=message, retryable=False))

    def cancel(self) -> Poster:
        """Let it be cancelled."""
        return self._finish("cancelled")

    def _finish(self, status: Any, **fields: Any) -> Poster:
        job = Job.objects.using(outbox.database()).get(pk=self.poster.job_id)
        outcome = PosterOutcome(
            type=f"poster.{status}",  # type: ignore[arg-type]
            status=status,
            event_id=uuid.uuid4(),
            occurred_at=timezone.now(),
            job_id=job.pk,
            poster_index=self.poster.poster_index,
            entity_id=self.poster.entity_id,
            section=self.poster.section,
            metadata=self.poster.metadata,
            **fields,
        )
        apply_outcome(outcome)
        apply_job(_job_event(job))
        self.poster.refresh_from_db()
        return self.poster


class CapturedPosters(Sequence[CapturedPoster]):
    """The posters that were asked for, in order; those whose transaction was rolled back are not among them."""

    def __init__(self) -> None:
        self._data: dict[tuple[str, int], dict[str, Any]] = {}

    def add(self, value: bytes) -> None:
        """Take note of what an event asks for."""
        try:
            request = decode(value, PosterRequested, BatchRequested)
        except ContractError:  # a command for templates, or a cancellation
            return
        if isinstance(request, PosterRequested):
            self._data[request.job_id, 0] = request.custom_data
        elif isinstance(request, BatchRequested):
            for index, raw in enumerate(request.posters, start=request.first_index):
                self._data[request.job_id, index] = decode_poster(raw).custom_data

    @overload
    def __getitem__(self, index: int) -> CapturedPoster: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[CapturedPoster]: ...

    def __getitem__(self, index: int | slice) -> CapturedPoster | Sequence[CapturedPoster]:
        return self._captured()[index]

    def __iter__(self) -> Iterator[CapturedPoster]:
        return iter(self._captured())

    def __len__(self) -> int:
        return len(self._captured())

    def __repr__(self) -> str:
        return f"<CapturedPosters: {', '.join(str(captured.poster) for captured in self)}>"

    def _captured(self) -> list[CapturedPoster]:
        jobs = {job_id for job_id, _ in self._data}
        rows = Poster.objects.using(outbox.database()).filter(job_id__in=jobs)
        posters = {(poster.job_id, poster.poster_index): poster for poster in rows}
        return [CapturedPoster(posters[place], data) for place, data in self._data.items() if place in posters]


@contextmanager
def capture_posters() -> Iterator[CapturedPosters]:
    """Give the posters that are asked for from now on. They stay queued until the test says what came of them."""
    captured = CapturedPosters()

    def note(instance: OutboxEvent, **_: Any) -> None:
        captured.add(bytes(instance.value))

    post_save.connect(note, sender=OutboxEvent, weak=False)
    try:
        yield captured
    finally:
        post_save.disconnect(note, sender=OutboxEvent)


def _job_event(job: Job) -> JobEvent:
    statuses = list(job.posters.values_list("status", flat=True))
    counts = {str(status): statuses.count(status) for status in FINISHED}
    done = sum(counts.values())
    status = "processing"
    if done == job.total_count:
        status = "cancelled" if counts["cancelled"] else "completed" if counts["completed"] else "failed"
    return JobEvent(
        type="job.progressed" if status == "processing" else f"job.{status}",  # type: ignore[arg-type]
        event_id=uuid.uuid4(),
        occurred_at=timezone.now(),
        job_id=job.pk,
        status=status,  # type: ignore[arg-type]
        total_count=job.total_count,
        success_count=counts["completed"],
        failure_count=counts["failed"],
        cancelled_count=counts["cancelled"],
        revision=job.revision + 1,
        metadata=job.metadata,
    )
