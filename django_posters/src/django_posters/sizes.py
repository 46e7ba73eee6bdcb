"""How large a poster is shown, before and after it is there: the same, so that pages do not jump."""

from .contract.output import DEFAULTS
from .models import Poster


def shown_size(poster: Poster | None, width: object, height: object) -> tuple[int, int]:
    """Return width and height in CSS pixels. A side that is given stays; one alone scales the other."""
    own_width, own_height = own_size(poster)
    if width and height:
        return int(str(width)), int(str(height))
    if width:
        return int(str(width)), max(1, round(int(str(width)) * own_height / own_width))
    if height:
        return max(1, round(int(str(height)) * own_width / own_height)), int(str(height))
    return own_width, own_height


def own_size(poster: Poster | None) -> tuple[int, int]:
    """Return a poster's own size in CSS pixels: what was expected, unless the picture came out in another shape."""
    if poster is None:
        return DEFAULTS.width or 1, DEFAULTS.height or 1
    expected = poster.css_width, poster.css_height
    if not poster.width or not poster.height or _same_shape(expected, (poster.width, poster.height)):
        return expected
    return poster.width, poster.height


def _same_shape(one: tuple[int, int], other: tuple[int, int]) -> bool:
    # Device pixels are whole; a fraction of a CSS pixel may have been rounded up.
    return abs(one[0] * other[1] - one[1] * other[0]) <= max(*one, *other)
