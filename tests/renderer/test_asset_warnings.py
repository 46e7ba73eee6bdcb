"""Warnings about assets say why one is not there, and name only what the picture lacks."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from renderer.assets.allowed_hosts import AllowedHosts
from renderer.assets.fetcher import HttpFetcher
from renderer.engine import Engine
from tests.renderer.assets.site import Site, open_site
from tests.renderer.drawing import draw, page

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served() -> AsyncIterator[tuple[Engine, Site]]:
    """An engine that may fetch from a site, and the site."""
    async with open_site() as site, HttpFetcher(AllowedHosts.parse(f"127.0.0.1:{site.port}"), seconds=1.0) as fetcher:
        engine = Engine(concurrency=1, fetcher=fetcher)
        await engine.start()
        yield engine, site
        await engine.close()


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
