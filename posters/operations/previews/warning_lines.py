"""The lines of a template that warnings of its pictures are about: those of missing addresses and families of fonts.

A picture is drawn from the filled document, whose lines are others. What the template itself names is found in it
again; what the data, a style sheet or a script brought has no line.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from schemas.outcomes import Asset, PosterWarning

_FAMILIES: Final = re.compile(r"\bfont(?:-family|\s+face)?\s*[:=]([^;{}>]*)", re.IGNORECASE)
_ENDS: Final = r"(?![\w/.-])"


def with_lines(warnings: Iterable[PosterWarning], assets: Sequence[Asset], html: str) -> list[PosterWarning]:
    """Return the warnings, with the first line of the template after each name that it has itself."""
    return [_with_lines(warning, assets, html) for warning in warnings]


def _with_lines(warning: PosterWarning, assets: Sequence[Asset], html: str) -> PosterWarning:
    lines = _lines_of_families if warning.code == "font_missing" else _lines_of_addresses
    urls = [asset.url for asset in assets if asset.reason == warning.code]
    places = dict(lines(warning.message, urls, html))
    if not places:
        return warning
    # The longest first: one address may begin with another.
    names = "|".join(re.escape(name) for name in sorted(places, key=len, reverse=True))
    message = re.sub(f"(?:{names}){_ENDS}", lambda name: f"{name[0]} (line {places[name[0]]})", warning.message)
    return replace(warning, message=message)


def _lines_of_addresses(message: str, urls: Sequence[str], html: str) -> Iterator[tuple[str, int]]:
    for url in urls:
        if url in message and (found := re.search(re.escape(url) + _ENDS, html)) is not None:
            yield url, _line(html, found.start())


def _lines_of_families(message: str, _: Sequence[str], html: str) -> Iterator[tuple[str, int]]:
    head, _, listed = message.rpartition(": ")
    for name in listed.split(", ") if head else ():
        whole = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])", re.IGNORECASE)
        for declared in _FAMILIES.finditer(html):
            if (found := whole.search(html, *declared.span(1))) is not None:
                yield name, _line(html, found.start())
                break


def _line(html: str, offset: int) -> int:
    return html.count("\n", 0, offset) + 1
