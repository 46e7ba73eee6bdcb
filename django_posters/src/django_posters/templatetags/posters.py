"""`{% load posters %}`."""

from typing import Any

from django import template
from django.db import models
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from django_posters.models import Poster
from django_posters.placeholders import placeholder_url
from django_posters.rows import find_field
from django_posters.sizes import shown_size

register = template.Library()


@register.simple_tag
def poster(row: models.Model | Poster | None, field: str | None = None, **attributes: Any) -> SafeString:
    """Show the poster of a row as an `<img>`; a grey one of the same size while there is none.

    It has `data-poster` (the poster's id) and `data-poster-status`, and whatever else is given, such as `alt` and
    `class`. `width` and `height`, in CSS pixels, are the poster's own; one of them alone scales the other.
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
    # A keyword of a tag cannot hold a dash.
    return [(name.replace("_", "-"), value) for name, value in attributes.items()]
