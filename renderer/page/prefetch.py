"""Prefetch: find the assets that a document will certainly request, by its text alone.

What is missed here is fetched when the browser requests it. So only simple cases count: addresses in the form in which
the browser requests them, in places that it always loads.
"""

import re
from html import unescape
from itertools import islice
from typing import Final

from renderer.assets.port import Kind

# A tag without an end is matched as well: none of its text is read twice.
_TAG: Final = re.compile(
    r"<(?:!--.*?(?:-->|\Z)"
    r"|(?P<name>img|image|link|source|video)\b(?P<attributes>(?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+)(?P<end>>)?)",
    re.IGNORECASE | re.DOTALL,
)
_ATTRIBUTE: Final = re.compile(
    r"(?<![a-z:-])([a-z:-]++)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++))", re.IGNORECASE
)
_PLAIN: Final = re.compile(r"https?://[a-z0-9][a-z0-9.-]*(?::\d+)?/[a-zA-Z0-9_~!$&()*+,;=:@%/?.-]*")
_UNSETTLED: Final = re.compile(r"/\.{1,2}(?:/|\?|$)|^http://[^/]*:80/|^https://[^/]*:443/")

TAGS_MAX: Final = 5_000
ATTRIBUTES_MAX: Final = 8_000
"""Tags and comments that are looked at, and characters of a tag's attributes; an image inside a tag takes more."""


def named_assets(html: str) -> list[tuple[str, Kind]]:
    """Return the addresses and kinds, each once, in the order of the document."""
    found: dict[tuple[str, Kind], None] = {}
    before = ""
    for tag in islice(_TAG.finditer(html), TAGS_MAX):
        name = (tag["name"] or "").lower()
        is_read = tag["end"] and len(tag["attributes"]) <= ATTRIBUTES_MAX and before != "source"
        asset = _asset(name, _attributes(tag["attributes"])) if is_read else None
        if asset is not None and _PLAIN.fullmatch(asset[0]) and not _UNSETTLED.search(asset[0]):
            found[asset] = None
        before = name
    return list(found)


def _asset(name: str, attributes: dict[str, str]) -> tuple[str, Kind] | None:
    """Return the asset that a tag names, unless the browser chooses among several."""
    if name == "img" and "srcset" not in attributes:
        return attributes.get("src", ""), "image"
    if name == "image":
        return attributes.get("href") or attributes.get("xlink:href", ""), "image"
    if name == "video":
        return attributes.get("poster", ""), "image"
    if name == "link" and attributes.get("rel", "").strip().lower() == "stylesheet" and "media" not in attributes:
        return attributes.get("href", ""), "stylesheet"
    return None


def _attributes(text: str) -> dict[str, str]:
    """Return attributes by name; the first of a name counts."""
    found: dict[str, str] = {}
    for name, *values in _ATTRIBUTE.findall(text):
        found.setdefault(name.lower(), unescape("".join(values)).strip())
    return found
