"""Health checks of every part that the workers depend on; each says how to repair what it finds."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final

from agents.settings import Settings
from posters.operations.errors import OperationError
from posters.operations.migrations import pending
from posters.operations.setup import check_storage
from posters.operations.topics import TopicAdmin
from renderer.browser.chromium import find_chromium
from renderer.engine import Engine
from renderer.errors import BrowserNotFoundError, RenderError
from renderer.fonts.font_set import FontSet, font_files, missing_packages, read_fonts
from renderer.hyphenation.dictionaries import directory_of, missing_dictionaries
from streams.errors import SettingsError, UnavailableError

SAMPLE: Final = "Aa 漢字 かな 한글 العربية עברית देवनागरी ไทย 🎉"
"""A text in every script that the fonts of `make install` cover."""

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
    fonts, packages = await asyncio.to_thread(_read_fonts)
    problems = []
    if packages:
        problems.append(f"packages of fonts are missing: apt-get install {' '.join(packages)}")
    if missing := fonts.missing(SAMPLE):
        problems.append(f"no font draws {' '.join(missing)}; install the Noto fonts")
    return problems


def _read_fonts() -> tuple[FontSet, list[str]]:
    return read_fonts(), missing_packages(font_files())


async def _hyphenation(settings: Settings) -> list[str]:
    browser = find_chromium(settings.chromium)
    missing = await asyncio.to_thread(missing_dictionaries, browser)
    if not missing:
        return []
    directory = directory_of(browser)
    problem = f"{directory} lacks {len(missing)} dictionaries, and `hyphens: auto` does nothing in their languages"
    return [f"{problem}; run `python -m renderer.hyphenation` as a user who may write there"]


CHECKS: Final[Mapping[str, Check]] = {
    "broker and topics": _topics,
    "database and migrations": _database,
    "storage": _storage,
    "Chromium": _chromium,
    "fonts": _fonts,
    "hyphenation": _hyphenation,
}
