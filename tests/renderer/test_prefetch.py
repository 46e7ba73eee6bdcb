"""Prefetch finds the assets that a document will certainly request, and no others."""

import time

import pytest

from renderer.page.prefetch import named_assets


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<img src='https://h/a.png'>", [("https://h/a.png", "image")]),
        ('<IMG alt=">" SRC=https://h/a.png?x=1&amp;y=2 />', [("https://h/a.png?x=1&y=2", "image")]),
        ('<img src="https:&#x2f;&#x2f;h&#x2f;a.png">', [("https://h/a.png", "image")]),
        ("<svg><image xlink:href='http://h:81/a'/></svg>", [("http://h:81/a", "image")]),
        ("<video poster='http://h/a'></video>", [("http://h/a", "image")]),
        ("<link rel='stylesheet' href='http://h/s.css'>", [("http://h/s.css", "stylesheet")]),
        ("<img src=http://h/a><p><img src=http://h/a>", [("http://h/a", "image")]),
        ("<img srcset='http://h/b 2x' src='http://h/a'>", []),
        ("<picture><source srcset='http://h/b'><img src='http://h/a'></picture>", []),
        ("<link rel=stylesheet media=print href='http://h/s.css'>", []),
        ("<link rel='alternate stylesheet' href='http://h/s.css'>", []),
        ("<link rel=icon href='http://h/i.png'>", []),
        ("<!-- <img src='http://h/a'> --><a href='http://h/a'>x</a><script src='http://h/a'></script>", []),
        ("<img src='a.png'><img src='//h/a'><img src='data:image/png;base64,AA'><img><img src>", []),
        # Not in the form in which the browser asks for them.
        ("<img src='HTTP://h/a'><img src='http://H/a'><img src='http://h'><img src='http://h/ä'>", []),
        ("<img src='http://u:p@h/a'><img src='http://h/x/../a'><img src='http://h:80/a'><img src='http://h/a b'>", []),
        ("<img src='http://h/a#part'><img src='http://[::1]/a'>", []),
    ],
)
def test_assets_that_are_certain(html: str, expected: list[tuple[str, str]]) -> None:
    """Each once, in order, as the browser will ask for it."""
    assert named_assets(html) == expected


@pytest.mark.parametrize(
    "part", ["<img ", "<!--", "<img '", "<img \"'", "<img a=", "<img src=http://h/a ", "<link rel=x'"]
)
def test_reading_takes_linear_time(part: str) -> None:
    """Two megabytes of unfinished tags are read within two seconds."""
    began = time.process_time()
    named_assets(part * (2_000_000 // len(part)))

    assert time.process_time() - began < 2
