"""Health checks of every part that the workers depend on; each says how to repair what it finds."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from agents.settings import Settings
from posters.operations.broker.granted import missing_rights, refusal_sentences
from posters.operations.broker.rights import Right
from posters.operations.broker.topics import TopicAdmin, TopicFindings, all_topics
from posters.operations.database import connected, database_problems
from posters.operations.errors import OperationError
from posters.operations.migrations import pending
from posters.operations.setup import check_storage
from renderer.browser.chromium import find_chromium
from renderer.engine import Engine
from renderer.errors import BrowserNotFoundError, RenderError
from renderer.fonts.font_set import FontSet, font_files, missing_packages, read_fonts
from renderer.hyphenation.dictionaries import directory_of, missing_dictionaries
from streams.errors import SettingsError, UnavailableError
from streams.topics import Topic

SAMPLE: Final = "Aa 漢字 かな 한글 العربية עברית देवनागरी ไทย 🎉"
"""A text in every script that the fonts of `make install` cover."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A part, its problems (none where it works), and warnings, with which it works all the same."""

    part: str
    problems: list[str]
    warnings: list[str]


Check = Callable[[Settings], Awaitable[list[str] | TopicFindings]]


async def run_checks(settings: Settings, rights: Sequence[Right]) -> AsyncIterator[Finding]:
    """Yield what was found of each part; at the broker, of the topics that `rights` name, and of the rights."""
    names = {right.name for right in rights if right.kind == "topic"}
    checks: dict[str, Check] = {
        "broker and topics": partial(_topics, topics=[topic for topic in all_topics(settings) if topic.name in names]),
        "rights at the broker": partial(_rights, rights=rights),
        **CHECKS,
    }
    for part, check in checks.items():
        try:
            found = await check(settings)
        except (OperationError, UnavailableError, SettingsError, RenderError, BrowserNotFoundError) as error:
            found = [str(error) or repr(error)]
        if isinstance(found, TopicFindings):
            yield Finding(part=part, problems=found.problems, warnings=found.warnings)
        else:
            yield Finding(part=part, problems=found, warnings=[])


async def _topics(settings: Settings, topics: Sequence[Topic]) -> TopicFindings:
    return await asyncio.to_thread(lambda: TopicAdmin(settings).examine(topics))


async def _rights(settings: Settings, rights: Sequence[Right]) -> list[str]:
    missing = await asyncio.to_thread(missing_rights, settings, rights)
    return refusal_sentences(missing, settings)


async def _database(settings: Settings) -> list[str]:
    async with connected(settings) as connection:
        problems = await database_problems(connection, settings.database_url)
    if problems:
        return problems
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
    "database and migrations": _database,
    "storage": _storage,
    "Chromium": _chromium,
    "fonts": _fonts,
    "hyphenation": _hyphenation,
}
