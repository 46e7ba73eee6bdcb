"""request_posters(): one job for many rows, in one transaction."""

import contextlib
import gc
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from django.db.models import QuerySet
from django_posters.models import Job, OutboxEvent, Poster
from django_posters.requests import batch
from testimonials import models

import schemas.codec
from django_posters import RequestError, arequest_posters, job_finished, request_posters
from django_tests.site import Site, forget_connections, make_testimonial
from schemas.limits import REQUEST_MAX_BYTES
from schemas.requests import BatchRequested


class _RolledBackError(Exception):
    """Raised to roll back a transaction."""


def make_testimonials(count: int, **fields: Any) -> QuerySet[models.Testimonial]:
    """Save that many testimonials."""
    given = {"quote": "They just appear.", "rating": 4.5} | fields
    models.Testimonial.objects.bulk_create(
        models.Testimonial(author=f"Author {number}", **given) for number in range(count)
    )
    return models.Testimonial.objects.all()


def parts() -> list[BatchRequested]:
    """Return the events of the batch as the workers read them, in order."""
    values = [bytes(row.value) for row in OutboxEvent.objects.order_by("pk")]
    assert all(len(value) <= REQUEST_MAX_BYTES for value in values)
    return [schemas.codec.decode(value, BatchRequested) for value in values]


def test_batch_is_one_job_that_the_workers_read(any_site: Site) -> None:
    """1,201 rows are three parts of one job, with every row's data once, at the index of its poster."""
    make_testimonials(1_201)

    job = request_posters(models.Testimonial.objects.order_by("-pk"), metadata={"user_id": 7}, output={"width": 500})

    events = parts()
    assert {event.job_id for event in events} == {job.pk}
    assert [(event.part, event.parts, event.first_index, event.total_count) for event in events] == [
        (1, 3, 0, 1201),
        (2, 3, 500, 1201),
        (3, 3, 1000, 1201),
    ]
    assert len({event.event_id for event in events}) == 3
    sent = [schemas.codec.decode_poster(raw) for event in events for raw in event.posters]
    rows = {str(row.pk): row for row in models.Testimonial.objects.select_related("poster")}
    assert [poster.entity_id for poster in sent] == sorted(rows, key=int, reverse=True)
    for index, poster in enumerate(sent):
        row = rows[poster.entity_id]
        assert row.poster is not None
        assert (row.poster.job_id, row.poster.poster_index) == (job.pk, index)
        assert poster.custom_data == row.poster_data()
    assert (job.total_count, job.status, job.section, job.metadata) == (1201, "queued", "testimonial", {"user_id": 7})
    assert (events[0].metadata, events[0].output, events[0].source) == ({"user_id": 7}, {"width": 500}, "example")


def test_ten_thousand_rows_are_not_all_in_memory(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only one chunk of the rows is in memory at a time."""
    most = 0

    def poster_data(row: models.Testimonial) -> dict[str, Any]:
        nonlocal most
        if row.pk % 499 == 0:
            gc.collect()
            most = max(most, sum(isinstance(thing, models.Testimonial) for thing in gc.get_objects()))
        return {"quote": row.quote}

    monkeypatch.setattr(models.Testimonial, "poster_data", poster_data)
    with Site(database_url=sqlite_url, broker="127.0.0.1:9"):
        make_testimonials(10_000)
        job = request_posters(models.Testimonial.objects.all())

        assert (job.total_count, len(parts()), Poster.objects.count()) == (10_000, 20, 10_000)
    assert 0 < most < 2_000


def test_large_posters_make_more_parts(any_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """No event is larger than the contract allows, and no poster is missing."""
    monkeypatch.setattr(models.Testimonial, "poster_data", lambda row: {"quote": "é" * 30_000, "id": row.pk})
    make_testimonials(40)

    request_posters(models.Testimonial.objects.all())

    events = parts()
    assert len(events) > 2
    assert sum(len(event.posters) for event in events) == 40
    assert [event.first_index for event in events[1:]] == [
        sum(len(before.posters) for before in events[: number + 1]) for number in range(len(events) - 1)
    ]


def test_unchanged_rows_are_left_out(any_site: Site) -> None:
    """A second batch requests only changed, failed and new rows; the others keep their posters."""
    make_testimonials(4)
    first = request_posters(models.Testimonial.objects.all())
    one, two, three, four = models.Testimonial.objects.order_by("pk")
    models.Testimonial.objects.filter(pk=one.pk).update(quote="Now with more words.")
    Poster.objects.filter(pk=two.poster_id).update(status="failed")
    fresh = make_testimonial()

    second = request_posters(models.Testimonial.objects.all())

    asked = list(second.posters.order_by("poster_index").values_list("entity_id", flat=True))
    assert asked == [str(row.pk) for row in (one, two, fresh)]
    assert second.total_count == 3
    kept = models.Testimonial.objects.filter(poster__job=first)
    assert set(kept) == {three, four}


def test_reuse_false_asks_for_all(any_site: Site) -> None:
    """With reuse=False every row gets a new poster, and the request tells the workers to render."""
    make_testimonials(2)
    request_posters(models.Testimonial.objects.all())

    job = request_posters(models.Testimonial.objects.all(), reuse=False)

    assert (job.total_count, parts()[1].reuse) == (2, False)


def test_batch_of_nothing_is_completed_at_once(any_site: Site) -> None:
    """A job without posters sends no event, and job_finished is sent at the commit."""
    told: list[tuple[object, Job]] = []

    def hear(sender: object, job: Job, **_: Any) -> None:
        told.append((sender, job))

    job_finished.connect(hear)
    try:
        with transaction.atomic():
            job = request_posters(models.Testimonial.objects.all())
            before = list(told)
    finally:
        job_finished.disconnect(hear)

    job.refresh_from_db()
    assert (before, told) == ([], [(models.Testimonial, job)])
    assert (job.status, job.is_finished, job.announced, job.total_count) == ("completed", True, True, 0)
    assert not OutboxEvent.objects.exists()


def test_rollback_asks_for_nothing(any_site: Site) -> None:
    """A transaction that is rolled back leaves no job, no poster and no event."""
    make_testimonials(3)
    with contextlib.suppress(_RolledBackError), transaction.atomic():
        request_posters(models.Testimonial.objects.all())
        raise _RolledBackError

    assert nothing_written()


def nothing_written() -> bool:
    linked = models.Testimonial.objects.exclude(poster=None)
    return not (Job.objects.exists() or Poster.objects.exists() or OutboxEvent.objects.exists() or linked.exists())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param({"price": object()}, r"testimonials\.Testimonial \d+: custom_data\.price` is a object", id="type"),
        pytest.param({"text": "x" * 70_000}, r"testimonials\.Testimonial \d+ cannot .* 65,536 are allowed", id="size"),
        pytest.param({"n": 2**70}, r"testimonials\.Testimonial \d+ cannot", id="integer"),
    ],
)
def test_bad_row_is_named_and_nothing_is_written(
    any_site: Site, monkeypatch: pytest.MonkeyPatch, data: dict[str, Any], message: str
) -> None:
    """One invalid row is an error that names it, and no poster is requested."""
    make_testimonials(600)
    last = models.Testimonial.objects.order_by("pk").last()
    monkeypatch.setattr(models.Testimonial, "poster_data", lambda row: data if row == last else {})

    with pytest.raises(RequestError, match=message):
        request_posters(models.Testimonial.objects.all())

    assert nothing_written()


def test_what_is_no_queryset_of_rows_is_refused(any_site: Site) -> None:
    """Lists, values() querysets and models without a field are errors that say what to pass."""
    make_testimonials(1)

    with pytest.raises(RequestError, match="takes a queryset of rows, not a list"):
        request_posters([1])  # type: ignore[arg-type]
    with pytest.raises(RequestError, match=r"without values\(\)"):
        request_posters(models.Testimonial.objects.values("pk"))
    with pytest.raises(RequestError, match=r"posters\.Job has no PosterField"):
        request_posters(Job.objects.all())


def test_oversized_batch_is_refused(any_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many rows are counted, not read, and the error names the limit."""
    monkeypatch.setattr(batch, "MAX_POSTERS", 2)
    make_testimonials(3)

    with pytest.raises(RequestError, match="3 posters are too many for one job; request 2 at a time"):
        request_posters(models.Testimonial.objects.all())

    assert nothing_written()


def test_row_that_a_join_repeats_gets_one_poster(any_site: Site) -> None:
    """A row that the queryset yields several times gets one poster."""
    make_testimonials(3)
    everything = models.Testimonial.objects.all()

    job = request_posters(everything.union(everything, all=True))

    assert job.total_count == 3


async def test_async_code_can_ask(postgres_url: str) -> None:
    """arequest_posters() has the effect of request_posters()."""
    with Site(database_url=postgres_url, broker="127.0.0.1:9"):
        await sync_to_async(make_testimonials)(2)

        job = await arequest_posters(models.Testimonial.objects.all())

        sent = await sync_to_async(parts)()
        await sync_to_async(forget_connections)()
    assert (sent[0].job_id, job.total_count) == (job.pk, 2)
