"""Files that are no HTML are refused, and those that begin as XML have a warning."""

import pytest

from tests.renderer.language.reading import checked, errors_of

REFUSED = {
    "an archive of Chrome's": "From: <Saved by Blink>\r\nSubject: x\r\nMIME-Version: 1.0\r\n\r\n<p>{{ a }}</p>",
    "an archive with folded headers": 'Content-Type: multipart/related;\n\ttype="text/html"\nMIME-Version: 1.0\n\n<p>',
    "RTF": "{\\rtf1\\ansi x}",
    "a PDF": "%PDF-1.7\n",
}
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><text>{{ a }}</text></svg>'
XML = {
    "Inkscape": f'<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n<!-- Created with Inkscape -->\n{SVG}',
    "Illustrator": f'<!-- Generator: x -->\n<!DOCTYPE svg PUBLIC "a" "b" [\n<!ENTITY c "d">\n]>\n{SVG}',
    "many comments": "<!-- a -->" * 300 + f"<!DOCTYPE svg>{SVG}",
}
HTML = [
    "",
    "<p>MIME-Version: 1.0</p>",
    "Subject: {{ a }}",
    SVG,
    f"<!doctype html><!-- <?xml ?> -->{SVG}",
    "<!-- a -->" * 300 + "x",
    '<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x.dtd"><html><p>x</p></html>',
    "<?xml version='1.0'?><!-- a --><html xmlns='http://www.w3.org/1999/xhtml'><p>x</p></html>",
]


@pytest.mark.parametrize("file", REFUSED.values(), ids=REFUSED)
def test_what_is_no_html_is_refused_with_what_it_is(file: str) -> None:
    """A browser would show its text."""
    [error] = errors_of(file)

    assert "not HTML" in error.message


@pytest.mark.parametrize("file", XML.values(), ids=XML)
def test_a_drawing_as_programs_export_it_is_a_warning(file: str) -> None:
    """It says to put the element into a document, where there is none."""
    assert [warning.code for warning in checked(file).warnings] == ["xml_document"]
    assert checked(f"<!doctype html><style>body {{ margin: 0 }}</style>{SVG}").warnings == []


@pytest.mark.parametrize("html", HTML)
def test_html_is_neither(html: str) -> None:
    """Also a fragment of it, and a text that looks like a header."""
    assert checked(html).warnings == []
