"""A PDF is the poster on one page of its size, the same bytes every time."""

import re
import zlib
from typing import Any

import pytest

from renderer.engine import Engine
from renderer.errors import RenderError
from renderer.page.clip import Clip
from renderer.page.pdf import trimmed
from renderer.rendering import Image
from tests.renderer.drawing import draw, page

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOSTILE = page(
    "<img name=querySelector><p>first</p><b></b><i></i><p>last ★ 素</p>",
    "img{display:none}@page{size:A4 landscape;margin:3cm}@media print{body{background:red}}body{background:#123456}"
    "b{display:block;height:60px;background:#00ff00;break-inside:avoid;break-before:page}p{margin:0;height:30px}"
    "i{position:absolute;right:-900px;bottom:0;width:950px;height:20px;background:#ff8000}",
)


async def pdf(engine: Engine, html: str, **fields: Any) -> Image:
    """Draw `html` as a PDF."""
    return (await draw(engine, html, format="pdf", **fields)).images[0]


def box(data: bytes) -> list[float]:
    """Return the page's box in points; there is one page."""
    assert re.findall(rb"/Count (\d+)", data) == [b"1"]
    (found,) = re.findall(rb"/MediaBox \[([^\]]*)\]", data)
    return [float(number) for number in found.split()]


def content(data: bytes) -> bytes:
    """Return what draws the page, and its fonts."""
    streams = re.findall(rb"/FlateDecode.*?stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL)
    return b"\n".join(zlib.decompressobj().decompress(stream) for stream in streams)


def fills(data: bytes) -> set[tuple[int, ...]]:
    """Return the colours that the page's content fills with."""
    found = re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) rg\b", content(data))
    return {tuple(round(float(part) * 255) for part in colour) for colour in found}


def check_offsets(data: bytes) -> None:
    """Assert that the table of a PDF points at its objects, and its end at the table."""
    start = int(re.findall(rb"startxref\n(\d+)", data)[-1])
    assert data[start : start + 4] == b"xref"
    offsets = re.findall(rb"(\d{10}) 00000 n ", data[start:])
    for number, offset in enumerate(offsets, start=1):
        assert data[int(offset) :].startswith(b"%d 0 obj" % number)


@pytest.mark.parametrize(("width", "height", "scale"), [(200, 100, 1), (1080, 1350, 2), (333, 77, 1.5), (1, 1, 4)])
async def test_the_page_has_the_size_of_the_poster(engine: Engine, width: int, height: int, scale: float) -> None:
    """The one page has 72 points for 96 CSS pixels, exactly; the reported size counts device pixels."""
    image = await pdf(engine, HOSTILE, width=width, height=height, scale=scale)
    left, bottom, right, top = box(image.data)

    assert (right - left, top - bottom) == pytest.approx((width * 0.75, height * 0.75), abs=1e-3)
    assert (image.width, image.height) == (-int(-width * scale // 1), -int(-height * scale // 1))
    check_offsets(image.data)


async def test_the_page_looks_as_on_the_screen(engine: Engine) -> None:
    """Backgrounds are printed, print styles are not used, and nothing leaves the page for not fitting on it."""
    colours = fills((await pdf(engine, HOSTILE)).data)

    assert {(0x12, 0x34, 0x56), (0, 255, 0), (255, 128, 0)} <= colours
    assert (255, 0, 0) not in colours


@pytest.mark.parametrize(
    "style", ["padding:40px", "margin:30px", "border:9px solid", "zoom:2", "width:80px", "float:left"]
)
async def test_nothing_is_printed_smaller(engine: Engine, style: str) -> None:
    """One CSS pixel is 0.75 points, whatever edges and size the root element has: 0.24 times 3.125."""
    drawn = content((await pdf(engine, page("<h1>x</h1>", f"html{{{style}}}"))).data)

    scales = {float(scale) for scale in re.findall(rb"^([.\d]+) 0 0 [-.\d]+ [-.\d]+ [-.\d]+ cm$", drawn, re.MULTILINE)}
    assert sorted(scales) == pytest.approx([0.24, 3.125])


async def test_a_crop_and_a_full_page_have_their_own_size(engine: Engine) -> None:
    """The page is the element, or the whole document."""
    crop = box((await pdf(engine, HOSTILE, selector="b")).data)
    whole = box((await pdf(engine, HOSTILE.replace("right:-900px", "right:0"), full_page=True, height=50)).data)

    assert (crop[2] - crop[0], crop[3] - crop[1]) == pytest.approx((150, 45))
    assert whole[3] - whole[1] == pytest.approx(0.75 * 120)


async def test_ten_times_the_same_bytes(engine: Engine) -> None:
    """Ten PDFs of one document, with others between them, are equal, and hold no time of day."""
    found = set()
    for _ in range(10):
        found.add((await pdf(engine, HOSTILE)).data)
        await draw(engine, page("<h1>another</h1>"))

    assert len(found) == 1
    assert re.findall(rb"Date \(D:(\d+)", found.pop()) == [b"19700101000000"] * 2


async def test_a_print_leaves_nothing_behind(engine: Engine) -> None:
    """A poster after a PDF is byte for byte what it was before."""
    before = (await draw(engine, HOSTILE)).images[0].data
    await pdf(engine, HOSTILE)

    assert (await draw(engine, HOSTILE)).images[0].data == before


async def test_an_unknown_form_of_pdf_is_an_error() -> None:
    """A file whose table is not where it is expected is refused instead of broken."""
    with pytest.raises(RenderError, match="form that is not known"):
        trimmed(b"%PDF-1.7\n1 0 obj\n/MediaBox [0 0 1 1]", Clip(left=0, top=0, width=1, height=1))
