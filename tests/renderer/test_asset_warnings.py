"""Warnings about assets say why one is not there, and name only what the picture lacks."""

import base64
import math

import pytest

from renderer.engine import Engine
from renderer.errors import RenderError
from tests.renderer.assets.site import Site
from tests.renderer.drawing import draw, page

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    "body",
    [
        "<img src='{u}/a.png'>",
        "<i style='background:url({u}/a.png)'>x</i>",
        "<link rel=stylesheet href='{u}/a.css'>",
        "<style>@import '{u}/a.css';</style>",
        "<svg><image href='{u}/a.png'/></svg>",
    ],
)
async def test_an_address_with_a_password_is_refused_with_the_reason(served: tuple[Engine, Site], body: str) -> None:
    """The warning says what to do, and neither it nor the entry has the user or the password."""
    engine, site = served
    address = site.url.replace("://", "://someone:se@cret@")
    rendering = await draw(engine, page(body.format(u=address)))
    (warning,), (asset,) = rendering.warnings, rendering.assets

    assert (warning.code, asset.reason) == ("asset_blocked", "asset_blocked")
    assert "a user or password is not loaded" in warning.message
    assert "cret" not in warning.message + asset.url
    assert "someone" not in warning.message + asset.url


@pytest.mark.parametrize(
    ("faces", "missing"),
    [
        ("{face}src:url({u}/no.ttf),url({u}/f.ttf)}}", []),
        ("{face}src:url({u}/no.ttf),url({font})}}", []),
        ("{face}src:url({u}/f.ttf),url({u}/no.ttf)}}", []),
        ("{face}src:url({u}/no.ttf)}}", ["no.ttf"]),
        ("{face}src:url({u}/no.ttf),url({u}/none.ttf)}}", ["no.ttf", "none.ttf"]),
        ("{face}src:url({u}/f.ttf)}}{face}font-weight:bold;src:url({u}/1.ttf),url({u}/2.ttf)}}", ["1.ttf", "2.ttf"]),
        ("{face}src:url({u}/no.ttf),url({u}/f.ttf)}}@font-face{{font-family:G;src:url({u}/no.ttf)}}", ["no.ttf"]),
    ],
)
async def test_a_font_that_another_source_replaces_is_not_missed(
    served: tuple[Engine, Site], pixel_font: str, faces: str, missing: list[str]
) -> None:
    """A source of a list that failed is no missing asset where a later one was loaded; it is not fresh then."""
    engine, site = served
    site.put("/f.ttf", base64.b64decode(pixel_font.partition(",")[2]), "font/ttf")
    style = faces.format(u=site.url, face="@font-face{font-family:F;", font=pixel_font)
    rendering = await draw(
        engine,
        page("<p>X<b>X</b><i>X", f"{style}p{{font-family:F}}i{{font-family:{'G' if 'family:G' in faces else 'F'}}}"),
    )

    assert [asset.url.rpartition("/")[2] for asset in rendering.assets if not asset.ok] == missing
    assert (rendering.usage.fresh_until == -math.inf) == ("url({u}/f.ttf),url({u}/no" not in faces)
    assert [warning.code for warning in rendering.warnings] == ["asset_status"] * bool(missing)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("<link id=a rel=stylesheet href='data:text/plain,b{}'>", ["<link a>"]),
        ("<link rel=stylesheet href='data:text/css,b{}'>", []),
        ("<link rel=stylesheet href='data:text/css,b{}' media=print>", []),
        ("<link rel=stylesheet type=text/less href='data:text/less,b{}'>", []),
        ("<img id=b src='blob:x'>", ["<img b>"]),
    ],
)
async def test_what_the_document_holds_and_the_browser_cannot_use_is_named(
    served: tuple[Engine, Site], body: str, named: list[str]
) -> None:
    """Also a style sheet that is none by its type, and an address of a page that is gone."""
    warnings = (await draw(served[0], page(body))).warnings

    assert [(warning.code, warning.message.rpartition(": ")[2]) for warning in warnings] == [
        ("asset_invalid", name) for name in named
    ]
    assert all("a data: or blob: address" in warning.message for warning in warnings)


async def test_a_document_that_navigates_is_told_so(served: tuple[Engine, Site]) -> None:
    """The reason of a refresh is the refresh, whether it is refused or ends the poster."""
    engine, site = served
    refresh = "<meta http-equiv=refresh content='0;url={}'>x"
    (warning,) = (await draw(engine, page(refresh.format(f"{site.url}/next")))).warnings
    with pytest.raises(RenderError, match=r"navigates to 'next\.html'") as raised:
        await draw(engine, page(refresh.format("next.html")))

    assert "a poster does not navigate" in warning.message
    assert raised.value.code == "navigated"
