"""Template tags, for `{% load posters %}`."""

import re
from typing import Any, Final

from django import template
from django.db import models
from django.http import HttpRequest
from django.template import Context
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from django_posters.contract.output import CONTENT_TYPES
from django_posters.images import PosterImage, density_of, find_image
from django_posters.media import absolute_address
from django_posters.models import Poster
from django_posters.requests.dimensions import shown_size
from django_posters.requests.rows import find_field
from django_posters.results.placeholders import placeholder_url

register = template.Library()

LARGE_CARD_RATIO: Final = 1.5
"""A picture that is so much wider than high gets the large card of X, another one the small."""


@register.simple_tag
def poster(
    row: models.Model | Poster | None, field: str | None = None, *, variant: str | None = None, **attributes: Any
) -> SafeString:
    """Render the poster of a row as an `<img>`, or a grey placeholder of the same size while there is no image.

    `variant` names one of its images, else it is the first. Images named `<variant>@2x` and the like become a `srcset`.
    The `<img>` has `data-poster` (the poster's id), `data-poster-status` (of the newest request), `data-poster-picture`
    (`own`, `earlier` or `none`) and all other given attributes, such as `class`. `alt` is that of the PosterField,
    unless it is given. `width` and `height` are CSS pixels and default to the poster's size; one given side scales the
    other. A PDF is no picture: the next image is shown, or the placeholder.
    """
    found = _poster_of(row, field)
    images = [image for image in found.images if image.is_picture] if found is not None else []
    image = find_image(images, variant)
    name = image.name if image is not None else variant
    width, height = _size(found, attributes.pop("width", None), attributes.pop("height", None), name)
    shown = image is not None and image.url != ""
    given = {
        "src": image.url if image is not None and shown else placeholder_url(width, height),
        "width": width,
        "height": height,
        "alt": attributes.pop("alt", found.alt if found is not None else ""),
        "decoding": "async",
        "data-poster": found.pk if found is not None else "",
        "data-poster-status": found.status if found is not None else "",
        "data-poster-picture": _whose(found) if shown else "none",
    }
    if image is not None and (srcset := _srcset(images, image.name)):
        given["srcset"] = srcset
    return format_html("<img{}>", format_html_join("", ' {}="{}"', _named(given | attributes)))


@register.simple_tag(takes_context=True)
def poster_meta(
    context: Context,
    row: models.Model | Poster | None,
    variant: str | None = None,
    field: str | None = None,
    alt: str | None = None,
) -> SafeString:
    """Render the poster of a row as the meta tags of a page that is shared: `og:image` and `twitter:card`.

    The address is absolute, by the request or by `MEDIA_BASE_URL`. Without an image that a page can show there are no
    tags: neither while the first poster is rendered, nor for a PDF.
    """
    found = _poster_of(row, field)
    images = [image for image in found.images if image.is_picture and image.url] if found is not None else []
    image = find_image(images, variant)
    if found is None or image is None:
        return SafeString("")
    url = _absolute(image.url, context.get("request"))
    text = found.alt if alt is None else alt
    tags: list[tuple[str, str, object]] = [
        ("property", "og:image", url),
        ("property", "og:image:type", CONTENT_TYPES.get(image.format, "")),  # type: ignore[call-overload]
        ("property", "og:image:width", image.width),
        ("property", "og:image:height", image.height),
        ("property", "og:image:alt", text),
        ("name", "twitter:card", _card(image)),
        ("name", "twitter:image", url),
        ("name", "twitter:image:alt", text),
    ]
    return format_html_join("\n", '<meta {}="{}" content="{}">', (tag for tag in tags if tag[2]))


def _size(found: Poster | None, width: object, height: object, name: str | None) -> tuple[int, int]:
    try:
        return shown_size(found, width, height, name)
    except ValueError as error:
        raise template.TemplateSyntaxError(
            f"`width` and `height` of the tag poster are CSS pixels, such as 540; use `style` for other units: {error}"
        ) from error


def _poster_of(row: models.Model | Poster | None, field: str | None) -> Poster | None:
    if isinstance(row, Poster) or row is None:
        return row
    found: Poster | None = getattr(row, find_field(type(row), field).name)
    return found


def _whose(found: Poster | None) -> str:
    return "earlier" if found is not None and found.shows_earlier else "own"


def _srcset(images: list[PosterImage], variant: str) -> str:
    """Return the addresses of a variant's images by their density; "" where there is only one."""
    densities = {image.url: density_of(image.name, variant) for image in images if image.url}
    known = sorted((density, url) for url, density in densities.items() if density is not None)
    return ", ".join(f"{_candidate(url)} {density:g}x" for density, url in known) if len(known) > 1 else ""


def _candidate(url: str) -> str:
    # A blank within an address, as `data:` addresses have, or a comma at its end would end the entry. Other commas are
    # left as they are: they may be part of a signature.
    return re.sub(r",+\Z", lambda commas: "%2C" * len(commas[0]), url.replace(" ", "%20"))


def _absolute(url: str, request: object) -> str:
    if isinstance(request, HttpRequest) and not url.startswith("data:"):
        return request.build_absolute_uri(url)
    try:
        return absolute_address(url)
    except ValueError as error:
        raise template.TemplateSyntaxError(
            f"poster_meta needs the request in the context or MEDIA_BASE_URL: {error}"
        ) from error


def _card(image: PosterImage) -> str:
    large = not image.width or not image.height or image.width >= LARGE_CARD_RATIO * image.height
    return "summary_large_image" if large else "summary"


def _named(attributes: dict[str, Any]) -> list[tuple[str, Any]]:
    # A keyword of a template tag cannot contain a dash.
    return [(name.replace("_", "-"), value) for name, value in attributes.items()]
