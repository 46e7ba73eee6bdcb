"""Warnings of a preview name the template's line of what is missing, where the template itself names it."""

from posters.operations.previews.warning_lines import with_lines
from schemas.codes import WarningCode
from schemas.outcomes import Asset, PosterWarning

TEMPLATE = """<!doctype html>
<style>
  body { font-family: Nobodys, "No One", serif }
</style>
<p>Nobodys</p>
<img src="https://a.example/logo.png.old">
<img src="https://a.example/logo.png?v=1"><img src="{{ photo }}">
<svg><text font-family="Somebody">x</text></svg>
"""


def lines_of(code: WarningCode, message: str, *urls: str) -> str:
    """Return the message with lines."""
    assets = [Asset(url=url, ok=False, reason=code) for url in urls]
    [warning] = with_lines([PosterWarning(code=code, message=message)], assets, TEMPLATE)
    return warning.message


def test_an_address_of_the_template_has_its_line() -> None:
    """The whole address is looked for; its query is not part of what a warning shows."""
    url = "https://a.example/logo.png"

    assert lines_of("asset_status", f"not loaded: {url} (404)", url) == f"not loaded: {url} (line 7) (404)"


def test_one_address_that_begins_another_keeps_its_own_line() -> None:
    """Each is named with the line on which it stands."""
    urls = "https://a.example/logo.png", "https://a.example/logo.png.old"
    message = lines_of("asset_blocked", f"not loaded: {', '.join(urls)}", *urls)

    assert message == f"not loaded: {urls[0]} (line 7), {urls[1]} (line 6)"


def test_a_family_has_the_line_of_its_style() -> None:
    """A text that holds its name is not its line; attributes of SVG count."""
    message = lines_of("font_missing", "another font is drawn: No One, nobodys, Somebody")

    assert message == "another font is drawn: No One (line 3), nobodys (line 3), Somebody (line 8)"


def test_what_the_data_brought_has_no_line() -> None:
    """Nor has what a style sheet of the network names."""
    url = "https://a.example/photo.jpg"

    assert lines_of("asset_status", f"not loaded: {url}", url) == f"not loaded: {url}"
    assert lines_of("font_missing", "another font is drawn: Elsewhere") == "another font is drawn: Elsewhere"
    assert lines_of("missing_glyphs", "no installed font draws: a") == "no installed font draws: a"
