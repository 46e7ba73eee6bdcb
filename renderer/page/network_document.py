"""A document made ready for the network: its addresses can be resolved, and its `integrity` is ours to check.

The browser would compare `integrity` with what we give it, which is rewritten: fonts are swapped in, animations are
frozen, addresses are made absolute.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from renderer.assets.document_addresses import base_of, document_addresses, resolved, with_base
from renderer.assets.html_tags import Attribute, start_tags
from renderer.assets.integrity import Integrity

_PLAIN: Final = re.compile(r"https?://[a-z0-9][a-z0-9.-]*(?::\d+)?/[a-zA-Z0-9_~!$&()*+,;=:@%/?.-]*")
_NOT_NORMALIZED: Final = re.compile(r"/\.{1,2}(?:/|\?|$)|^http://[^/]*:80/|^https://[^/]*:443/")
_HAS_LINKS: Final = re.compile(r"integrity|preload|prefetch", re.IGNORECASE)
_HINTS: Final = frozenset({"preload", "modulepreload", "prefetch"})
_RENAMED: Final = "data-posters-"
"""Before the name of an attribute that the browser shall not heed."""


@dataclass(frozen=True, slots=True)
class NetworkDocument:
    """The text to show, and what it asks of the content of addresses."""

    html: str
    integrity: Mapping[str, Collection[Integrity]] = field(default_factory=dict)

    @classmethod
    def of(cls, html: str) -> "NetworkDocument":
        """Return a document made ready. Takes time linear in its length."""
        integrity: dict[str, set[Integrity]] = {}
        if _HAS_LINKS.search(html):
            html = _without_attributes(html, list(_attributes_to_rename(html, integrity)))
        return cls(with_base(html), integrity)


def is_normalized(url: str) -> bool:
    """Say whether an address is normalized: in the form in which the browser requests it."""
    return bool(_PLAIN.fullmatch(url)) and not _NOT_NORMALIZED.search(url)


def _attributes_to_rename(html: str, integrity: dict[str, set[Integrity]]) -> Iterator[int]:
    """Return the offsets of names of attributes, and add to `integrity` what their elements ask for.

    A `preload` or `prefetch` loads what may never be shown; one with an `onload` may become a style sheet.
    """
    base = base_of(document_addresses(html))
    for tag in start_tags(html):
        if tag.name not in ("link", "script"):
            continue
        attributes = tag.attributes()
        rel = attributes.get("rel")
        if tag.name == "link" and rel and "onload" not in attributes and _HINTS & set(rel.value.lower().split()):
            yield rel.name_offset
        elif "integrity" in attributes and _note_integrity(base, attributes, integrity):
            yield attributes["integrity"].name_offset


def _note_integrity(base: str, attributes: dict[str, Attribute], integrity: dict[str, set[Integrity]]) -> bool:
    """Add what an element asks for; False where only the browser knows of which address."""
    named = attributes.get("href") or attributes.get("src")
    url = resolved(base, named.value if named else "")
    if not is_normalized(url):
        return False
    asked = Integrity.parse(attributes["integrity"].value)
    if asked:
        integrity.setdefault(url, set()).add(asked)
    return True


def _without_attributes(html: str, offsets: list[int]) -> str:
    parts, copied = [], 0
    for offset in sorted(offsets):
        parts += [html[copied:offset], _RENAMED]
        copied = offset
    return "".join([*parts, html[copied:]])
