"""request_poster(): in one transaction, with reuse and validation."""

import contextlib
import re
import uuid
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from django.test import override_settings
from django_posters.contract.output import Output
from django_posters.errors import PostersSettingsError
from django_posters.models import OutboxEvent, Poster
from django_posters.requests.options import plain_output
from testimonials import models

import schemas.codec
import schemas.requests
from django_posters import RequestError, arequest_poster, request_poster
from django_tests.site import NAME, Site, forget_connections, make_testimonial


class _RolledBackError(Exception):
    """Raised to roll back a transaction."""


def only_event() -> schemas.requests.PosterRequested:
    """Return the one event in the outbox as the workers read it."""
    return schemas.codec.decode(bytes(OutboxEvent.objects.get().value), schemas.requests.PosterRequested)


def nothing_written() -> bool:
    return not Poster.objects.exists() and not OutboxEvent.objects.exists()


def test_request_is_what_the_workers_read(any_site: Site) -> None:
    """The bytes in the outbox are a poster.requested for the workers, with the row's data and untouched metadata."""
    testimonial = make_testimonial(quote="مرحبا 🎉")
    metadata = {"user_id": 7, "testimonial_id": testimonial.pk, "nested": {"list": [1, 2.5, None, True]}}

    poster = request_poster(testimonial, metadata=metadata, output={"format": "jpeg", "quality": 80})

    event, row = only_event(), OutboxEvent.objects.get()
    assert (event.job_id, event.source, event.template_id) == (poster.job_id, NAME, "testimonial_latest")
    assert (event.entity_id, event.custom_data) == (str(testimonial.pk), testimonial.poster_data())
    assert (event.metadata, event.output) == (metadata, {"format": "jpeg", "quality": 80})
    assert (row.event_id, row.key, row.topic) == (event.event_id, event.job_id, "poster-requests")
    assert row.headers["content-type"] == "application/json"
    assert (row.headers["type"], row.headers["job"]) == ("poster.requested", poster.job_id)
    assert len(row.headers["traceparent"].split("-")) == 4


def test_row_is_linked_to_its_poster(any_site: Site) -> None:
    """After the call the instance and the row in the database have the queued poster."""
    testimonial = make_testimonial()

    poster = request_poster(testimonial)

    assert testimonial.poster == poster
    assert models.Testimonial.objects.select_related("poster").get().poster == poster
    assert (poster.status, poster.is_finished, poster.url) == ("queued", False, "")


def test_rollback_asks_for_nothing(any_site: Site) -> None:
    """A transaction that is rolled back leaves neither a poster nor an event."""
    with contextlib.suppress(_RolledBackError), transaction.atomic():
        request_poster(make_testimonial())
        raise _RolledBackError

    assert nothing_written()


def test_unchanged_row_asks_for_nothing(any_site: Site) -> None:
    """The same data, metadata and options return the existing poster, even for a stale instance."""
    testimonial = make_testimonial()
    stale = models.Testimonial.objects.get()

    first = request_poster(testimonial)
    again = request_poster(stale)

    assert (again, stale.poster) == (first, first)
    assert OutboxEvent.objects.count() == 1


@pytest.mark.parametrize("change", ["quote", "metadata", "output", "reuse", "failed", "cancelled"])
def test_changed_row_asks_again(any_site: Site, change: str) -> None:
    """Other data, metadata or output, reuse=False, and a failed or cancelled poster each make a new request."""
    testimonial = make_testimonial()
    first = request_poster(testimonial)
    options: dict[str, Any] = {}
    if change == "quote":
        testimonial.quote = "Now with more words."
        testimonial.save()
    elif change in ("failed", "cancelled"):
        Poster.objects.update(status=change)
    else:
        options[change] = {"metadata": {"a": 1}, "output": {"width": 500}, "reuse": False}[change]

    second = request_poster(testimonial, **options)

    assert second != first
    assert models.Testimonial.objects.get().poster == second
    assert OutboxEvent.objects.count() == 2


def test_dates_uuids_and_lazy_texts_become_text(any_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dates, times, UUIDs and lazy texts are serialized as text."""
    given = {"day": date(2026, 2, 3), "at": datetime(2026, 2, 3, 4, tzinfo=UTC), "id": uuid.UUID(int=5), "in": ("a",)}
    monkeypatch.setattr(models.Testimonial, "poster_data", lambda _: given)

    request_poster(make_testimonial())

    assert only_event().custom_data == {
        "day": "2026-02-03",
        "at": "2026-02-03T04:00:00+00:00",
        "id": "00000000-0000-0000-0000-000000000005",
        "in": ["a"],
    }


class _Loop(dict[str, Any]):
    """A dict that contains itself."""

    def __init__(self) -> None:
        super().__init__()
        self["again"] = self


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param({"price": object()}, r"`custom_data\.price` is a object.*convert it", id="no JSON type"),
        pytest.param({"list": [1, {"x": {2}}]}, r"`custom_data\.list\[1\]\.x` is a set", id="deep inside"),
        pytest.param({"n": float("nan")}, r"`custom_data\.n` is nan", id="not a number"),
        pytest.param({1: "one"}, r"`custom_data` has the key 1", id="key"),
        pytest.param([1], r"`custom_data` is a list; it takes a dict", id="not a dict"),
        pytest.param({"text": "x" * 70_000}, r"70,0\d\d bytes; 65,536 are allowed", id="too large"),
        pytest.param({"n": 2**70}, r"does not fit 64 bits|Integer exceeds 64-bit", id="large integer"),
        pytest.param({"text": "a\0b"}, r"U\+0000", id="null character"),
        pytest.param(_Loop(), r"nested deeper than 16", id="endless"),
    ],
)
def test_bad_data_is_refused(plain_site: Site, monkeypatch: pytest.MonkeyPatch, data: object, message: str) -> None:
    """Data that cannot be serialized is an error that names the value, and nothing is written."""
    testimonial = make_testimonial()
    monkeypatch.setattr(models.Testimonial, "poster_data", lambda _: data)

    with pytest.raises(RequestError, match=message):
        request_poster(testimonial)

    assert nothing_written()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"field": "picture"}, "no PosterField 'picture'; it has poster", id="field"),
        pytest.param({"template_id": "Testimonial latest"}, "names no template", id="template"),
        pytest.param({"metadata": {"x": "y" * 5000}}, "4,096 are allowed", id="metadata"),
        pytest.param({"output": {"widht": 5}}, "unknown output field .widht", id="output name"),
        pytest.param({"output": {"width": 90_000}}, "8,192 are allowed", id="output range"),
        pytest.param({"priority": "urgent"}, "it takes 'normal' or 'bulk'", id="priority"),
        pytest.param({"strict": "yes"}, "`strict` is 'yes'; it takes True or False", id="strict"),
        pytest.param({"deadline": datetime(2030, 1, 1)}, "deadline|timezone", id="naive deadline"),  # noqa: DTZ001
        pytest.param({"deadline": "tomorrow"}, "takes an aware datetime", id="deadline in words"),
        pytest.param({"template_id": 5}, "`template_id` is a int; it takes text", id="number of a template"),
    ],
)
def test_bad_option_is_refused(plain_site: Site, options: dict[str, Any], message: str) -> None:
    """An option that the workers would reject is an error, and nothing is written."""
    testimonial = make_testimonial()

    with pytest.raises(RequestError, match=message):
        request_poster(testimonial, **options)

    assert nothing_written()


WHOLE = "whole numbers of 1 to 8,192 are allowed"
REFUSED_OUTPUTS: list[tuple[dict[str, Any], str]] = [
    ({"format": "gif"}, "`format` is 'gif'; png, jpeg, webp, pdf are allowed"),
    ({"width": "500"}, f"`width` is '500'; {WHOLE}"),
    ({"width": 1.5}, f"`width` is 1.5; {WHOLE}"),
    ({"width": 2**70}, f"`width` is an integer beyond 64 bits; {WHOLE}"),
    ({"height": 0}, f"`height` is 0; {WHOLE}"),
    ({"height": [9]}, f"`height` is a list; {WHOLE}"),
    ({"scale": 9}, "`scale` is 9.0; numbers of 0.5 to 4.0 are allowed"),
    ({"quality": 101}, "`quality` is 101; whole numbers of 1 to 100 are allowed"),
    ({"transparent": "yes"}, "`transparent` is 'yes'; true and false are allowed"),
    (
        {"transparent": True, "format": "jpeg"},
        "`transparent` is true, which needs `format` png or webp instead of jpeg",
    ),
    ({"full_page": 1}, "`full_page` is 1; true and false are allowed"),
    ({"selector": "x" * 1001}, "… (1,001 characters); a CSS selector of up to 1,000 characters is allowed"),
    ({"color_scheme": "sepia"}, "`color_scheme` is 'sepia'; light, dark are allowed"),
    ({"color_scheme": "dark", "format": "pdf"}, "`color_scheme` is 'dark', which needs `format` png, jpeg or webp"),
    ({"locale": ""}, "`locale` is ''; a name such as de-DE is allowed, of 1 to 64 characters"),
    ({"timezone": 5}, "`timezone` is 5; a name such as Europe/Berlin is allowed"),
    ({"variants": {}}, "`variants` is an object; a list of 1 to 8 objects is allowed"),
    ({"variants": []}, "`variants` has 0 entries; a list of 1 to 8 objects is allowed"),
    ({"variants": ["a"]}, "`variants[0]` is 'a'; objects with a `name` are allowed"),
    ({"variants": [{"width": 5}]}, "`variants[0].name` is missing; text of 1 to 64 characters is allowed"),
    ({"variants": [{"name": "a"}, {"name": "b", "format": "gif"}]}, "`variants[1].format` is 'gif'; png, jpeg"),
    ({"variants": [{"name": "a", "scale": 9}]}, "variant `a`: output field `scale` is 9.0; numbers of 0.5 to 4.0"),
    ({"variants": [{"name": "a", "hue": 1}]}, "unknown field of a variant 'hue'; format, width, height, scale"),
    ({"hue": 1}, "unknown output field 'hue'; format, width, height, scale, quality"),
    (
        {"width": 8000, "height": 8001},
        "`width` 8000, `height` 8001 and `scale` 1.0 the image would have 8,000 × 8,001 = 64,008,000 device pixels; 6",
    ),
]


@pytest.mark.parametrize(("output", "message"), REFUSED_OUTPUTS, ids=str)
def test_refused_output_names_field_value_and_what_is_allowed(output: dict[str, Any], message: str) -> None:
    """The error for an invalid output names the field, its value and the allowed values."""
    with pytest.raises(RequestError, match=re.escape(message)):
        plain_output(output)


def test_every_output_field_is_refused_for_something() -> None:
    """The cases above cover every field of the contract."""
    assert {name for output, _ in REFUSED_OUTPUTS for name in output} >= {field.name for field in fields(Output)}


@pytest.mark.parametrize("output", ["", [], 0, "jpeg"])
def test_output_that_is_no_dict_is_refused(output: Any) -> None:
    """Only None and an empty dict mean the default output."""
    with pytest.raises(RequestError, match=r"`output` is a \w+; it takes a dict"):
        plain_output(output)


def test_unsaved_row_is_refused(plain_site: Site) -> None:
    """An unsaved or deleted row is an error."""
    gone = make_testimonial()
    models.Testimonial.objects.all().delete()
    gone.pk = 99

    with pytest.raises(RequestError, match="is not saved; call its save"):
        request_poster(models.Testimonial(pk=5, author="Nobody", quote="…", rating=1))
    with pytest.raises(RequestError, match="not in the database any more"):
        request_poster(gone)

    assert nothing_written()


def test_what_is_no_row_is_refused(plain_site: Site) -> None:
    """An argument that is not a row is an error, which for a queryset names request_posters()."""
    with pytest.raises(RequestError, match="a str has no poster; give a saved row"):
        request_poster("testimonial")  # type: ignore[arg-type]
    with pytest.raises(RequestError, match=r"request_posters\(\) takes querysets"):
        request_poster(models.Testimonial.objects.all())  # type: ignore[arg-type]


def test_model_without_field_is_refused(plain_site: Site) -> None:
    """A model without a PosterField is an error that says to add one."""
    testimonial = make_testimonial()
    poster = request_poster(testimonial)

    with pytest.raises(RequestError, match=r"posters\.Poster has no PosterField; add one"):
        request_poster(poster)


def test_missing_settings_are_refused(plain_site: Site) -> None:
    """Without POSTERS nothing is requested, and the error shows what to add."""
    testimonial = make_testimonial()

    with (
        override_settings(POSTERS=None),
        pytest.raises(PostersSettingsError, match="POSTERS is missing; add POSTERS"),
    ):
        request_poster(testimonial)

    assert nothing_written()


async def test_async_code_can_ask(postgres_url: str) -> None:
    """arequest_poster() has the effect of request_poster()."""
    with Site(database_url=postgres_url, broker="127.0.0.1:9"):
        testimonial = await sync_to_async(make_testimonial)()

        poster = await arequest_poster(testimonial, metadata={"user_id": 1})

        event = await sync_to_async(only_event)()
        await sync_to_async(forget_connections)()
    assert (event.job_id, event.metadata) == (poster.job_id, {"user_id": 1})
