"""A row's own values in the data of a poster: what arrives in the template."""

import base64
import enum
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import models
from django.db.models.fields.files import FieldFile
from django.test import override_settings
from django.test.utils import isolate_apps
from django.utils.translation import gettext_lazy
from django_posters.media import data_url
from django_posters.serialization import plain_object
from testimonials import models as testimonials

from django_posters import RequestError, request_poster, request_posters
from django_tests.site import Site, make_testimonial
from renderer.language.template import Template

PIXEL = bytes(range(64))
POSTERS: dict[str, Any] = {"SITE": "shop", "BOOTSTRAP_SERVERS": "a:1"}


class _Size(models.TextChoices):
    LARGE = "l", "Large"


class _Level(models.IntegerChoices):
    GOLD = 3


class _Shade(enum.Enum):
    DARK = "dark"


class _Kind(str, enum.Enum):  # noqa: UP042 - as many sites have them
    CARD = "card"


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        (Decimal("12.50"), "12.50"),
        (Decimal("1E+3"), "1000"),
        (datetime(2026, 7, 1, 20, 30, tzinfo=UTC), "2026-07-01T22:30:00+02:00"),
        (datetime(2026, 7, 1, 20, 30), "2026-07-01T20:30:00"),  # noqa: DTZ001
        (date(2026, 7, 1), "2026-07-01"),
        (time(20, 30), "20:30:00"),
        (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (gettext_lazy("Yes"), "Yes"),
        (_Size.LARGE, "l"),
        (_Level.GOLD, 3),
        (_Shade.DARK, "dark"),
        (_Kind.CARD, "card"),
        ([Decimal("1.0"), (_Size.LARGE,)], ["1.0", ["l"]]),
    ],
    ids=str,
)
def test_value_arrives_as_json(value: object, arrives: object) -> None:
    """Each kind of value has one documented form; an aware datetime is in the time zone of the site."""
    with override_settings(TIME_ZONE="Europe/Berlin"):
        assert plain_object({"value": value}, "custom_data") == {"value": arrives}


def test_template_shows_times_of_the_site_and_calculates_with_decimals() -> None:
    """20:30 UTC is 22:30 of a site in Berlin, unless the output names another zone; every digit of a price stays."""
    row = {"at": datetime(2026, 7, 1, 20, 30, tzinfo=UTC), "price": Decimal("12.50")}
    with override_settings(TIME_ZONE="Europe/Berlin"):
        data = plain_object(row, "custom_data")
    template = Template("{{ at | datetime('HH:mm') }} {{ price }} {{ price | money('EUR', 'en') }}")

    assert template.render(data) == "22:30 12.50 €12.50"
    assert template.render(data, timezone="Asia/Tokyo").startswith("05:30")


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), float("inf")], ids=repr)
def test_number_that_is_none_is_refused(value: object) -> None:
    """What JSON cannot hold is an error that names the place."""
    with pytest.raises(RequestError, match=r"`custom_data\.price` is -?\w+, which JSON cannot hold"):
        plain_object({"price": value}, "custom_data")


def test_failing_data_names_the_row(any_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception of the data method says of which row, alone and in a batch, and nothing is requested."""
    row = make_testimonial()
    monkeypatch.setattr(testimonials.Testimonial, "poster_data", lambda _: {"x": {}["photo"]})
    message = rf"the data of testimonials\.Testimonial {row.pk} cannot be read: KeyError: 'photo'"

    with pytest.raises(RequestError, match=message) as alone:
        request_poster(row)
    with pytest.raises(RequestError, match=message):
        request_posters(testimonials.Testimonial.objects.all())

    assert isinstance(alone.value.__cause__, KeyError)
    assert not testimonials.Testimonial.objects.exclude(poster=None).exists()


def test_failing_alternative_text_names_the_row(plain_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """So does an exception of the method that gives the alternative text."""
    monkeypatch.setattr(testimonials.Testimonial, "poster_alt", lambda _: 1 / 0)

    with pytest.raises(RequestError, match=r"alternative text of testimonials\.Testimonial \d+ cannot.*ZeroDivision"):
        request_poster(make_testimonial())


@pytest.fixture
def photo(tmp_path: Path) -> Iterator[FieldFile]:
    """The picture of a row, in a storage with the address /media/."""
    with isolate_apps("testimonials"), override_settings(MEDIA_ROOT=tmp_path, MEDIA_URL="/media/"):

        class Person(models.Model):  # noqa: DJ008
            photo = models.FileField(blank=True)

            class Meta:
                app_label = "testimonials"

        person = Person()
        person.photo.save("ada.png", ContentFile(PIXEL), save=False)
        yield person.photo


def sent(value: object, **posters: Any) -> Any:
    """Return what a template gets of the value."""
    with override_settings(POSTERS=POSTERS | posters):
        return plain_object({"photo": value}, "custom_data")["photo"]


def test_file_arrives_as_absolute_address(photo: FieldFile) -> None:
    """MEDIA_BASE_URL is put before the file's URL, and an absolute URL of the storage stays; an empty field is null."""
    assert sent(photo, MEDIA_BASE_URL="https://shop.test/") == "https://shop.test/media/ada.png"
    with override_settings(MEDIA_URL="https://cdn.test/m/"):
        assert sent(photo) == "https://cdn.test/m/ada.png"
    photo.delete(save=False)
    assert sent(photo) is None


def test_file_without_an_address_is_refused(photo: FieldFile) -> None:
    """Without MEDIA_BASE_URL a relative URL is an error that names the place and the setting."""
    with pytest.raises(RequestError, match=r"`custom_data\.photo` is the file 'ada\.png'.*MEDIA_BASE_URL"):
        sent(photo)


def test_small_file_is_embedded(photo: FieldFile) -> None:
    """Up to MEDIA_EMBED_MAX_BYTES an image is sent itself, and a larger one by its address."""
    embedded = "data:image/png;base64," + base64.b64encode(PIXEL).decode()

    assert sent(photo, MEDIA_EMBED_MAX_BYTES=len(PIXEL)) == embedded
    assert sent(photo, MEDIA_EMBED_MAX_BYTES=1, MEDIA_BASE_URL="https://a.test") == "https://a.test/media/ada.png"
    with photo.open() as opened:
        opened.seek(3)
        assert data_url(photo) == embedded
        assert opened.tell() == 3


def test_what_cannot_be_embedded_is_refused(photo: FieldFile, tmp_path: Path) -> None:
    """A file that is too large, missing or no image is an error that names it."""
    with pytest.raises(RequestError, match=rf"'ada\.png' has {len(PIXEL)} bytes, 5 can be embedded; make a smaller"):
        data_url(photo, max_bytes=5)
    with pytest.raises(RequestError, match=r"'terms\.pdf' is no image by its name"):
        data_url(ContentFile(b"%PDF", name="terms.pdf"))
    photo.close()
    (tmp_path / "ada.png").unlink()
    with pytest.raises(RequestError, match=r"`custom_data\.photo` is the file 'ada\.png', which cannot be read"):
        sent(photo, MEDIA_EMBED_MAX_BYTES=100)
    with pytest.raises(RequestError, match=r"'ada\.png' cannot be read"):
        data_url(photo)
