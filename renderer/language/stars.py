"""A rating as five stars in SVG."""

from math import cos, pi, sin
from typing import Final

from markupsafe import Markup

COUNT: Final = 5
WIDTH: Final = 24.0
GAP: Final = 4.0
_OUTER: Final = WIDTH / (2 * sin(2 * pi / 5))
_INNER: Final = _OUTER * cos(2 * pi / 5) / cos(pi / 5)
HEIGHT: Final = _OUTER * (1 + cos(pi / 5))


def filled_width(rating: float) -> float:
    """Return how far, in units of the drawing, the filled stars reach: 4.7 ends at 70 % of the fifth star's width."""
    whole = min(int(rating), COUNT - 1)
    return whole * (WIDTH + GAP) + (rating - whole) * WIDTH


def stars_svg(rating: float) -> Markup:
    """Return the drawing of a rating, 0 to 5: one line high, in the text's color, with its class `stars` to style."""
    whole_width = COUNT * WIDTH + (COUNT - 1) * GAP
    width, height = f"{whole_width:g}", f"{HEIGHT:.3f}"
    filled = f"{filled_width(rating):.3f}"
    return Markup(  # noqa: S704 - numbers only
        f'<svg class="stars" role="img" aria-label="{rating:g}/{COUNT}" xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="0 0 {width} {height}" width="{whole_width / HEIGHT:.3f}em" height="1em" fill="currentColor">'
        f'<path class="stars-empty" opacity=".25" d="{_STARS}"/>'
        # A nested drawing clips at its own edge; a clip path would need an id, which two ratings would share.
        f'<svg class="stars-filled" x="0" y="0" width="{filled}" height="{height}" viewBox="0 0 {filled} {height}">'
        f'<path d="{_STARS}"/></svg></svg>'
    )


def _star(left: float) -> str:
    points = []
    for corner in range(10):
        radius = _OUTER if corner % 2 == 0 else _INNER
        angle = corner * pi / 5
        points.append(f"{left + WIDTH / 2 + radius * sin(angle):.3f} {_OUTER - radius * cos(angle):.3f}")
    return f"M{'L'.join(points)}Z"


_STARS: Final = "".join(_star(index * (WIDTH + GAP)) for index in range(COUNT))
