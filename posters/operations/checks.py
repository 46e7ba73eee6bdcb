"""Health checks of every part that the workers depend on; each says how to repair what it finds."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final

from agents.settings import Settings
from posters.operations.errors import OperationError
from posters.operations.migrations import pending
from posters.operations.setup import check_storage
from posters.operations.topics import TopicAdmin
from renderer.engine import Engine
from renderer.errors import BrowserNotFoundError, RenderError
from renderer.fonts.font_set import read_fonts
from streams.errors import SettingsError, UnavailableError

SAMPLE: Final = "Aa 漢字 かな 한글 العربية עברית देवनागरी ไทย 🎉"
"""A text in every script that the fonts of `make install` cover."""
PACKAGES: Final = "fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji"

Check = Callable[[Settings], Awaitable[list[str]]]


async def run_checks(settings: Settings) -> AsyncIterator[tuple[str, list[str]]]:
    """Yield each part's name and its problems, none where it works."""
    for part, check in CHECKS.items():
        try:
            problems = await check(settings)
        except (OperationError, UnavailableError, SettingsError, RenderError, BrowserNotFoundError) as error:
            problems = [str(error) or repr(error)]
        yield part, problems


async def _topics(settings: Settings) -> list[str]:
    return await asyncio.to_thread(lambda: TopicAdmin(settings).check())


async def _database(settings: Settings) -> list[str]:
    missing = await pending(settings.database_url)
    return [f"migrations {', '.join(missing)} are not applied; run `posters setup`"] if missing else []


async def _storage(settings: Settings) -> list[str]:
    await check_storage(settings)
    return []


async def _chromium(settings: Settings) -> list[str]:
    engine = Engine(chromium_binary=settings.chromium, driver=settings.driver, concurrency=1)
    try:
        await engine.start()
    finally:
        await engine.close()
    return []


async def _fonts(_: Settings) -> list[str]:
    missing = (await asyncio.to_thread(read_fonts)).missing(SAMPLE)
    return [f"no font draws {' '.join(missing)}; install {PACKAGES}"] if missing else []


CHECKS: Final[Mapping[str, Check]] = {
    "broker and topics": _topics,
    "database and migrations": _database,
    "storage": _storage,
    "Chromium": _chromium,
    "fonts": _fonts,
}
