"""Width and height of posters in CSS pixels: expected at the request, and shown on a page.

A page shows a poster at the same size before and after it is rendered, so that its layout does not shift.
"""

from collections.abc import Mapping
from typing import Any

from django_posters.contract.output import DEFAULTS
from django_posters.images import find_image
from django_posters.models import Poster, PosterTemplate


def expected_size(output: Mapping[str, Any], template: PosterTemplate | None) -> tuple[int, int]:
    """Return the size that a poster will have, as far as the site knows its template; of variants the first one's."""
    sizes = stored_sizes(output, template)
    return (sizes[0][1], sizes[0][2]) if sizes else _size(_layers(output, template))


def stored_sizes(output: Mapping[str, Any], template: PosterTemplate | None) -> list[tuple[str, int, int]]:
    """Return name, width and height of each variant, as a row stores them; empty where there are no variants."""
    layers = _layers(output, template)
    variants: list[Mapping[str, Any]] = next(
        (layer["variants"] for layer in layers if layer.get("variants") is not None), []
    )
    return [(variant["name"], *_size([variant, *layers])) for variant in variants]


def shown_size(poster: Poster | None, width: object, height: object, variant: str | None = None) -> tuple[int, int]:
    """Return the size to show a poster at. A given side is used as it is; one given side scales the other."""
    own_width, own_height = own_size(poster, variant)
    if width and height:
        return int(str(width)), int(str(height))
    if width:
        return int(str(width)), max(1, round(int(str(width)) * own_height / own_width))
    if height:
        return max(1, round(int(str(height)) * own_width / own_height)), int(str(height))
    return own_width, own_height


def own_size(poster: Poster | None, variant: str | None = None) -> tuple[int, int]:
    """Return the own size of a poster or its variant: the expected one, unless the image has another aspect ratio."""
    if poster is None:
        return DEFAULTS.width or 1, DEFAULTS.height or 1
    expected = poster.expected_sizes.get(variant or "", (poster.css_width, poster.css_height))
    image = find_image(poster.images, variant)
    if image is None or not image.width or not image.height or _same_ratio(expected, (image.width, image.height)):
        return expected
    return image.width, image.height


def _layers(output: Mapping[str, Any], template: PosterTemplate | None) -> list[Mapping[str, Any]]:
    layers = [output]
    if template is not None:
        layers += [template.output, {"width": template.width, "height": template.height}]
    return [*layers, {"width": DEFAULTS.width, "height": DEFAULTS.height}]


def _size(layers: list[Mapping[str, Any]]) -> tuple[int, int]:
    return _first(layers, "width"), _first(layers, "height")


def _first(layers: list[Mapping[str, Any]], name: str) -> int:
    return int(next(layer[name] for layer in layers if layer.get(name) is not None))


def _same_ratio(one: tuple[int, int], other: tuple[int, int]) -> bool:
    # Device pixels are whole numbers: a fraction of a CSS pixel may have been rounded up.
    return abs(one[0] * other[1] - one[1] * other[0]) <= max(*one, *other)
