"""What is read from addresses, headers and files."""

import io
import time
from collections.abc import Callable
from email.utils import formatdate
from ipaddress import ip_address
from typing import Any

import PIL.Image
import pytest

from renderer.assets.absolute_urls import absolute_urls
from renderer.assets.addresses import is_public
from renderer.assets.force_font_swap import force_font_swap
from renderer.assets.freeze_svg import freeze_svg_images
from renderer.assets.freshness import fresh_seconds
from renderer.assets.image_size import image_size, image_type

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::808:808", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - it is only read
        ("10.1.2.3", False),
        ("172.31.255.255", False),
        ("172.32.0.0", True),
        ("192.168.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("100.100.100.200", False),
        ("100.128.0.0", True),
        ("168.63.129.16", False),
        ("192.0.0.192", False),
        ("198.19.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::127.0.0.1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b:1::808:808", False),
        ("2002:808:808::", False),
        ("2001::1", False),
        ("2001:db8::1", False),
        ("fe80::1", False),
        ("fec0::1", False),
        ("fd00:ec2::254", False),
        ("ff02::1", False),
        ("100::1", False),
    ],
)
def test_only_the_public_network_is_public(address: str, *, public: bool) -> None:
    """Loopback, private, link-local, shared, multicast, reserved and translated addresses are not."""
    assert is_public(ip_address(address)) is public


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"Cache-Control": "max-age=60"}, 60),
        ({"Cache-Control": 'public, MAX-AGE="60", immutable'}, 60),
        ({"Cache-Control": "max-age=60, s-maxage=10"}, 10),
        ({"Cache-Control": "max-age=60", "Age": "45"}, 15),
        ({"Cache-Control": "max-age=60", "Age": "99"}, 0),
        ({"Cache-Control": "max-age=60", "Date": formatdate(NOW - 20)}, 40),
        ({"Cache-Control": "max-age=60", "Date": formatdate(NOW - 20), "Age": "30"}, 30),
        ({"Cache-Control": "max-age=60", "Date": formatdate(NOW + 500)}, 60),
        ({"Expires": formatdate(NOW + 90), "Date": formatdate(NOW)}, 90),
        ({"Expires": formatdate(NOW + 90)}, 90),
        ({"Expires": formatdate(NOW + 90), "Cache-Control": "max-age=5"}, 5),
        ({"Expires": "0"}, 0),
        ({"Expires": formatdate(NOW - 90)}, 0),
        ({"Cache-Control": "no-store, max-age=60"}, 0),
        ({"Cache-Control": "no-cache, max-age=60"}, 0),
        ({"Cache-Control": "private, max-age=60"}, 0),
        ({"Cache-Control": "max-age=60", "Vary": "*"}, 0),
        ({"Cache-Control": "max-age=60", "Vary": "Accept, *"}, 0),
        ({"Cache-Control": "max-age=5, max-age=60"}, 5),
        ({"Cache-Control": "max-age=60", "Vary": "Accept"}, 60),
        ({"Cache-Control": "max-age=-1"}, 0),
        ({"Cache-Control": "max-age=soon", "Age": "x"}, 0),
        ({"Cache-Control": f"max-age={'9' * 18}"}, 365 * 86_400),
    ],
)
def test_freshness_is_what_http_says(headers: dict[str, str], seconds: float) -> None:
    """Lifetime less age; nothing where the answer does not say or forbids."""
    assert fresh_seconds(headers, NOW) == pytest.approx(seconds, abs=1)


def encoded(kind: str, size: tuple[int, int], **options: Any) -> bytes:
    """Return an image."""
    content = io.BytesIO()
    with PIL.Image.new("RGBA" if options.pop("alpha", False) else "RGB", size, "teal") as image:
        image.save(content, kind, **options)
    return content.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True, "exif": b"Exif\0\0" + bytes(5000), "icc_profile": bytes(90_000)}),
        ("GIF", {}),
        ("GIF", {"comment": b"words " * 200}),
        ("BMP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"lossless": False}),
        ("WEBP", {"lossless": False, "alpha": True, "exif": b"Exif\0\0"}),
        ("AVIF", {}),
    ],
)
def test_sizes_are_read_from_headers(kind: str, options: dict[str, Any]) -> None:
    """Every format that the browser draws."""
    body = encoded(kind, (300, 200), **options)

    assert image_type(body) == f"image/{kind.lower()}"
    assert image_size(body) == (300, 200)


@pytest.mark.parametrize("bitmap_format", ["png", "bmp"])
def test_an_icon_is_as_large_as_its_largest(bitmap_format: str) -> None:
    """Icons hold several pictures; a bitmap there counts twice its height, for its mask."""
    body = encoded("ICO", (64, 64), sizes=[(16, 16), (64, 64)], bitmap_format=bitmap_format)

    assert image_size(body) in ((64, 64), (64, 128))


def test_a_frame_beyond_its_screen_counts() -> None:
    """A GIF may say to be small and draw a large frame."""
    body = encoded("GIF", (4000, 3000))

    assert image_size(body[:6] + b"\1\0\1\0" + body[10:]) == (4000, 3000)


def test_a_size_is_found_wherever_a_file_has_it() -> None:
    """An AVIF whose header comes late, behind what looks like a small one, is as large as it is."""
    body = encoded("AVIF", (4000, 3000))
    start = int.from_bytes(body[:4], "big")
    filling = b"\0\0\0\x14ispe" + b"\0\0\0\0" + b"\0\0\0\1" * 2 + bytes(100_000)
    free = (len(filling) + 8).to_bytes(4, "big") + b"free" + filling

    assert image_size(body[:start] + free + body[start:]) == (4000, 3000)
    assert image_size(body + filling.replace(b"\0\0\0\x14ispe", b"\0\0\0\1ispe" + b"\0" * 7 + b"\x1c")) == (4000, 3000)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "AVIF", "ICO"])
def test_what_is_cut_off_has_no_size(kind: str) -> None:
    """However short, reading it raises nothing and invents nothing."""
    body = encoded(kind, (32, 32))

    assert {image_size(body[:length]) for length in range(len(body))} <= {None, (32, 32), (32, 64)}
    assert image_size(body[:12]) is None


@pytest.mark.parametrize("body", [b"\xff\xd8" + b"\xff" * 2**20, b"GIF89a" + bytes(7) + b"!\0" + b"\1x" * 2**20])
def test_headers_without_an_end_have_no_size(body: bytes) -> None:
    """A file that is all header is no image."""
    assert image_size(body) is None


@pytest.mark.parametrize(
    ("sheet", "expected"),
    [
        ("i{background:url(a.png)}", "i{background:url(http://h/d/a.png)}"),
        ("i{background:URL( '../a b.png' )}", "i{background:URL( 'http://h/a b.png' )}"),
        ('i{background:url("//x/a.png"),url(/r.png)}', 'i{background:url("http://x/a.png"),url(http://h/r.png)}'),
        ("@import 'b.css' screen;@import\"c.css\";", "@import 'http://h/d/b.css' screen;@import\"http://h/d/c.css\";"),
        ("@import url(b.css);", "@import url(http://h/d/b.css);"),
        ("i{mask:url(#m);content:'url';background:url()}", "i{mask:url(#m);content:'url';background:url()}"),
        ("i{background:url(data:image/png;base64,AA==)}", "i{background:url(data:image/png;base64,AA==)}"),
        (
            "i{content:'url(a)'}/* url(a) '*/i{background:url(a)}",
            "i{content:'url(a)'}/* url(a) '*/i{background:url(http://h/d/a)}",
        ),
        (
            "@import/**/'a';@import /* url(b) */ /*'*/ url( c );/* url(d)",
            "@import/**/'http://h/d/a';@import /* url(b) */ /*'*/ url( http://h/d/c );/* url(d)",
        ),
        ("i{background:url(https://x/y)}/* ä */", "i{background:url(https://x/y)}/* ä */"),
    ],
)
def test_a_redirected_style_sheet_gets_absolute_addresses(sheet: str, expected: str) -> None:
    """Relative addresses become absolute, everything else stays."""
    assert absolute_urls(sheet, "http://h/d/s.css") == expected


@pytest.mark.parametrize(
    "part",
    ["@import/*", "@import/**/", "/**/", "url(", "url('", "@import ", "(data:image/svg+xml,", "=data:image/svg+xml,"],
)
@pytest.mark.parametrize("read", [lambda sheet: absolute_urls(sheet, "http://h/"), freeze_svg_images, force_font_swap])
def test_reading_a_sheet_takes_no_longer_than_it_is(read: Callable[[str], str], part: str) -> None:
    """What never ends, or is all beginnings, is read in a time in proportion to its length."""
    began = time.process_time()
    read(part * (200_000 // len(part)))

    assert time.process_time() - began < 3
