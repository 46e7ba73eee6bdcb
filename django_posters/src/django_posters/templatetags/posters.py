"""Template tags, for `{% load posters %}`."""

from typing import Any

from django import template
from django.db import models
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from django_posters.models import Poster
from django_posters.requests.dimensions import shown_size
from django_posters.requests.rows import find_field
from django_posters.results.placeholders import placeholder_url

register = template.Library()


@register.simple_tag
def poster(row: models.Model | Poster | None, field: str | None = None, **attributes: Any) -> SafeString:
    """Render the poster of a row as an `<img>`, or a grey placeholder of the same size while there is no image.

    It has `data-poster` (the poster's id), `data-poster-status` and all other given attributes, such as `alt` and
    `class`. `width` and `height` are CSS pixels and default to the poster's size; one given side scales the other.
    """
    found = row if isinstance(row, Poster) or row is None else getattr(row, find_field(type(row), field).name)
    width, height = shown_size(found, attributes.pop("width", None), attributes.pop("height", None))
    given = {
        "src": found.url if found is not None and found.url else placeholder_url(width, height),
        "width": width,
        "height": height,
        "alt": attributes.pop("alt", ""),
        "decoding": "async",
        "data-poster": found.pk if found is not None else "",
        "data-poster-status": found.status if found is not None else "",
    } | attributes
    return format_html("<img{}>", format_html_join("", ' {}="{}"', _named(given)))


def _named(attributes: dict[str, Any]) -> list[tuple[str, Any]]:
    # A keyword of a template tag cannot contain a dash.
    return [(name.replace("_", "-"), value) for name, value in attributes.items()]
