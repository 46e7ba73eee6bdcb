"""What is read from a document's text about its addresses, and how it is made ready for the network."""

import base64
import hashlib
import re
import time

import pytest

from renderer.assets.document_addresses import document_addresses, relative_address, with_base
from renderer.assets.integrity import Integrity, digests_of
from renderer.assets.relative_warnings import relative_address_warnings
from renderer.page.network_document import NetworkDocument

NOWHERE = "https://relative.posters.invalid"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<img src=logo.png>", ["logo.png"]),
        ("<IMG alt='>' SRC = '/img/a.png?x=1'>", ["/img/a.png?x=1"]),
        ("<img srcset='a.png 1x, data:image/png;base64,AA 2x,b.png 3x , https://h/c.png'>", ["a.png", "b.png"]),
        ("<source srcset='a.png, b.png 2x'>", ["a.png", "b.png"]),
        ("<link rel='stylesheet' href='style.css'><link rel=icon href=i.png>", ["style.css"]),
        ("<style>@import 'a.css';@import url(b.css);i{background:url( 'c.png' )}</style>", ["a.css", "b.css", "c.png"]),
        ("<style>@font-face{src:url(f.woff2)format('woff2'),local(x)}</style>", ["f.woff2"]),
        ("<style>i{background:image-set('a.png' 1x)}/* url(b.png) */</style>", ["a.png"]),
        ("<p style='background:url(a.png)'><p style='background:url(&quot;b.png&quot;)'>", ["a.png", "b.png"]),
        (
            "<svg><image href=a.png /><image xlink:href=b.png /><use href=c.svg#d /></svg>",
            ["a.png", "b.png", "c.svg#d"],
        ),
        ("<video poster=p.jpg src=v.mp4></video>", ["p.jpg", "v.mp4"]),
        (
            "<iframe src=f.html></iframe><object data=o.svg></object><input type=image src=i.png>",
            ["f.html", "o.svg", "i.png"],
        ),
        ("<script src=chart.js></script><script>x = '<img src=no.png>'</script>", ["chart.js"]),
        ("<img src='../a.png'><img src='./b.png'><img src='?c'>", ["../a.png", "./b.png", "?c"]),
        ("<img src='//h/a.png'>", ["//h/a.png"]),
        ("<iframe srcdoc=\"<img src=a.png><iframe srcdoc='<img src=b.png>'>\"></iframe>", ["a.png"]),
        (f"<img data-x='{'x' * 100_000}' src=a.png>", ["a.png"]),
        # Whole, within the document, or no address that anything is loaded from.
        ("<img src='https://h/a'><img src=data:,><img src=blob:x><img src=''><img><img src='HTTP://h'>", []),
        ("<a href=x.html>x</a><svg><use href='#a'/><rect fill='url(#g)'/></svg>", []),
        ("<!-- <img src=a.png> --><textarea><img src=a.png></textarea><title><img src=a.png></title>", []),
    ],
)
def test_addresses_that_are_not_whole(html: str, expected: list[str]) -> None:
    """Each is found where a browser would load something from it, and with its place in the text."""
    found = document_addresses(html).found

    assert [each.text for each in found] == expected
    assert all(html[each.offset :].startswith(each.text) for each in found if not re.search("&quot;|srcdoc", html))


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<img src=a.png>", f'<base href="{NOWHERE}/_/"><img src=a.png>'),
        (
            "<!doctype html>\n<html lang=ja><head data-x='>'><img src=a>",
            f"<head data-x='>'><base href=\"{NOWHERE}/_/\"><img",
        ),
        ("\ufeff<!-- x --><!DOCTYPE html><img src=a>", f'html><base href="{NOWHERE}/_/"><img'),
        ("<html><body><img src=//h/a>", f'<html><base href="{NOWHERE}/_/"><body>'),
        ("<base href='//h/x/'><img src=a>", '<base href="https://h/x/"><base href='),
        ("<base href='/x/'><img src=a>", f'<base href="{NOWHERE}/x/"><base'),
        ("<base href='javascript:1'><img src=a>", f'<base href="{NOWHERE}/_/"><base'),
        ("<base href='http://[bad'><img src=a>", f'<base href="{NOWHERE}/_/"><base'),
        ("<base href='https://h/x/'><img src=a>", None),
        ("<img src=https://h/a><a href=b>c</a>", None),
        ("plain", None),
    ],
)
def test_a_base_is_put_where_the_browser_takes_it(html: str, expected: str | None) -> None:
    """Only a document with an address that is not whole gets one, before everything that it has itself."""
    based = with_base(html)

    assert (expected in based) if expected else based == html


def test_relative_addresses_are_named_as_they_were() -> None:
    """Without query and fragment; an address of a host is not one of them."""
    assert relative_address(f"{NOWHERE}/_/img/a.png?x#y") == "img/a.png"
    assert relative_address(f"{NOWHERE}/img/a.png") == "/img/a.png"
    assert relative_address("https://h/a.png") is None
    assert relative_address(f"{NOWHERE}.example/a.png") is None


def test_a_template_warns_with_line_and_column() -> None:
    """Each relative address has a warning; what a value fills in has none."""
    html = (
        '<h1>{{ title }}</h1>\n<img src="{{ photo }}"><img src="{{ a["b"] }}/c.png">\n'
        ' <img src="img/{{ v["a"] }}.png"><img src="//cdn.example/x.png">{# <img src="no.png"> #}\n'
        "<style>i { background: url(bg.png) }</style><img src='bg.png'>"
    )
    warnings = relative_address_warnings(html)

    assert {warning.code for warning in warnings} == {"relative_address"}
    assert [warning.message.partition(" is relative")[0] for warning in warnings] == [
        "line 3, column 12: `img/….png` in <img src>",
        "line 4, column 28: `bg.png` in url() in <style>",
    ]
    for base in ("https://h/", "//h/", "{{ base }}"):
        assert relative_address_warnings(f'<base href="{base}">{html}') == []
    assert relative_address_warnings(f'<base href="/assets/">{html}') != []
    many = relative_address_warnings("".join(f"<img src={number}.png>" for number in range(30)))
    assert [len(many), many[-1].message] == [11, "20 more relative addresses lead nowhere"]


@pytest.mark.parametrize(
    ("html", "advice"),
    [
        ("<audio src=a.mp3></audio>", "delete the element"),
        ("<video src=a.mp4></video>", "`poster` is what is shown"),
        ("<iframe src=a.html></iframe>", "write the document into `srcdoc`"),
        ("<video poster=a.png></video>", "write https://… or give the template a <base href>"),
        ("<iframe srcdoc='<img src=a.png>'></iframe>", "write https://… or give the template a <base href>"),
    ],
)
def test_a_whole_address_is_not_asked_for_where_it_would_be_left_out(html: str, advice: str) -> None:
    """Audio, video and frames are never loaded, and the warning says what to do instead."""
    [warning] = relative_address_warnings(html)

    assert warning.message.endswith(advice)


def sri(body: bytes, algorithm: str = "sha384") -> str:
    """Return the integrity of content."""
    return f"{algorithm}-{base64.b64encode(hashlib.new(algorithm, body).digest()).decode()}"


@pytest.mark.parametrize(
    ("text", "accepts"),
    [
        (sri(b"a", "sha256"), True),
        (sri(b"a", "sha384"), True),
        (sri(b"a", "sha512"), True),
        (sri(b"b", "sha256"), False),
        (f"{sri(b'b')} {sri(b'a')}", True),
        (f"\n {sri(b'a')}?opt=1\t", True),
        # The strongest algorithm counts.
        (f"{sri(b'b', 'sha256')} {sri(b'a', 'sha512')}", True),
        (f"{sri(b'a', 'sha256')} {sri(b'b', 'sha512')}", False),
        (sri(b"a").replace("+", "-").replace("/", "_").rstrip("="), True),
        # Nothing that is known is asked for.
        ("", None),
        ("md5-AAAA what", None),
        ("sha384", None),
    ],
)
def test_integrity_is_read_as_browsers_do(text: str, *, accepts: bool | None) -> None:
    """Of the strongest algorithm, one digest has to be that of the content."""
    asked = Integrity.parse(text)

    assert (asked.accepts(digests_of(b"a")) if asked else None) is accepts


def test_integrity_is_taken_out_of_the_document() -> None:
    """Where the address is certain, ours is the check; elsewhere the browser's."""
    html = (
        f"<link integrity='{sri(b'a')}' rel=stylesheet href='https://h/a.css'>"
        f"<script src='https://h/b.js' integrity='{sri(b'b')}'></script><img integrity=x src='https://h/c.png'>"
        f"<link rel=stylesheet href='https://h/ä.css' integrity='{sri(b'd')}'>"
    )
    document = NetworkDocument.of(html)

    assert document.html.count(" integrity=") == 2
    assert document.html.count("data-posters-integrity=") == 2
    assert list(document.integrity) == ["https://h/a.css", "https://h/b.js"]
    assert NetworkDocument.of("<p>integrity").html == "<p>integrity"


@pytest.mark.parametrize("rel", ["preload", "modulepreload", "PREFETCH"])
def test_what_is_only_loaded_ahead_is_not_loaded(rel: str) -> None:
    """A preload is taken out, unless it may become something else once it is loaded."""
    document = NetworkDocument.of(f"<link rel='{rel}' as=style href='https://h/a.css'>")
    kept = NetworkDocument.of("<link rel=preload as=style href='https://h/a.css' onload=\"this.rel='stylesheet'\">")

    assert f"data-posters-rel='{rel}'" in document.html
    assert "<link rel=preload" in kept.html


@pytest.mark.parametrize(
    ("start", "part"),
    [
        ("", "<img "),
        ("", '<img "'),
        ("", "<style>"),
        ("", "<!--"),
        ("<style>", "url("),
        ("<style>", "url('"),
        ("<style>", "@import "),
        ("<style>", "/*"),
        ("<p ", "a="),
        ("<link ", "integrity "),
        ("<img srcset='", "a (,"),
        ("", "<iframe srcdoc='<p style=&quot;a:url('>"),
        ("<iframe srcdoc='", "<iframe srcdoc="),
        ("", "<link rel=preload "),
        ("", "<link integrity=sha256-a href=https://h/a.css>"),
    ],
)
def test_reading_takes_linear_time(start: str, part: str) -> None:
    """A megabyte of anything is read within three seconds."""
    html = start + part * (1_000_000 // len(part)) + "src integrity"
    began = time.process_time()
    NetworkDocument.of(html)
    relative_address_warnings(html)

    assert time.process_time() - began < 3
