"""Placeholder images: on a page while a poster is pending, and as the results of the placeholder backend.

The placeholder backend completes posters without a broker or workers, for development.
"""

import hashlib
import uuid
from urllib.parse import quote

from django.utils import timezone

from django_posters.contract.outcomes import JobEvent, PosterOutcome
from django_posters.contract.requests import BatchRequested, PosterRequested
from django_posters.database import database_alias
from django_posters.models import Poster

from .outcomes import apply_job, apply_outcome

_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    '<rect width="100%" height="100%" fill="#8884"/></svg>'
)


def placeholder_url(width: int, height: int) -> str:
    """Return a grey image of this size, in CSS pixels, as a `data:` URL, which needs no HTTP request."""
    return "data:image/svg+xml," + quote(_SVG.format(width=width, height=height), safe=" ='/:")


def complete_with_placeholders(request: PosterRequested | BatchRequested) -> None:
    """Complete every poster of a request with a placeholder, by the code that applies real outcomes."""
    first = request.first_index if isinstance(request, BatchRequested) else 0
    count = len(request.posters) if isinstance(request, BatchRequested) else 1
    posters = Poster.objects.using(database_alias()).filter(job_id=request.job_id)
    for poster in posters.filter(poster_index__gte=first, poster_index__lt=first + count):
        apply_outcome(_completed(poster, request.source))
    total = request.total if isinstance(request, BatchRequested) else 1
    done = first + count
    apply_job(
        JobEvent(
            type="job.completed" if done == total else "job.progressed",
            event_id=uuid.uuid4(),
            occurred_at=timezone.now(),
            source=request.source,
            job_id=request.job_id,
            status="completed" if done == total else "processing",
            total_count=total,
            success_count=done,
            failure_count=0,
            cancelled_count=0,
            revision=done,
            metadata=request.metadata,
        )
    )


def _completed(poster: Poster, source: str | None) -> PosterOutcome:
    url = placeholder_url(poster.css_width, poster.css_height)
    return PosterOutcome(
        type="poster.completed",
        status="completed",
        event_id=uuid.uuid4(),
        occurred_at=timezone.now(),
        source=source,
        job_id=poster.job_id,
        poster_index=poster.poster_index,
        entity_id=poster.entity_id,
        url=url,
        object_key=f"placeholders/{poster.pk}.svg",
        sha256=hashlib.sha256(url.encode()).hexdigest(),
        width=poster.css_width,
        height=poster.css_height,
        section=poster.section,
        generation_time_ms=0,
        metadata=poster.metadata,
    )
