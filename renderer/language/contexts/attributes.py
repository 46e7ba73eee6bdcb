"""What an attribute's value means: an address, CSS, or plain text. HTML Living Standard and SVG 2."""

from typing import Final, Literal

from renderer.language.contexts.contexts import Refusal
from schemas.templates import DataType

Meaning = Literal["plain", "address", "candidates", "style", "presentation"]

_IMAGE_SOURCES: Final = frozenset(
    {
        *(("img", "src"), ("img", "lowsrc"), ("input", "src"), ("video", "poster"), ("source", "src")),
        *(("image", "href"), ("image", "xlink:href"), ("use", "href"), ("use", "xlink:href")),
        *(("feimage", "href"), ("feimage", "xlink:href")),
        *(("body", "background"), ("table", "background"), ("td", "background"), ("th", "background")),
    }
)
_ADDRESSES: Final = frozenset(
    {
        *("action", "cite", "classid", "codebase", "formaction", "href", "longdesc", "manifest", "ping", "poster"),
        *("profile", "src", "usemap", "xlink:href", "background", "data", "dynsrc", "lowsrc"),
    }
)
# Elements whose address brings in code, styles or a whole document: it may not come from a poster's data.
_LOADERS: Final = frozenset({"base", "embed", "frame", "iframe", "link", "object", "portal", "script"})
_CANDIDATES: Final = frozenset({"srcset", "imagesrcset"})
# Attributes that are read as the CSS property of the same name, and can hold an address or a color.
_PRESENTATION: Final = frozenset(
    {
        *("clip-path", "color", "cursor", "fill", "filter", "flood-color", "lighting-color", "marker-end"),
        *("marker-mid", "marker-start", "mask", "stop-color", "stroke"),
    }
)
_COLORS: Final = frozenset({"alink", "bgcolor", "bordercolor", "link", "text", "vlink"})
# What decides whether and how something is loaded or run.
_DECIDING: Final = frozenset(
    {
        *(("script", "type"), ("script", "language"), ("link", "rel"), ("link", "as"), ("iframe", "sandbox")),
        ("iframe", "allow"),
    }
)
_ANIMATIONS: Final = frozenset({"animate", "animatecolor", "animatemotion", "animatetransform", "set"})
_ANIMATED: Final = frozenset({"attributename", "by", "from", "to", "values"})


def meaning_of(element: str, attribute: str) -> Meaning | Refusal:
    """Return how the value of this attribute is read, or why no value from data may stand in it."""
    refusal = _refusal(element, attribute)
    if refusal is not None:
        return Refusal(refusal)
    if attribute in _CANDIDATES:
        return "candidates"
    if attribute in _ADDRESSES:
        return "address"
    if attribute == "style":
        return "style"
    return "presentation" if attribute in _PRESENTATION or attribute in _COLORS else "plain"


def _refusal(element: str, attribute: str) -> str | None:
    if attribute.startswith("on"):
        return f"`{attribute}` holds JavaScript; no value can stand in an event handler"
    if attribute == "srcdoc":
        return "`srcdoc` holds a document of its own; no value can stand in it"
    if attribute == "http-equiv" or attribute.startswith("xmlns") or (element, attribute) in _DECIDING:
        return f"no value can stand in `{attribute}` of `<{element}>`"
    if element in _ANIMATIONS and attribute in _ANIMATED:
        return f"`{attribute}` of `<{element}>` sets another attribute; no value can stand in it"
    if element in _LOADERS and attribute in _ADDRESSES | _CANDIDATES:
        return f"what `<{element}>` loads cannot come from data; write the address into the template"
    return None


def address_type(element: str, attribute: str) -> DataType:
    """Return whether the address is one of an image."""
    is_image = attribute in _CANDIDATES or attribute == "poster" or (element, attribute) in _IMAGE_SOURCES
    return "image" if is_image else "url"


def property_of(attribute: str) -> str:
    """Return the CSS property that a presentation attribute stands for."""
    return "color" if attribute in _COLORS else attribute
