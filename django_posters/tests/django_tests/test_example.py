"""The example site: its samples, its template and its settings."""

import html
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django_posters.models import OutboxEvent
from testimonials import models
from testimonials.samples import SAMPLES
from website.database import parse_database_url

from django_tests.site import Site
from renderer.language.template import Template

TEMPLATE = Path(__file__).parents[3] / "example" / "testimonials" / "posters" / "testimonial.html"


def test_samples_are_saved_once_with_a_request_each(any_site: Site) -> None:
    """Loading twice leaves 12 testimonials and 12 requests, each with its own metadata, queued."""
    any_site.run("load_testimonials")
    any_site.run("load_testimonials")

    shown = [json.loads(line) for line in any_site.run("show_testimonials", "--json").stdout.splitlines()]
    assert (len(shown), models.Testimonial.objects.count(), OutboxEvent.objects.count()) == (12, 12, 12)
    assert [line["metadata"]["testimonial_id"] for line in shown] == [line["testimonial_id"] for line in shown]
    assert {line["status"] for line in shown} == {"queued"}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["language"] + "-" + sample["author"])
def test_template_shows_every_sample(sample: dict[str, Any]) -> None:
    """The workers' template engine renders each sample, with its texts in the document and no network URL."""
    data = models.Testimonial(**sample).poster_data()

    document = html.unescape(Template(TEMPLATE.read_text(encoding="utf-8")).render(data))

    assert sample["author"] in document
    assert sample["quote"] in document
    assert "http" not in document


@pytest.mark.parametrize("words", [1, 5, 50, 300, 600])
def test_longer_quotes_get_smaller_letters(words: int) -> None:
    """Any length that the model allows renders, without role and company too."""
    data = {"author": "王", "role": "", "company": "", "quote": "字" * words, "rating": 4, "language": "zh"}

    assert "字" * words in Template(TEMPLATE.read_text(encoding="utf-8")).render(data)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p%40ss@db.test:5433/site", ("site", "u", "p@ss", "db.test", "5433")),
        ("postgresql://u@/site?host=%2Frun%2Fpg&port=5440", ("site", "u", "", "/run/pg", "5440")),
    ],
)
def test_database_url_is_read(url: str, expected: tuple[str, ...]) -> None:
    """URLs over TCP and over a Unix socket become Django's settings."""
    settings = parse_database_url(url)

    assert tuple(settings[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")) == expected


def test_unknown_database_is_refused() -> None:
    """Any other scheme is an error that names the supported ones."""
    with pytest.raises(ImproperlyConfigured, match="starts with postgresql://, mysql:// or sqlite:///, not oracle://"):
        parse_database_url("oracle://db")
