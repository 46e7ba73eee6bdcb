"""Prefetch: find the assets that a document will certainly request, by its text alone.

What is missed here is fetched when the browser requests it. So only simple cases count: addresses in the form in which
the browser requests them, in places that it always loads.
"""

from itertools import islice
from typing import Final

from renderer.assets.document_addresses import NOWHERE, relative_address, resolved
from renderer.assets.html_tags import Attribute, start_tags
from renderer.assets.port import Kind
from renderer.page.network_document import is_normalized

TAGS_MAX: Final = 5_000
"""Tags that are looked at."""


def named_assets(html: str, *, scripts: bool = False) -> list[tuple[str, Kind]]:
    """Return the addresses and kinds, each once, in the order of the document; its scripts as well if they run."""
    found: dict[tuple[str, Kind], None] = {}
    before = ""
    base: str | None = None
    for tag in islice(start_tags(html), TAGS_MAX):
        attributes = tag.attributes() if tag.name in _NAMES and before != "source" else {}
        if tag.name == "base" and base is None and "href" in attributes:
            base = resolved(NOWHERE, attributes["href"].value)
        asset = _asset(tag.name, attributes, scripts=scripts)
        if asset is not None:
            url = resolved(base, asset[0]) if base and asset[0] else asset[0]
            if is_normalized(url) and relative_address(url) is None:
                found[url, asset[1]] = None
        before = tag.name
    return list(found)


_NAMES: Final = frozenset({"base", "img", "image", "link", "video", "script"})


def _asset(name: str, attributes: dict[str, Attribute], *, scripts: bool) -> tuple[str, Kind] | None:
    """Return the asset that a tag names, unless the browser chooses among several."""
    values = {name: attribute.value for name, attribute in attributes.items()}
    if name == "img" and "srcset" not in values:
        return values.get("src", ""), "image"
    if name == "image":
        return values.get("href") or values.get("xlink:href", ""), "image"
    if name == "video":
        return values.get("poster", ""), "image"
    if name == "link" and values.get("rel", "").lower() == "stylesheet" and "media" not in values:
        return values.get("href", ""), "stylesheet"
    if name == "script" and scripts and "nomodule" not in values:
        return values.get("src", ""), "script"
    return None
