"""Degraded posters: requested again after a while, at most a few times."""

from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db import OperationalError, ProgrammingError, connection
from django.db.models import FileField
from django.db.models.fields.files import FieldFile
from django.test import override_settings
from django.utils import timezone
from django_posters.models import Poster
from django_posters.requests.degraded import retry_degraded
from django_posters.testing import CapturedPoster
from testimonials import models

from django_posters import request_poster, request_posters
from django_tests.site import Site, make_testimonial

ASSET = {"url": "https://cdn.test/photo.jpg", "ok": False, "status": 404, "reason": "asset_status"}
WARNING = {"code": "asset_status", "message": "https://cdn.test/photo.jpg answered with 404"}


def newest(row: models.Testimonial) -> Poster:
    poster = models.Testimonial.objects.select_related("poster").get(pk=row.pk).poster
    assert poster is not None
    return poster


def degrade(poster: Poster) -> Poster:
    """Complete the poster without its photo."""
    return CapturedPoster(poster, {}).succeed(degraded=True, assets=[ASSET], warnings=[WARNING])


def make_due() -> None:
    Poster.objects.exclude(retry_at=None).update(retry_at=timezone.now())


def test_outcome_says_what_is_missing(any_site: Site) -> None:
    """A degraded poster has the assets and warnings of its event, and a time at which it is requested again."""
    poster = degrade(request_poster(make_testimonial()))

    assert (poster.degraded, poster.warnings) == (True, [WARNING])
    assert [{name: asset[name] for name in ASSET} for asset in poster.assets] == [ASSET]
    assert poster.retry_at == (poster.finished_at or timezone.now()) + timedelta(hours=1)


def test_degraded_poster_is_requested_again_a_few_times(any_site: Site) -> None:
    """Once its time has come it is requested again, showing the degraded picture meanwhile; and three times in all."""
    row = make_testimonial()
    first = degrade(request_poster(row))
    too_early = retry_degraded()

    waits = []
    while newest(row).retry_at is not None:
        waits.append((newest(row).retry_at or timezone.now()) - (newest(row).finished_at or timezone.now()))
        make_due()
        assert retry_degraded() == 1
        assert (newest(row).status, newest(row).url) == ("queued", first.url if len(waits) == 1 else newest(row).url)
        assert retry_degraded() == 0
        degrade(newest(row))

    assert too_early == 0
    assert waits == [timedelta(hours=1), timedelta(hours=2), timedelta(hours=4)]
    assert Poster.objects.count() == 4


def test_good_picture_ends_the_retries(any_site: Site) -> None:
    """A retry that finds its photo is an ordinary poster, and a changed row starts to count anew."""
    row = make_testimonial()
    degrade(request_poster(row))
    make_due()
    retry_degraded()
    good = CapturedPoster(newest(row), {}).succeed()
    row.author = "Ada"
    row.save()
    changed = degrade(request_poster(row))

    assert (good.degraded, good.retry_at, good.automatic_retries) == (False, None, 1)
    assert changed.automatic_retries == 0
    assert changed.retry_at == (changed.finished_at or timezone.now()) + timedelta(hours=1)


def test_request_asks_again_as_well(any_site: Site) -> None:
    """Until its time a degraded poster is reused; after it a request of the unchanged row makes a new one."""
    row = make_testimonial()
    poster = degrade(request_poster(row))
    reused = request_poster(row)
    make_due()

    assert reused == poster
    assert request_posters(models.Testimonial.objects.all()).total_count == 1
    assert newest(row).automatic_retries == 1


def test_poster_that_is_not_shown_is_not_requested_again(any_site: Site) -> None:
    """Neither a poster that a newer one replaced, nor that of a deleted row."""
    row, gone = make_testimonial(), make_testimonial(author="Ada")
    degrade(request_poster(row))
    degrade(request_poster(gone))
    request_poster(row, reuse=False)
    gone.delete()
    make_due()

    assert retry_degraded() == 0
    assert not Poster.objects.exclude(retry_at=None).exists()


def test_row_whose_data_fails_does_not_stop_the_others(
    any_site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A row that cannot be requested is logged, and the next one is requested all the same."""
    degrade(request_poster(make_testimonial(author="Bad")))
    degrade(request_poster(make_testimonial(author="Good")))
    make_due()
    data = models.Testimonial.poster_data

    def fails(row: models.Testimonial) -> dict[str, Any]:
        return {"x": row.missing} if row.author == "Bad" else data(row)  # type: ignore[attr-defined]

    monkeypatch.setattr(models.Testimonial, "poster_data", fails)

    assert retry_degraded() == 1
    assert "cannot be requested again" in caplog.text


@pytest.mark.parametrize(
    "sql", [pytest.param("SELECT * FROM no_such_table", id="table"), pytest.param("SELECT 1 +", id="syntax")]
)
def test_row_whose_query_fails_does_not_stop_the_others(
    any_site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, sql: str
) -> None:
    """A statement of the site's own code that the server refuses is that of its row, and ends no transaction."""
    degrade(request_poster(make_testimonial(author="Bad")))
    degrade(request_poster(make_testimonial(author="Good")))
    make_due()
    data = models.Testimonial.poster_data

    def fails(row: models.Testimonial) -> dict[str, Any]:
        if row.author == "Bad":
            with connection.cursor() as cursor:
                try:
                    cursor.execute(sql)
                except OperationalError as error:  # of SQLite, and of MariaDB's driver where it knows no better
                    raise ProgrammingError from error
        return data(row)

    monkeypatch.setattr(models.Testimonial, "poster_data", fails)

    assert retry_degraded() == 1
    assert "cannot be requested again" in caplog.text
    assert not Poster.objects.exclude(retry_at=None).exists()


def test_storage_that_fails_is_that_of_its_row(
    any_site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A storage may raise anything when it is asked for a file: the error names the row, and others go on."""

    class Broken(FieldFile):
        @property
        def url(self) -> str:
            raise NotImplementedError("This backend doesn't support absolute URLs.")

    poster = degrade(request_poster(make_testimonial()))
    make_due()
    file = Broken(models.Testimonial(), FileField(name="photo"), "photo.jpg")
    monkeypatch.setattr(models.Testimonial, "poster_data", lambda _: {"photo": file})

    assert retry_degraded() == 0
    assert f"the data of testimonials.Testimonial {poster.entity_id} cannot be read: NotImplementedError" in caplog.text


def test_data_that_is_new_each_time_is_requested_a_few_times_all_the_same(
    any_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signed address in the data changes it at each request, which does not count as a changed row here."""
    signatures = count()
    monkeypatch.setattr(models.Testimonial, "poster_data", lambda _: {"photo": f"/photo.jpg?{next(signatures)}"})
    row = make_testimonial()
    degrade(request_poster(row))

    while newest(row).retry_at is not None and Poster.objects.count() < 10:
        make_due()
        retry_degraded()
        degrade(newest(row))

    assert Poster.objects.count() == 4


@pytest.mark.parametrize("never", [None, 0])
def test_retries_can_be_switched_off(plain_site: Site, never: object) -> None:
    """With None or 0 a degraded poster stays as it is."""
    with override_settings(POSTERS={"SITE": "shop", "BOOTSTRAP_SERVERS": "a:1", "DEGRADED_RETRY": never}):
        poster = degrade(request_poster(make_testimonial()))

    assert (poster.degraded, poster.retry_at) == (True, None)
