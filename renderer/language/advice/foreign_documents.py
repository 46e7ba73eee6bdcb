"""Files that are no HTML, or only almost: archives of pages, and drawings as programs export them."""

import re
from typing import Final

from schemas.templates import TemplateWarning

_BEGINNING_CHARACTERS: Final = 4_000
_ARCHIVE: Final = re.compile(
    r"\A(?:[\w-]+:[^\n]*\n(?:[ \t]+[^\n]*\n)*)*?(?:MIME-Version|Snapshot-Content-Location):", re.IGNORECASE
)
_XML: Final = re.compile(r"\A\s*(?:<\?xml\b|(?:<!--(?:(?!-->).)*-->\s*)*<!DOCTYPE\s+svg\b)", re.IGNORECASE | re.DOTALL)
_XHTML: Final = re.compile(
    r"\A\s*(?:<\?xml\b[^>]*>|<!--(?:(?!-->).)*-->|\s)*(?:<!DOCTYPE\s+html\b|<html\b)", re.IGNORECASE | re.DOTALL
)
_OTHERS: Final = {"{\\rtf": "a document in RTF", "%PDF-": "a PDF"}


def no_html(html: str) -> str | None:
    """Return what the file is, and what to do, where it is no HTML."""
    if _ARCHIVE.match(html[:_BEGINNING_CHARACTERS].replace("\r\n", "\n")):
        return "this is an archive of a page (MHTML), not HTML; save the page as HTML only, without its files"
    for beginning, what in _OTHERS.items():
        if html.startswith(beginning):
            return f"this is {what}, not HTML"
    return None


def xml_warning(html: str) -> TemplateWarning | None:
    """Return a warning where the file begins as XML, and is no XHTML: it is read as HTML all the same."""
    beginning = html[:_BEGINNING_CHARACTERS]
    if not _XML.match(beginning) or _XHTML.match(beginning):
        return None
    message = (
        "the file begins as XML, and is read as HTML, with margins around it and what stands before the first element "
        "as text; put the `<svg>` element alone into a document with `<style>body { margin: 0 }</style>`"
    )
    return TemplateWarning(code="xml_document", message=message)
