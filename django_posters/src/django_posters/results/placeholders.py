"""Placeholder images: on a page while a poster is pending, and as the results of the placeholder backend.

The placeholder backend completes posters without a broker or workers, for development.
"""

import hashlib
import uuid
from collections.abc import Sequence
from urllib.parse import quote

from django.utils import timezone

from django_posters.contract.outcomes import Image, JobEvent, PosterOutcome
from django_posters.contract.requests import BatchRequested, PosterRequested
from django_posters.database import database_alias
from django_posters.images import ONLY
from django_posters.models import Poster

from .outcomes import apply_job, apply_outcome, settle_job

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
        apply_outcome(_completed(poster, request.source), placeholder=True)
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


def complete_again(job_id: str, indexes: Sequence[int]) -> None:
    """Complete replayed posters of a job with placeholders, in the generation that they have now."""
    posters = Poster.objects.using(database_alias()).filter(job_id=job_id, poster_index__in=indexes)
    for poster in posters.order_by("poster_index"):
        apply_outcome(_completed(poster, None), placeholder=True)
    settle_job(job_id)


def _completed(poster: Poster, source: str | None) -> PosterOutcome:
    images = placeholder_images(poster)
    first = images[0]
    return PosterOutcome(
        type="poster.completed",
        status="completed",
        event_id=uuid.uuid4(),
        occurred_at=timezone.now(),
        source=source,
        job_id=poster.job_id,
        poster_index=poster.poster_index,
        generation=poster.generation,
        entity_id=poster.entity_id,
        url=first.url,
        object_key=first.object_key,
        sha256=first.sha256,
        width=first.width,
        height=first.height,
        section=poster.section,
        generation_time_ms=0,
        metadata=poster.metadata,
        images=images,
    )


def placeholder_images(poster: Poster) -> list[Image]:
    """Return a grey image for each variant of a poster, at the size that is expected of it."""
    return [_image(poster, name, width, height) for name, (width, height) in poster.expected_sizes.items()]


def _image(poster: Poster, name: str, width: int, height: int) -> Image:
    url = placeholder_url(width, height)
    return Image(
        name=name,
        url=url,
        object_key=f"placeholders/{poster.pk}{'' if name == ONLY else f'_{name}'}.svg",
        sha256=hashlib.sha256(url.encode()).hexdigest(),
        size_bytes=len(url),
        width=width,
        height=height,
        format="png",
    )
