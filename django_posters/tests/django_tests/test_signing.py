"""URL_SIGNER: addresses of a private bucket are signed when they are read, and rows keep those of the storage."""

import copy
import http.client
import logging
import pickle
import re
import uuid
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.core import serializers
from django.template import Context, Template
from django.test import Client, override_settings
from django.urls import reverse
from django_posters.contract.codec import decode
from django_posters.contract.outcomes import PosterOutcome
from django_posters.models import Poster, TemplateCommand
from django_posters.progress import read_progress
from django_posters.results.outcomes import apply_outcome
from django_posters.signing import readable_address
from testimonials import models

from django_posters import request_poster
from django_tests.outcomes import NOW, URL, outcome
from django_tests.site import Site, make_testimonial
from tests.parts import Bucket

DOCUMENT = Path(__file__).parents[3] / "docs" / "django.md"
SIGNED = f"{URL}?signature=1"
_calls: list[tuple[str, timedelta]] = []


def sign(url: str, lifetime: timedelta) -> str:
    """Sign an address; each call signs in another way."""
    _calls.append((url, lifetime))
    return f"{url}?signature={len(_calls)}"


def with_signer(signer: object, **more: Any) -> override_settings:
    """Return a context in which addresses are signed."""
    from django.conf import settings  # noqa: PLC0415 - as the site of the test has overridden them

    _calls.clear()
    return override_settings(POSTERS=settings.POSTERS | {"URL_SIGNER": signer} | more)


def completed() -> Poster:
    """Return a completed poster of a new row."""
    poster = request_poster(make_testimonial())
    apply_outcome(decode(outcome(poster.job_id), PosterOutcome))
    return Poster.objects.get(pk=poster.pk)


def fetched(url: str) -> tuple[int, bytes]:
    """Return the status and the body of an HTTP response."""
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)) as connection:
        connection.request("GET", url.partition(urlsplit(url).netloc)[2])
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_every_reader_gets_the_same_signed_address(any_site: Site) -> None:
    """The attribute, the images, the tags and the progress have one signed address, and the signer is called once."""
    with with_signer("django_tests.test_signing.sign"):
        poster = completed()
        row = models.Testimonial.objects.select_related("poster").get()
        page = Template("{% load posters %}{% poster row %}{% poster_meta row %}").render(Context({"row": row}))

        assert (poster.url, poster.stored_url) == (SIGNED, URL)
        assert [image.url for image in poster.images] == [poster.url_of("default")] == [SIGNED]
        assert re.findall(r'"(https://[^"]*)"', page) == [SIGNED] * 3
        assert read_progress([poster.job_id])[poster.job_id].url == SIGNED

    assert _calls == [(URL, timedelta(hours=1))]


def test_admin_shows_signed_pictures_and_previews(any_site: Site) -> None:
    """The pages of a poster and the answer of a preview have signed addresses, and no other."""
    user = User.objects.create_superuser("admin", password="x")
    command = TemplateCommand.objects.create(
        command_id=uuid.uuid4(), kind="template.preview", section="testimonial", url=URL, created_at=NOW
    )
    with with_signer(sign):
        poster = completed()
        client = Client()
        client.force_login(user)
        pages = [
            client.get(f"/admin/posters/{path}").content.decode() for path in (f"poster/{poster.pk}/change/", "poster/")
        ]
        answer = client.get(reverse("admin:posters_template_answer", args=[command.pk])).json()

    assert [re.findall(r'<img src="(https://[^"]*)"', page) for page in pages] == [[SIGNED], [SIGNED]]
    assert answer["url"] == SIGNED


def test_rows_keep_the_stored_address(any_site: Site) -> None:
    """Whatever is saved, copied, filtered by or serialized, no signed address gets into a row."""
    with with_signer(sign):
        poster = completed()
        poster.save()
        poster.refresh_from_db()
        Poster.objects.filter(pk=poster.pk).update(url=poster.url)
        other = Poster(url=poster.url)
        same = pickle.loads(pickle.dumps(poster))  # noqa: S301 - our own
        again = request_poster(models.Testimonial.objects.get(), reuse=False)

        assert Poster.objects.filter(url=poster.url).values_list("url", flat=True)[0] == URL
        assert (other.stored_url, same.stored_url, again.stored_url) == (URL, URL, URL)
        assert pickle.loads(pickle.dumps(poster.url)).stored == copy.copy(poster.url).stored == URL  # type: ignore[attr-defined] # noqa: S301
        assert "signature" not in serializers.serialize("json", Poster.objects.all())
        assert [again.url, again.shows_earlier] == [SIGNED, True]


def test_address_is_signed_again_after_half_of_its_lifetime(plain_site: Site) -> None:
    """A reader never gets an address of which less than half of the lifetime is left."""
    with with_signer(sign, URL_LIFETIME=100):
        first = [readable_address(URL, now=at) for at in (1_000.0, 1_049.0)]
        later = readable_address(URL, now=1_050.0)

    assert first == [f"{URL}?signature=1"] * 2
    assert later == f"{URL}?signature=2"


def test_signer_that_raises_leaves_a_placeholder(any_site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Its exception is logged, pages show a grey picture, and the row of the poster loses nothing."""

    def broken(url: str, lifetime: timedelta) -> str:
        raise ConnectionError("no credentials")

    with with_signer(broken), caplog.at_level(logging.ERROR):
        poster = completed()
        again = request_poster(row := models.Testimonial.objects.get(), reuse=False)
        shown = Template("{% load posters %}{% poster row %}").render(Context({"row": row}))

        assert (poster.url, poster.is_usable, again.shows_earlier) == ("", True, True)

    assert 'src="data:image/svg' in shown
    assert "no credentials" in caplog.text
    assert again.stored_url == URL


def test_signer_that_returns_nothing_leaves_a_placeholder(plain_site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """A signer without a `return` is named in the log, and no page asks for the address `None`."""
    with with_signer(lambda _url, _lifetime: None):
        poster = completed()

        assert (poster.url, poster.stored_url) == ("", URL)

    assert f"URL_SIGNER returned None for {URL}" in caplog.text


def test_data_addresses_are_not_signed() -> None:
    """A `data:` address, as the placeholder backend has, works without a signature."""
    with with_signer(sign):
        assert readable_address("data:image/png;base64,eA==") == "data:image/png;base64,eA=="
    assert _calls == []


def test_example_for_s3_opens_a_private_bucket(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """The signer of the documentation gives an address under which a private bucket answers without credentials."""
    [example] = re.findall(r"```python\n# shop/signing.py\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    names: dict[str, Any] = {}
    exec(compile(example, "shop/signing.py", "exec"), names)  # noqa: S102 - our own document
    names["BUCKET"] = bucket.name
    key = "templates/testimonial/1ü_ab.png"
    bucket.client().put_object(Bucket=bucket.name, Key=key, Body=b"image")
    stored = f"{bucket.environment['AWS_ENDPOINT_URL']}/{bucket.name}/templates/testimonial/1%C3%BC_ab.png"

    assert fetched(names["sign"](stored, timedelta(minutes=5))) == (200, b"image")
    assert fetched(stored)[0] == 403
