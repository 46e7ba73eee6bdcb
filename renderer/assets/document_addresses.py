"""Addresses in a document's text: those that lead nowhere as they stand, and the `<base>` they are resolved by.

A filled document has no address of its own, so a relative address has nothing to be relative to. The text is read once,
in linear time; what is missed here is still refused where the browser asks for it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html import unescape
from itertools import islice
from typing import Final, Literal
from urllib.parse import urljoin

from renderer.assets.html_tags import Attribute, Tag, start_tags

_ATTRIBUTES: Final = {
    "img": ("src", "srcset"),
    "source": ("srcset",),
    "image": ("href", "xlink:href"),
    "feimage": ("href", "xlink:href"),
    "use": ("href", "xlink:href"),
    "input": ("src",),
    "video": ("poster", "src"),
    "audio": ("src",),
    "iframe": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "script": ("src",),
    **dict.fromkeys(("body", "table", "tr", "td", "th"), ("background",)),
}
_IN_STYLE: Final = re.compile(
    r"/\*.*?(?:\*/|\Z)"
    r"|(?:\burl\(\s*+|@import\s++(?:url\(\s*+)?|\bimage-set\(\s*+)(?:\"([^\"\n]*+)\"|'([^'\n]*+)')"
    r"|\burl\(\s*+([^\s\"'()]++)",
    re.IGNORECASE | re.DOTALL,
)
_SRCSET_ADDRESS: Final = re.compile(r"[\s,]*+(\S++)")
_SRCSET_DESCRIPTORS: Final = re.compile(r"(?:[^,(]++|\([^)]*+\)?)*+")
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_NETWORK: Final = re.compile(r"https?://[^/]", re.IGNORECASE)
_OTHER_HOST: Final = re.compile(r"[/\\]{2}")
_SHORTEST: Final = re.compile(r"src|href|url\(|@import|poster|background|data\s*=|image-set|<base", re.IGNORECASE)
# What stands before the place for a `<base>`: the head's start tag, or where the parser opens a head by itself.
_BEFORE_HEAD: Final = re.compile(
    r"(?:[\s\ufeff]++|<!--.*?-->|<!doctype[^>]*+>|<(?:html|head)\b(?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+>)*+",
    re.IGNORECASE | re.DOTALL,
)
# Each character of a template's tag is replaced: what is printed there is not known.
_TEMPLATE_TAG: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_FILLER: Final = "\ufffc"
_FILLERS: Final = re.compile(f"{_FILLER}+")

NOWHERE: Final = "https://relative.posters.invalid/_/"
"""What relative addresses are resolved by. The domain `.invalid` never exists, and nothing asks for it."""
_NOWHERE_ROOT: Final = NOWHERE.removesuffix("_/")
FOUND_MAX: Final = 1_000
"""How many addresses of a document are looked for."""

Leads = Literal["nowhere", "other host"]


@dataclass(frozen=True, slots=True)
class DocumentAddress:
    """An address that is not whole, the tag and attribute that have it, and where it is in the text."""

    text: str
    place: str
    offset: int
    leads: Leads
    """`other host` for `//host/path`, which only lacks the scheme."""


@dataclass(slots=True)
class DocumentAddresses:
    """The addresses of a document that are not whole, and the address of its `<base>`."""

    found: list[DocumentAddress] = field(default_factory=list)
    base: str | None = None
    in_frame: bool = False
    """It is the document of a frame, and frames within it are not looked at."""

    @property
    def are_resolved(self) -> bool:
        """Whether the document's own base makes them whole."""
        return self.base is not None and bool(_NETWORK.match(self.base)) and bool(resolved(NOWHERE, self.base))

    @property
    def resolves_relative(self) -> bool:
        """Whether relative addresses lead somewhere: by a base that has a host, or that a value fills in."""
        return self.base is not None and _leads(self.base) != "nowhere"


def with_base(html: str) -> str:
    """Return a document in which the browser can resolve every address.

    `//host/path` becomes one of https, and a relative address becomes one below `NOWHERE`, unless the document has a
    base of its own.
    """
    addresses = document_addresses(html)
    if addresses.are_resolved or not (addresses.found or addresses.base):
        return html
    base = base_of(addresses)
    start = _BEFORE_HEAD.match(html)
    place = start.end() if start else 0
    escaped = base.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return f'{html[:place]}<base href="{escaped}">{html[place:]}'


def base_of(addresses: DocumentAddresses) -> str:
    """Return what the document's relative addresses are resolved by."""
    base = resolved(NOWHERE, addresses.base or "")
    return base if _NETWORK.match(base) else NOWHERE


def resolved(base: str, address: str) -> str:
    """Return an address made absolute; empty for what is no address."""
    try:
        return urljoin(base, address)
    except ValueError:
        return ""


def relative_address(url: str) -> str | None:
    """Return the relative address that became `url`, without query and fragment; None for any other address."""
    if not url.startswith(_NOWHERE_ROOT):
        return None
    address = url.partition("#")[0].partition("?")[0]
    if address.startswith(NOWHERE):
        return address.removeprefix(NOWHERE)
    return address.removeprefix(_NOWHERE_ROOT.removesuffix("/"))


def is_relative(address: str) -> bool:
    """Say whether an address, as a document has it, has neither scheme nor host."""
    return _leads(address) == "nowhere"


def template_addresses(html: str) -> DocumentAddresses:
    """Return the addresses of a template: those of its own text, not those that its values may have."""
    addresses = document_addresses(_TEMPLATE_TAG.sub(lambda tag: _FILLER * len(tag[0]), html))
    addresses.found = [replace(each, text=_FILLERS.sub("…", each.text)) for each in addresses.found]
    return addresses


def document_addresses(html: str, *, in_frame: bool = False) -> DocumentAddresses:
    """Return the addresses of a document that are not whole, in its order; of its `srcdoc` frames' as well."""
    addresses = DocumentAddresses(in_frame=in_frame)
    if not _SHORTEST.search(html):
        return addresses
    not_whole = (each for each in _all_addresses(html, addresses) if _leads(each.text))
    addresses.found.extend(islice(not_whole, FOUND_MAX))
    return addresses


def _all_addresses(html: str, addresses: DocumentAddresses) -> Iterator[DocumentAddress]:
    for tag in start_tags(html):
        if tag.text:
            yield from _of_tag(tag, addresses)
        if tag.name == "style":
            start, end = tag.content
            yield from _of_style(html[start:end], "<style>", start)


def _of_tag(tag: Tag, addresses: DocumentAddresses) -> Iterator[DocumentAddress]:
    attributes = tag.attributes()
    if tag.name == "base" and "href" in attributes and addresses.base is None:
        addresses.base = attributes["href"].value
    named = _ATTRIBUTES.get(tag.name, ())
    if tag.name == "link" and "rel" in attributes and "stylesheet" in attributes["rel"].value.lower().split():
        named = ("href",)
    for name in named:
        if name in attributes:
            yield from _of_attribute(f"<{tag.name} {name}>", name, attributes[name])
    if tag.name == "iframe" and "srcdoc" in attributes and not addresses.in_frame:
        # Not the frames within it as well, or a text would be read once for each level.
        inner = document_addresses(attributes["srcdoc"].value, in_frame=True)
        if not inner.are_resolved:
            yield from (replace(each, offset=attributes["srcdoc"].offset) for each in inner.found)
    if "style" in attributes:
        yield from _of_style_attribute(f'<{tag.name} style="…">', attributes["style"])


def _of_attribute(place: str, name: str, attribute: Attribute) -> Iterator[DocumentAddress]:
    if name == "srcset":
        for address, start in _srcset(attribute.text):
            yield _address(address, place, attribute.offset + start)
    else:
        yield _address(attribute.text, place, attribute.offset)


def _of_style_attribute(place: str, attribute: Attribute) -> Iterator[DocumentAddress]:
    if "&" not in attribute.text:
        yield from _of_style(attribute.text, place, attribute.offset)
        return
    for each in _of_style(attribute.value, place, 0):
        yield replace(each, offset=attribute.offset)


def _srcset(text: str) -> Iterator[tuple[str, int]]:
    position = 0
    while found := _SRCSET_ADDRESS.match(text, position):
        address = found[1].rstrip(",")
        position = found.end()
        if address == found[1]:
            descriptors = _SRCSET_DESCRIPTORS.match(text, position)
            position = descriptors.end() if descriptors else position
        yield address, found.start(1)


def _of_style(css: str, place: str, offset: int) -> Iterator[DocumentAddress]:
    for found in _IN_STYLE.finditer(css):
        group = next((number for number in (1, 2, 3) if found[number] is not None), 0)
        if group:
            yield _address(found[group], f"url() in {place}", offset + found.start(group))


def _address(text: str, place: str, offset: int) -> DocumentAddress:
    return DocumentAddress(text, place, offset, _leads(text) or "nowhere")


def _leads(written: str) -> Leads | None:
    """Return where an address leads that is not whole; None for a whole one, and for one within the document."""
    address = (unescape(written) if "&" in written else written).strip()
    if not address or address.startswith(("#", _FILLER)) or _SCHEME.match(address):
        return None
    return "other host" if _OTHER_HOST.match(address) else "nowhere"
