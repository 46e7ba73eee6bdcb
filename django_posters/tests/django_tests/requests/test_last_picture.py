"""The last good picture stays until the next one is there, and the link of a row cannot be undone."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connections, transaction
from django.test import override_settings
from django_posters.contract.codec import decode
from django_posters.contract.outcomes import PosterOutcome
from django_posters.models import OutboxEvent, Poster
from django_posters.results import pictures
from django_posters.results.outcomes import apply_outcome
from django_posters.testing import capture_posters
from testimonials import models

from django_posters import cancel_job, erase_poster, poster_finished, request_poster, request_posters
from django_tests.outcomes import outcome
from django_tests.site import Site, make_testimonial

OLD = "https://cdn.test/old.png"


def finish(poster: Poster, status: str = "completed", **fields: Any) -> None:
    """Apply an outcome of the poster as the consumer does."""
    given = {"poster_index": poster.poster_index, "entity_id": poster.entity_id} | fields
    apply_outcome(decode(outcome(poster.job_id, status, **given), PosterOutcome))


def shown(row: models.Testimonial) -> tuple[str, str, str]:
    """Return the status of the row's newest request, the address its pages show, and its own copy of that."""
    fresh = models.Testimonial.objects.select_related("poster").get(pk=row.pk)
    assert fresh.poster is not None
    return fresh.poster.status, fresh.poster.url, fresh.poster_url


@pytest.mark.parametrize("ending", ["failed", "cancelled"])
def test_picture_stays_while_the_next_is_made_and_after_it_ends_without_one(any_site: Site, ending: str) -> None:
    """A queued, failed or cancelled request shows the last completed picture, and says its own state."""
    row = make_testimonial()
    finish(first := request_poster(row), url=OLD, width=1200, height=630)

    second = request_poster(row, reuse=False)
    queued = shown(row)
    finish(second, ending)
    second.refresh_from_db()

    assert queued == ("queued", OLD, OLD)
    assert shown(row) == (ending, OLD, OLD)
    assert (second.picture_of, second.shows_earlier, second.width) == (first.pk, True, 1200)
    assert [image.url for image in second.images] == [OLD]


def test_own_picture_takes_its_place(any_site: Site) -> None:
    """A completed poster shows its own picture and no longer that of another one."""
    row = make_testimonial()
    finish(request_poster(row), url=OLD)
    second = request_poster(row, reuse=False)

    finish(second)

    second.refresh_from_db()
    assert (second.picture_of, second.shows_earlier) == (None, False)
    assert shown(row)[1] != OLD


def test_cancelled_batch_leaves_every_row_its_picture(any_site: Site) -> None:
    """Requesting everything again and cancelling it takes no picture from any page."""
    rows = [make_testimonial(author=f"Author {number}") for number in range(3)]
    with capture_posters() as posters:
        request_posters(models.Testimonial.objects.all())
    before = {captured.entity_id: captured.succeed().url for captured in posters}

    with capture_posters() as again:
        cancel_job(request_posters(models.Testimonial.objects.all(), reuse=False))
    for captured in again:
        captured.cancel()

    assert {str(row.pk): shown(row)[:2] for row in rows} == {pk: ("cancelled", url) for pk, url in before.items()}


def test_late_result_of_an_earlier_request_is_shown_meanwhile(any_site: Site) -> None:
    """If an earlier poster completes while a newer one is queued or has failed, its picture is the last good one."""
    row = make_testimonial()
    first, second, third = (request_poster(row, reuse=False) for _ in range(3))

    finish(third, "failed")
    finish(second, url="https://cdn.test/second.png")
    finish(first, url=OLD)

    assert shown(row)[:2] == ("failed", "https://cdn.test/second.png")


def test_replayed_picture_is_shown_meanwhile(any_site: Site) -> None:
    """If an earlier poster gets another picture by a replay, a newer one that has none yet shows that."""
    row = make_testimonial()
    finish(first := request_poster(row), url=OLD)
    request_poster(row, reuse=False)

    finish(first, url="https://cdn.test/replayed.png", generation=1)

    assert shown(row)[:2] == ("queued", "https://cdn.test/replayed.png")


def test_failure_shows_what_completed_before_it(any_site: Site) -> None:
    """A poster whose columns hold no picture, as the former version writes it, finds the last good one on failure."""
    row = make_testimonial()
    finish(request_poster(row), url=OLD)
    second = request_poster(row, reuse=False)
    Poster.objects.filter(pk=second.pk).update(url="", picture_of=None)

    finish(second, "failed")

    assert shown(row)[:2] == ("failed", OLD)


def test_erased_picture_is_shown_nowhere(any_site: Site) -> None:
    """With the erasure of a poster its picture disappears from newer posters that showed it."""
    row = make_testimonial()
    first = request_poster(row)
    finish(first, url=OLD)
    second = request_poster(row, reuse=False)

    erase_poster(first)

    second.refresh_from_db()
    assert (second.url, second.images, second.picture_of) == ("", [], None)


def test_erased_event_clears_what_newer_posters_show(any_site: Site) -> None:
    """The same holds for an erasure that an operator requested."""
    row = make_testimonial()
    first = request_poster(row)
    finish(first, url=OLD)
    request_poster(row, reuse=False)

    finish(first, "erased")

    assert shown(row)[1] == ""


def test_stale_save_does_not_undo_the_link(any_site: Site) -> None:
    """save() of an instance that was read before the request leaves the link, and saves everything else."""
    stale = models.Testimonial.objects.get(pk=make_testimonial().pk)
    poster = request_poster(models.Testimonial.objects.get())

    stale.author = "Ada"
    stale.save()
    stale.save(update_fields=["author", "poster"])

    row = models.Testimonial.objects.get()
    assert (row.poster, row.author) == (poster, "Ada")


def test_assigned_link_is_saved_once(any_site: Site) -> None:
    """A poster that a site assigns is saved; later saves leave the link alone again."""
    row = make_testimonial()
    first, second = request_poster(row), request_poster(row, reuse=False)

    row.poster = first
    row.save()
    assigned = models.Testimonial.objects.get().poster
    models.Testimonial.objects.update(poster=second)
    row.save()
    kept = models.Testimonial.objects.get().poster
    row.poster = None
    row.save()

    assert (assigned, kept, models.Testimonial.objects.get().poster) == (first, second, None)
    copy = models.Testimonial.objects.create(author="Ada", quote="…", rating=1, poster=first)
    assert models.Testimonial.objects.get(pk=copy.pk).poster == first


def test_assignment_that_is_read_over_is_not_saved(any_site: Site) -> None:
    """refresh_from_db() forgets what was assigned before, so that a later save() does not undo a newer link."""
    row = make_testimonial()
    first = request_poster(row)
    row.poster = first
    row.refresh_from_db()
    second = request_poster(models.Testimonial.objects.get(), reuse=False)

    row.save()

    assert models.Testimonial.objects.get().poster == second


def test_copied_row_shows_no_picture_of_the_original(any_site: Site) -> None:
    """A copy links to the original's poster until its own is requested, which does not take that one's place."""
    row = make_testimonial()
    finish(request_poster(row), url=OLD)
    with override_settings(POSTERS=settings.POSTERS | {"DEBOUNCE": 60}):
        waiting = request_poster(row, reuse=False)
        copy = models.Testimonial.objects.get()
        copy.pk, copy._state.adding = None, True
        copy.save()

        own = request_poster(copy)
        job = request_posters(models.Testimonial.objects.filter(pk=copy.pk), reuse=False)

    assert own != waiting
    assert (own.entity_id, own.url) == (str(copy.pk), "")
    assert job.posters.get().url == ""
    waiting.refresh_from_db()
    assert (waiting.entity_id, waiting.url) == (str(row.pk), OLD)


def test_batch_comes_after_what_was_requested_while_it_read(any_site: Site) -> None:
    """A poster of a batch is newer than the one that it replaces, although the batch began before."""
    row = make_testimonial()
    single = request_poster(row)
    Poster.objects.filter(pk=single.pk).update(requested_at=single.requested_at + timedelta(minutes=5))

    job = request_posters(models.Testimonial.objects.all(), reuse=False)
    finish(single, url=OLD)

    assert job.posters.get().url == OLD


def test_pictures_that_arrive_together_leave_the_latest(any_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two consumers complete two posters of a row at the same time: the waiting one shows the picture of the newer."""
    row = make_testimonial()
    first, second, third = (request_poster(row, reuse=False) for _ in range(3))
    share = pictures.picture_of

    def late(latest: Poster | None, entity_id: str) -> dict[str, Any]:
        monkeypatch.setattr(pictures, "picture_of", share)
        finish(second, url="https://cdn.test/second.png")
        return share(latest, entity_id)

    monkeypatch.setattr(pictures, "picture_of", late)
    finish(first, url=OLD)

    third.refresh_from_db()
    assert (third.url, third.picture_of) == ("https://cdn.test/second.png", second.pk)


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("server", ["postgres_url", "mariadb_url"])
def test_picture_that_completes_during_a_request_is_shown(
    server: str, batch: bool, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What completes between a request and its commit is seen by neither of the two transactions, and shown after them.

    On SQLite the outcome waits for the commit.
    """
    with Site(database_url=request.getfixturevalue(server), broker="127.0.0.1:9"):
        row = make_testimonial()
        first = request_poster(row)

        with transaction.atomic():
            if batch:
                request_posters(models.Testimonial.objects.all(), reuse=False)
            else:
                request_poster(row, reuse=False)
            # Receivers run once the outcome is committed; the site's would wait for the row, which is locked.
            monkeypatch.setattr(poster_finished, "receivers", [])
            together(lambda: finish(first, url=OLD))

        assert shown(row)[:2] == ("queued", OLD)


def together(*works: Callable[[], object]) -> None:
    """Run these at the same time, each in a thread with a connection of its own, and raise what they raise."""
    barrier, errors = threading.Barrier(len(works)), []

    def run(work: Callable[[], object]) -> None:
        try:
            barrier.wait(30)
            work()
        except Exception as error:  # noqa: BLE001 - raised by the test
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert errors == []


def test_concurrent_saves_do_not_undo_concurrent_requests(any_site: Site) -> None:
    """Whatever instances are saved at the same time, the row links to its newest poster."""
    pk = make_testimonial().pk

    def request() -> None:
        for _ in range(5):
            request_poster(models.Testimonial.objects.get(pk=pk), reuse=False)

    def save() -> None:
        for number in range(10):
            row = models.Testimonial.objects.get(pk=pk)
            row.author = f"Author {number}"
            row.save()

    together(request, save, request, save)

    newest = Poster.objects.order_by("-requested_at").first()
    assert Poster.objects.count() == 10
    assert models.Testimonial.objects.get().poster == newest


def test_concurrent_equal_requests_make_one_poster(any_site: Site) -> None:
    """Requests of an unchanged row wait for each other, so that the second one reuses the poster of the first."""
    pk = make_testimonial().pk

    together(*[lambda: request_poster(models.Testimonial.objects.get(pk=pk))] * 4)

    assert (Poster.objects.count(), OutboxEvent.objects.count()) == (1, 1)


def test_batch_requests_the_row_as_it_is_when_it_is_locked(any_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that changes and gets a poster while a batch reads it is not taken back to its older data."""
    row = make_testimonial(author="before")
    stale = models.Testimonial.objects.get()
    models.Testimonial.objects.update(author="after")
    row.refresh_from_db()
    current = request_poster(row)
    monkeypatch.setattr("django_posters.requests.batch._chunks", lambda _: iter([[stale]]))

    job = request_posters(models.Testimonial.objects.all())

    assert job.total_count == 0
    assert models.Testimonial.objects.get().poster == current
