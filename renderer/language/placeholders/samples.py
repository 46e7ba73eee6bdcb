"""A sample for each placeholder, so that a template can be looked at before there is data."""

import base64
import re
from typing import Any, Final

from renderer.language.placeholders.shapes import Shape
from schemas.placeholders import value_problem
from schemas.templates import DataType

_SVG: Final = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 300"><path fill="#cbd5e1" d="M0 0h400v300H0z"/>'
    b'<circle cx="120" cy="100" r="36" fill="#f8fafc"/>'
    b'<path fill="#94a3b8" d="M0 300l140-140 90 90 60-60 110 110z"/></svg>'
)
IMAGE: Final = "data:image/svg+xml;base64," + base64.b64encode(_SVG).decode()
"""A sample image that needs no network."""
MOMENT: Final = "2025-01-31T18:00:00Z"
"""A sample of a date with its time of day."""
_BY_TYPE: Final[dict[DataType, Any]] = {
    "number": 42,
    "rating": 4.5,
    "image": IMAGE,
    "url": "https://example.com/",
    "color": "#2563eb",
    "date": "2025-01-31",
    "boolean": True,
}
# What a name says, the first that it holds.
_NUMBERS: Final[tuple[tuple[str, float], ...]] = (
    ("year", 2025),
    ("percent|pct|progress|share", 70),
    ("price|amount|cost|total", 19.9),
    ("age", 34),
    ("width|height|size", 120),
)
_TEXTS: Final[tuple[tuple[str, str], ...]] = (
    ("lang|locale", "en"),
    ("quote|testimonial|review|comment", "It does what it says, and it does it every time."),
    ("author|customer|person|full_?name|user", "Maya Lindqvist"),
    ("company|organi[sz]ation|brand|employer", "Northlight Coffee"),
    ("role|position|job", "Head of Brand"),
    ("e?mail", "maya@example.com"),
    ("city|place|location|venue", "Lisbon"),
    ("country", "Portugal"),
    ("date|day", "31 January 2025"),
    ("time", "18:00"),
    ("price|amount|cost", "€19.90"),
    ("code|coupon", "WELCOME"),
    ("body|text|description|message|summary|excerpt", "A few words that show how a longer text sits in its place."),
    ("title|headline|heading", "A headline"),
    ("name", "Maya Lindqvist"),
)
_ITEMS: Final = 3
_KEYS: Final = ("First", "Second", "Third")


def sample_of(name: str, shape: Shape, inside: tuple[Shape, ...] = ()) -> Any:
    """Return a value that suits the placeholder's name, type and the parts that the template uses of it."""
    data_type = shape.data_type
    if shape.default not in (None, "", [], {}) and value_problem(data_type, shape.default) is None:
        return shape.default
    if data_type == "object":
        parts = shape.fields if shape.fields or shape.values is None else dict.fromkeys(_KEYS, shape.values)
        return {key: sample_of(key, part, (*inside, shape)) for key, part in parts.items()}
    if data_type == "list":
        return _list_sample(name, shape, inside)
    suitable = [value for value in shape.compared if isinstance(value, str) == (data_type == "text")]
    if suitable and data_type in ("text", "number"):
        return suitable[0]
    if data_type == "date" and shape.has_time:
        return MOMENT
    return typed_sample(name, shape.sample_type if shape.sample_type and data_type == "text" else data_type)


def _list_sample(name: str, shape: Shape, inside: tuple[Shape, ...]) -> list[Any]:
    if shape.pair:
        return [sample_of(key, part, (*inside, shape)) for key, part in shape.pair]
    element = shape.element or Shape(shape.root)
    # A recursive loop's elements have lists of elements like themselves.
    count = 0 if any(element is each for each in inside) else _ITEMS
    return [sample_of(name.removesuffix("s"), element, (*inside, shape)) for _ in range(count)]


def typed_sample(name: str, data_type: DataType) -> Any:
    """Return a value of this type that suits the name."""
    if data_type == "list":
        return []
    if data_type == "object":
        return {}
    if data_type == "number":
        return next((value for words, value in _NUMBERS if _holds(name, words)), _BY_TYPE["number"])
    if data_type == "text":
        words = name.replace("_", " ").strip()
        return next((text for pattern, text in _TEXTS if _holds(name, pattern)), words[:1].upper() + words[1:])
    return _BY_TYPE[data_type]


def _holds(name: str, words: str) -> bool:
    return re.search(rf"(?:\A|[_\d])(?:{words})", name, re.IGNORECASE) is not None
