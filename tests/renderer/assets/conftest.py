"""Fixtures of the tests of fetching: a site, what nobody may reach, and a fetcher that may reach the site."""

from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from renderer.assets.allowed_hosts import AllowedHosts
from renderer.assets.fetcher import HttpFetcher
from renderer.assets.port import AssetError, Kind
from tests.renderer.assets.site import Listener, Site, open_canary, open_site


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    """A site on 127.0.0.1."""
    async with open_site() as site:
        yield site


@pytest_asyncio.fixture
async def canary() -> AsyncIterator[Listener]:
    """A listener on addresses that nobody allowed."""
    async with open_canary("127.0.0.1", "::1", "127.0.0.2") as canary:
        yield canary


@pytest_asyncio.fixture
async def fetcher(site: Site) -> AsyncIterator[HttpFetcher]:
    """A fetcher that may reach the site, and gives it a second."""
    async with HttpFetcher(AllowedHosts.parse(f"127.0.0.1:{site.port}"), seconds=1.0) as fetcher:
        yield fetcher


class Names:
    """A name server whose answers change."""

    def __init__(self, *answers: Sequence[str] | OSError) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> list[str]:
        """Return the next answer."""
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, OSError):
            raise answer
        return list(answer)


async def refusal(fetcher: HttpFetcher, url: str, kind: Kind = "image") -> tuple[str, int | None]:
    """Return the code and status with which an asset is refused."""
    with pytest.raises(AssetError) as raised:
        await fetcher.fetch(url, kind)
    return raised.value.code, raised.value.status
