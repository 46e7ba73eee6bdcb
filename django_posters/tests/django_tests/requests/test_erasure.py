"""erase_poster() and erase_job(): the workers delete images, and the site clears the URLs."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction
from django.test import override_settings
from django_posters.contract.codec import decode
from django_posters.contract.outcomes import PosterOutcome
from django_posters.models import OutboxEvent, Poster
from django_posters.results.outcomes import apply_outcome
from testimonials import models

import schemas.codec
from django_posters import (
    RequestError,
    aerase_job,
    aerase_poster,
    erase_job,
    erase_poster,
    poster_erased,
    request_poster,
    request_posters,
)
from django_tests.outcomes import URL, outcome
from django_tests.site import NAME, Site, make_testimonial
from schemas.envelope import Envelope
from schemas.requests import PosterEraseRequested


class _RolledBackError(Exception):
    """Raised to roll back a transaction."""


@pytest.fixture
def erased() -> Iterator[list[tuple[object, Poster]]]:
    """The received poster_erased signals."""
    heard: list[tuple[object, Poster]] = []

    def hear(sender: object, poster: Poster, **_: Any) -> None:
        heard.append((sender, poster))

    poster_erased.connect(hear)
    yield heard
    poster_erased.disconnect(hear)


def take(value: bytes) -> None:
    """Apply an outcome as the consumer does."""
    apply_outcome(decode(value, PosterOutcome))


def orders() -> list[tuple[str, PosterEraseRequested]]:
    """Return the erasure requests in the outbox, each with its key."""
    rows = OutboxEvent.objects.order_by("pk")
    read = [(row.key, schemas.codec.decode(bytes(row.value), Envelope)) for row in rows]
    kinds = [row for row, (_, event) in zip(rows, read, strict=True) if event.type == "poster.erase_requested"]
    return [(row.key, schemas.codec.decode(bytes(row.value), PosterEraseRequested)) for row in kinds]


def test_every_picture_of_a_row_is_erased(any_site: Site) -> None:
    """Each poster that the row ever had is erased, under its job's key, and the URLs are cleared at once."""
    testimonial, other = make_testimonial(), make_testimonial(author="Ada")
    older, newer, kept = request_poster(testimonial), request_poster(testimonial, reuse=False), request_poster(other)
    for poster in (older, newer, kept):
        take(outcome(poster.job_id))

    count = erase_poster(testimonial)

    assert count == 2
    assert [(key, order.job_id, order.source) for key, order in orders()] == [
        (older.job_id, older.job_id, NAME),
        (newer.job_id, newer.job_id, NAME),
    ]
    assert testimonial.poster is None
    assert models.Testimonial.objects.get(pk=testimonial.pk).poster is None
    assert {poster.url for poster in Poster.objects.filter(entity_id=str(testimonial.pk))} == {""}
    kept.refresh_from_db()
    assert kept.url == URL


def test_one_of_a_batch_is_erased_by_its_row(plain_site: Site) -> None:
    """A poster of a batch is erased by section and primary key, after its batch."""
    testimonial, _ = make_testimonial(), make_testimonial(author="Ada")
    job = request_posters(models.Testimonial.objects.all())

    erase_poster(models.Testimonial.objects.get(pk=testimonial.pk))

    ((key, order),) = orders()
    assert (key, order.job_id, order.section, order.entity_id) == (job.pk, None, "testimonial", str(testimonial.pk))


def test_job_is_erased_as_a_whole(any_site: Site) -> None:
    """One request names the job, and all of its rows are unlinked."""
    for author in ("Ada", "Maya"):
        make_testimonial(author=author)
    job = request_posters(models.Testimonial.objects.all())

    count = erase_job(job)

    assert count == 2
    assert [(key, order.job_id) for key, order in orders()] == [(job.pk, job.pk)]
    assert not models.Testimonial.objects.exclude(poster=None).exists()


def test_poster_of_a_deleted_row_is_erased(plain_site: Site) -> None:
    """With a Poster as argument, other posters of the same row stay."""
    testimonial = make_testimonial()
    older, newer = request_poster(testimonial), request_poster(testimonial, reuse=False)
    take(outcome(newer.job_id))
    testimonial.delete()

    assert erase_poster(older) == 1

    assert [order.job_id for _, order in orders()] == [older.job_id]
    newer.refresh_from_db()
    assert newer.url == URL


def test_erasure_sends_a_signal(any_site: Site, erased: list[tuple[object, Poster]]) -> None:
    """poster_erased is sent once, and receivers can delete their copy of the URL."""
    poster = request_poster(make_testimonial())
    take(outcome(poster.job_id))

    for _ in range(2):
        take(outcome(poster.job_id, "erased"))

    poster.refresh_from_db()
    assert [(sender, told.pk) for sender, told in erased] == [(models.Testimonial, poster.pk)]
    assert (poster.status, poster.url, poster.object_key, poster.sha256) == ("completed", "", "", "")
    assert poster.is_erased
    assert models.Testimonial.objects.get().poster_url == ""


def test_outcome_after_the_erasure_brings_no_address(any_site: Site) -> None:
    """The URL of an erased image is not stored, in whatever order the events arrive; that of a replay is."""
    poster = request_poster(make_testimonial())

    take(outcome(poster.job_id, "erased"))
    take(outcome(poster.job_id))
    poster.refresh_from_db()
    first = (poster.status, poster.url, poster.is_erased)
    take(outcome(poster.job_id, generation=1))
    poster.refresh_from_db()

    assert first == ("completed", "", True)
    assert (poster.url, poster.is_erased) == (URL, False)


def test_erased_row_can_ask_again(plain_site: Site) -> None:
    """A poster that is erased, or about to be, is not reused."""
    testimonial = make_testimonial()
    first = request_poster(testimonial)
    take(outcome(first.job_id))
    erase_poster(testimonial)
    second = request_poster(testimonial)
    take(outcome(second.job_id))
    take(outcome(second.job_id, "erased"))

    third = request_poster(testimonial)

    assert len({first.pk, second.pk, third.pk}) == 3


def test_erasing_that_is_rolled_back_changes_nothing(plain_site: Site) -> None:
    """A rollback removes the erasure, and the image stays."""
    testimonial = make_testimonial()
    poster = request_poster(testimonial)
    take(outcome(poster.job_id))
    with contextlib.suppress(_RolledBackError), transaction.atomic():
        erase_poster(testimonial)
        raise _RolledBackError

    assert orders() == []
    assert Poster.objects.get().url == URL
    assert models.Testimonial.objects.get().poster == poster


def test_what_cannot_be_erased_is_refused(plain_site: Site) -> None:
    """An unsaved row, and an argument that is not a job, are errors that say what to do, and nothing is written."""
    with pytest.raises(RequestError, match=r"not saved.*erase_poster\(\) also takes"):
        erase_poster(models.Testimonial(author="Nobody"))
    with pytest.raises(RequestError, match="takes a Job, not a str"):
        erase_job("template_gen_1")  # type: ignore[arg-type]

    assert not OutboxEvent.objects.exists()


def test_placeholder_backend_only_clears_the_url(plain_site: Site) -> None:
    """The placeholder backend sends nothing."""
    with override_settings(POSTERS={"SITE": "shop", "BACKEND": "placeholder"}):
        testimonial = make_testimonial()
        request_poster(testimonial)

        erase_poster(testimonial)

    assert not OutboxEvent.objects.exists()
    assert Poster.objects.get().url == ""


def test_erasing_from_async_code(plain_site: Site) -> None:
    """aerase_poster() and aerase_job() have the effect of the sync functions."""
    testimonial = make_testimonial()
    job = request_poster(testimonial).job

    assert async_to_sync(aerase_job)(job) == 1
    assert async_to_sync(aerase_poster)(testimonial) == 1
    assert len(orders()) == 2
