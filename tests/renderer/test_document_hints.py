"""What the text of a document says: enough to ask its page for, soon enough not to be noticed."""

import time

import pytest

from renderer.page.document_hints import DocumentHints

QUESTIONS = ("style_sheets", "style_images", "contents_later", "style_texts", "fixed_backgrounds")
SAYINGS = [
    ("<p>plain; url{ fixed } content é</p>", set()),
    ("<style>@IMPORT 'x'</style>", set(QUESTIONS)),
    ("<LINK rel=stylesheet href=x>", set(QUESTIONS)),
    ("<script>1</script>", set(QUESTIONS)),
    ("<i style='background:URL(x)'>", {"style_images"}),
    ("<style>i{background:image-set('x' 1x)}</style>", {"style_images"}),
    ("<style>i{Content-Visibility:auto}</style>", {"contents_later"}),
    ("<style>i::before{content:'é'}</style>", {"style_texts"}),
    ("<style>i::before{CONTENT : attr(x)}</style>", {"style_texts"}),
    (r"<style>i::before{color:red;content:'\2605'}</style>", {"style_texts"}),
    ("<style>li{list-style:'→'}li{list-style-type:'x'}</style>", {"style_texts"}),
    ("<style>i::before{content:'x'}</style>é", set()),
    ("<style>i{background:red fixed}</style>", {"fixed_backgrounds"}),
    ("<style>i{background-attachment:scroll,FIXED}</style>", {"fixed_backgrounds"}),
    ("<style>i{background:red;position:fixed}</style>", set()),
]


@pytest.mark.parametrize(("html", "said"), SAYINGS)
def test_a_document_is_asked_for_what_it_may_show(html: str, said: set[str]) -> None:
    """In either case of letters; what is no declaration, or one of another property, says nothing."""
    assert {question for question in QUESTIONS if getattr(DocumentHints(html), question)} == said


@pytest.mark.parametrize("words", ["content:", "list-style:", "background ", "fixed ", "url( ", ";", "{", "é", "<"])
def test_looking_takes_no_longer_than_the_text_is(words: str) -> None:
    """Two megabytes of whatever could be taken for the beginning of something are looked through in a moment."""
    said = DocumentHints(words * (2_000_000 // len(words.encode())))
    began = time.monotonic()
    for question in QUESTIONS:
        getattr(said, question)

    assert time.monotonic() - began < 1
