"""A captured poster: what was requested, and results that a test applies as the workers would send them."""

import uuid
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from django.utils import timezone

from django_posters.contract.outcomes import JobEvent, PosterOutcome
from django_posters.database import database_alias
from django_posters.images import ONLY
from django_posters.models import FINISHED, Job, Poster
from django_posters.results.outcomes import apply_job, apply_outcome

URL: Final = "https://posters.test/{poster_id}.png"
VARIANT_URL: Final = "https://posters.test/{poster_id}/{name}.png"


@dataclass(frozen=True, slots=True)
class CapturedPoster:
    """A requested poster. `poster` is its row as it was when this object was read from the list."""

    poster: Poster
    custom_data: dict[str, Any]

    @property
    def template_id(self) -> str:
        """The requested template."""
        return self.poster.template_id

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata of the request."""
        return dict(self.poster.metadata)

    @property
    def entity_id(self) -> str:
        """The primary key of the row, as text."""
        return self.poster.entity_id

    @property
    def alt(self) -> str:
        """The alternative text of the picture."""
        return self.poster.alt

    def succeed(self, url: str | None = None, **fields: Any) -> Poster:
        """Complete the poster by the code that applies real results, send the signals, and return its row.

        It has an image for each variant of the request, unless `images` are given. `fields` are those of the event
        `poster.completed`, as JSON data, such as `degraded=True` or `warnings=[{"code": …, "message": …}]`. Raises
        msgspec.ValidationError where they do not fit the contract.
        """
        sizes = self.poster.expected_sizes.items()
        images = [self._image(name, width, height) for name, (width, height) in sizes]
        if url is not None:
            images[0]["url"] = url
        given = {name: value for name, value in images[0].items() if name != "name"} | {"images": images} | fields
        return self._finish("completed", **given)

    def fail(self, code: str = "internal", message: str = "it failed in a test") -> Poster:
        """Fail the poster, send the signals, and return its row. Raises msgspec.ValidationError for an unknown code."""
        return self._finish("failed", error={"code": code, "message": message, "retryable": False})

    def cancel(self) -> Poster:
        """Cancel the poster, send the signals, and return its row."""
        return self._finish("cancelled")

    def _image(self, name: str, width: int, height: int) -> dict[str, Any]:
        poster_id = self.poster.pk
        if name == ONLY:
            url, key = URL.format(poster_id=poster_id), f"{poster_id}.png"
        else:
            url, key = VARIANT_URL.format(poster_id=poster_id, name=name), f"{poster_id}_{name}.png"
        size = {"width": width, "height": height, "size_bytes": 0}
        return {"name": name, "url": url, "object_key": key, "sha256": "0" * 64, "format": "png"} | size

    def _finish(self, status: str, **fields: Any) -> Poster:
        job = Job.objects.using(database_alias()).get(pk=self.poster.job_id)
        self.poster.refresh_from_db()
        event = {
            "type": f"poster.{status}",
            "status": status,
            "event_id": uuid.uuid4(),
            "occurred_at": timezone.now(),
            "job_id": job.pk,
            "poster_index": self.poster.poster_index,
            "entity_id": self.poster.entity_id,
            "section": self.poster.section,
            "generation": self.poster.generation,
            "metadata": self.poster.metadata,
        } | fields
        outcome = msgspec.convert(event, PosterOutcome, from_attributes=True)
        apply_outcome(outcome)
        apply_job(_job_event(job))
        self.poster.refresh_from_db()
        return self.poster


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
