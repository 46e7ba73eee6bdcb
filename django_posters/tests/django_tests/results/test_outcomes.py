"""Outcomes, applied in this process: the first of a generation counts, and its signal is sent once committed."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django_posters.contract.codec import decode
from django_posters.contract.outcomes import PosterOutcome
from django_posters.models import Poster
from django_posters.results.outcomes import apply_outcome
from testimonials import models

from django_posters import poster_finished, request_poster
from django_tests.outcomes import NOW, URL, outcome
from django_tests.site import Site, make_testimonial


def take(value: bytes) -> None:
    """Apply an outcome as the consumer does."""
    apply_outcome(decode(value, PosterOutcome))


class Heard:
    """The posters that poster_finished was sent for, with what another connection saw of each at that moment."""

    def __init__(self) -> None:
        self.posters: list[tuple[object, Poster, str]] = []

    def __call__(self, sender: object, poster: Poster, **_: Any) -> None:
        other = connections["default"].copy()
        try:
            with other.cursor() as cursor:
                cursor.execute("SELECT status FROM posters_poster WHERE job_id = %s", [poster.job_id])
                (status,) = cursor.fetchone()
        finally:
            other.close()
        self.posters.append((sender, poster, status))


@pytest.fixture
def heard() -> Iterator[Heard]:
    """A receiver of poster_finished."""
    receiver = Heard()
    poster_finished.connect(receiver)
    yield receiver
    poster_finished.disconnect(receiver)


def test_outcome_fills_the_row(any_site: Site) -> None:
    """A completed poster has the URL, size and hash of its image, and the site's row has the URL."""
    poster = request_poster(make_testimonial(), metadata={"user_id": 7})

    take(outcome(poster.job_id, size_bytes=9, format="png", template_version=3, generation_time_ms=80, attempt=2))

    poster.refresh_from_db()
    assert (poster.status, poster.is_finished, poster.url, poster.finished_at) == ("completed", True, URL, NOW)
    assert (poster.width, poster.height, poster.size_bytes, poster.format) == (1080, 1080, 9, "png")
    assert (poster.sha256, poster.object_key, poster.attempt) == ("ab" * 32, "posters/1.png", 2)
    assert (poster.template_version, poster.generation_time_ms, poster.metadata) == (3, 80, {"user_id": 7})
    assert models.Testimonial.objects.get().poster_url == URL


def test_images_and_assets_reach_the_row(any_site: Site) -> None:
    """Each image of the event is in the row with its name, address and size; an address that runs a script is not."""
    poster = request_poster(make_testimonial())
    asset = {"url": "https://cdn.test/logo.png", "ok": True, "status": 200, "reason": None, "bytes": 7, "ms": 3}
    asset |= {"detail": None}
    image = {"object_key": "k", "sha256": "ab" * 32, "size_bytes": 9, "width": 1200, "height": 630, "format": "png"}
    images = [image | {"name": "og", "url": URL}, image | {"name": "bad", "url": "javascript:alert(1)"}]

    take(outcome(poster.job_id, images=images, assets=[asset], degraded=True))

    poster.refresh_from_db()
    og, bad = poster.images
    assert (og.name, og.url, og.object_key, og.width, og.height, og.format, og.size) == (
        *("og", URL, "k", 1200, 630, "png", 9),
    )
    assert (poster.url_of("og"), bad.url, poster.assets, poster.degraded) == (URL, "", [asset], True)


def test_failure_says_why(any_site: Site) -> None:
    """A failed poster has the code and the message, and the site's row has no URL."""
    poster = request_poster(make_testimonial())

    take(outcome(poster.job_id, "failed"))

    poster.refresh_from_db()
    assert (poster.status, poster.error_code, poster.error_message) == ("failed", "upload", "the store is full")
    assert models.Testimonial.objects.get().poster_url == ""


@pytest.mark.parametrize("order", list(itertools.permutations(["completed", "failed", "cancelled"])))
def test_first_outcome_of_a_generation_counts(postgres_url: str, order: tuple[str, ...], heard: Heard) -> None:
    """Contradicting outcomes and duplicates after the first change nothing and send no signal."""
    with Site(database_url=postgres_url, broker="127.0.0.1:9"):
        poster = request_poster(make_testimonial())

        for status in (order[0], *order, *order):
            take(outcome(poster.job_id, status))

        poster.refresh_from_db()
    assert poster.status == order[0]
    assert [reported.status for _, reported, _ in heard.posters] == [order[0]]


@pytest.mark.parametrize("order", list(itertools.permutations([0, 1, 2])))
def test_latest_generation_counts(postgres_url: str, order: tuple[int, ...]) -> None:
    """The latest generation of a replayed poster wins, in whatever order they arrive."""
    with Site(database_url=postgres_url, broker="127.0.0.1:9"):
        poster = request_poster(make_testimonial())

        for generation in (*order, *order):
            take(outcome(poster.job_id, url=f"https://cdn.test/{generation}.png", generation=generation))

        poster.refresh_from_db()
    assert (poster.generation, poster.url) == (2, "https://cdn.test/2.png")


def test_signal_comes_after_the_commit(site: Site, heard: Heard) -> None:
    """The sender is the row's model, and another connection already sees the outcome."""
    poster = request_poster(make_testimonial())

    take(outcome(poster.job_id))

    assert heard.posters == [(models.Testimonial, poster, "completed")]


def test_failing_receiver_does_not_stop_others(any_site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """A receiver's exception is logged; the other receivers run, and the signal is not repeated."""

    def breaks(**_: Any) -> None:
        raise RuntimeError("no room for the poster")

    poster = request_poster(make_testimonial())
    poster_finished.connect(breaks)
    try:
        take(outcome(poster.job_id))
        take(outcome(poster.job_id))
    finally:
        poster_finished.disconnect(breaks)

    assert models.Testimonial.objects.get().poster_url == URL
    assert caplog.text.count("RuntimeError: no room for the poster") == 1


def test_signal_survives_a_kill(any_site: Site, heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process killed between the commit and the signal leaves the signal to the redelivered outcome."""
    poster = request_poster(make_testimonial())

    def killed(**_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(poster_finished, "send_robust", killed)
        with pytest.raises(KeyboardInterrupt):
            take(outcome(poster.job_id))
    take(outcome(poster.job_id))
    take(outcome(poster.job_id))

    assert [reported.status for _, reported, _ in heard.posters] == ["completed"]
    assert models.Testimonial.objects.get().poster_url == URL


def test_outcome_of_an_older_poster_does_not_reach_the_row(any_site: Site) -> None:
    """The image of outdated data does not replace a pending newer poster."""
    testimonial = make_testimonial()
    older = request_poster(testimonial)
    newer = request_poster(testimonial, reuse=False)

    take(outcome(newer.job_id, url="https://cdn.test/newer.png"))
    take(outcome(older.job_id, url="https://cdn.test/older.png"))

    assert models.Testimonial.objects.get().poster_url == "https://cdn.test/newer.png"


def test_outcome_of_an_unknown_poster_is_left_alone(any_site: Site) -> None:
    """An outcome whose row was deleted changes nothing."""
    poster = request_poster(make_testimonial())

    take(outcome("template_gen_deleted"))

    poster.refresh_from_db()
    assert poster.status == "queued"
