"""Hints from a document's text: none is missed, and reading takes linear time."""

import time

import pytest

from renderer.page.document_hints import DocumentHints

HINTS = (
    *("style_sheets", "style_images", "contents_later", "style_texts", "hyphens", "fixed_backgrounds"),
    *("scrollers", "print_effects"),
)
DOCUMENTS = [
    ("<p>plain; url{ fixed } content é</p>", set()),
    ("<style>@IMPORT 'x'</style>", set(HINTS)),
    ("<LINK rel=stylesheet href=x>", set(HINTS)),
    ("<script>1</script>", set(HINTS)),
    ("<i style='background:URL(x)'>", {"style_images"}),
    ("<style>i{background:image-set('x' 1x)}</style>", {"style_images"}),
    ("<style>i{Content-Visibility:auto}</style>", {"contents_later"}),
    ("<style>i::before{content:'é'}</style>", {"style_texts"}),
    ("<style>i::before{CONTENT : attr(x)}</style>", {"style_texts"}),
    (r"<style>i::before{color:red;content:'\2605'}</style>", {"style_texts"}),
    ("<style>li{list-style:'→'}li{list-style-type:'x'}</style>", {"style_texts"}),
    ("<style>i::before{content:'x'}</style>é", set()),
    ("<style>i{-webkit-HYPHENS:auto}</style>", {"hyphens"}),
    ("<style>i{background:red fixed}</style>", {"fixed_backgrounds"}),
    ("<style>i{background-attachment:scroll,FIXED}</style>", {"fixed_backgrounds"}),
    ("<style>i{background:red;position:fixed}</style>", set()),
    ("<table BACKGROUND=x>", {"style_images"}),
    ("<style>i{OVERFLOW-Y:scroll}</style>", {"scrollers"}),
    ("<textarea>x</textarea>", {"scrollers"}),
    ("<style>i{-webkit-Backdrop-Filter:blur(1px)}</style>", {"print_effects"}),
    ("<style>i{mix-blend-mode:hue}</style>", {"print_effects"}),
    ("<style>i{-webkit-mask-composite:xor}</style>", {"print_effects"}),
    ("<style>i{transform-style:preserve-3d}</style>", {"print_effects"}),
    ("<style>i{backface-visibility:hidden}</style>", {"print_effects"}),
    ("<style>i{filter:blur(1px)}</style>", set()),
]


@pytest.mark.parametrize(("html", "hints"), DOCUMENTS)
def test_a_document_has_the_hints_of_what_it_may_show(html: str, hints: set[str]) -> None:
    """In upper and lower case; text outside declarations and other properties give no hint."""
    assert {hint for hint in HINTS if getattr(DocumentHints(html), hint)} == hints


@pytest.mark.parametrize("words", ["content:", "list-style:", "background ", "fixed ", "url( ", ";", "{", "é", "<"])
def test_reading_takes_linear_time(words: str) -> None:
    """Two megabytes of unfinished beginnings are read within a second."""
    hints = DocumentHints(words * (2_000_000 // len(words.encode())))
    began = time.monotonic()
    for hint in HINTS:
        getattr(hints, hint)

    assert time.monotonic() - began < 1
