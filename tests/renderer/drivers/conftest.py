"""Fixtures of the drivers' tests: an engine over each driver, with the same site behind both."""

from collections.abc import AsyncIterator

import pytest_asyncio

from renderer.engine import Engine
from tests.renderer.drivers.documents import FakeSite

Pair = tuple[Engine, Engine]


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def pair() -> AsyncIterator[Pair]:
    """One engine over the pipe and one over Playwright."""
    engines = (
        Engine(driver="pipe", concurrency=1, fetcher=FakeSite()),
        Engine(driver="playwright", concurrency=1, fetcher=FakeSite()),
    )
    for engine in engines:
        await engine.start()
    yield engines
    for engine in engines:
        await engine.close()
