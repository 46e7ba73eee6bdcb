"""Development without a broker: every poster is a placeholder, by the code that applies real results."""

from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from django_posters.models import Job, OutboxEvent
from django_posters.requests import batch_buffer
from testimonials import models

from django_posters import job_finished, request_poster, request_posters
from django_tests.site import Site, make_testimonial

WITHOUT_BROKER = {"SITE": "example", "BACKEND": "placeholder"}


def test_poster_is_there_with_the_commit(any_site: Site) -> None:
    """The poster is completed when its transaction commits, signals are sent, and the outbox stays empty."""
    with override_settings(POSTERS=WITHOUT_BROKER):
        with transaction.atomic():
            poster = request_poster(make_testimonial(), output={"width": 600, "height": 315})
            poster.refresh_from_db()
            before = poster.status
        poster.refresh_from_db()

    assert (before, poster.status, poster.width, poster.height) == ("queued", "completed", 600, 315)
    assert models.Testimonial.objects.get().poster_url == poster.url
    assert poster.url.startswith("data:image/svg+xml,")
    assert not OutboxEvent.objects.exists()


@pytest.mark.parametrize("count", [1, 3, 12])
def test_batch_is_there_with_the_commit(any_site: Site, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """A batch of several parts is completed too, with its counts, and job_finished is sent once."""
    monkeypatch.setattr(batch_buffer, "BATCH_MAX_POSTERS", 5)
    told: list[Job] = []

    def hear(job: Job, **_: Any) -> None:
        told.append(job)

    models.Testimonial.objects.bulk_create(
        models.Testimonial(author=f"Author {number}", quote="It works.", rating=5) for number in range(count)
    )
    job_finished.connect(hear)
    try:
        with override_settings(POSTERS=WITHOUT_BROKER):
            job = request_posters(models.Testimonial.objects.all())
    finally:
        job_finished.disconnect(hear)

    job.refresh_from_db()
    assert (job.status, job.success_count, job.total_count) == ("completed", count, count)
    assert told == [job]
    assert not job.posters.exclude(status="completed").exists()
