"""One renderer for all previews that do not break it."""

from collections.abc import AsyncIterator

import pytest_asyncio

from agents.settings import Settings
from posters.operations.previews.local_renderer import LocalRenderer, local_renderer


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def renderer() -> AsyncIterator[LocalRenderer]:
    """A renderer with default settings."""
    async with local_renderer(Settings()) as renderer:
        yield renderer
