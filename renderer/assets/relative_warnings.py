"""Warnings of an upload: addresses in a template that will lead nowhere, each with its line and column."""

from typing import Final

from renderer.assets.document_addresses import template_addresses
from schemas.templates import TemplateWarning

CODE: Final = "relative_address"
NAMED_MAX: Final = 10
"""How many addresses have a warning of their own."""
_SHOWN_MAX_CHARACTERS: Final = 200
_ADVICE: Final = "write https://… or give the template a <base href>"
_NEVER_LOADED: Final = {
    "<audio ": "audio is never loaded, whatever its address; delete the element",
    "<video src": "videos are never loaded, whatever their address; `poster` is what is shown",
    "<iframe ": "frames are never loaded, whatever their address; write the document into `srcdoc`",
}
"""What to write where a whole address would be left out as well, by the beginning of the place."""


def relative_address_warnings(html: str) -> list[TemplateWarning]:
    """Return a warning for each relative address that a template loads something from, the first ten by their place.

    A template with a `<base href>` that has a host, or is filled in, has none. Takes time linear in the text's length.
    """
    addresses = template_addresses(html)
    if addresses.resolves_relative:
        return []
    found = [each for each in addresses.found if each.leads == "nowhere"]
    firsts = list({each.text: each for each in reversed(found)}.values())[::-1]
    warnings = []
    for each in firsts[:NAMED_MAX]:
        line = html.count("\n", 0, each.offset) + 1
        column = each.offset - (html.rfind("\n", 0, each.offset) + 1) + 1
        advice = next((words for begun, words in _NEVER_LOADED.items() if each.place.startswith(begun)), _ADVICE)
        message = (
            f"line {line}, column {column}: `{each.text[:_SHOWN_MAX_CHARACTERS]}` in {each.place} is relative, and a "
            f"poster has no address of its own; {advice}"
        )
        warnings.append(TemplateWarning(code=CODE, message=message))
    if len(firsts) > NAMED_MAX:
        message = f"{len(firsts) - NAMED_MAX} more relative addresses lead nowhere"
        warnings.append(TemplateWarning(code=CODE, message=message))
    return warnings
