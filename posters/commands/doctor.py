"""`posters doctor`: every part, and how to mend what is wrong."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import click

from agents.settings import Settings, read_settings
from agents.storage.open_store import object_store
from agents.storage.port import StorageRefusedError
from posters.operations.migrations import MigrationError, pending
from posters.operations.topics import TopicAdmin
from renderer.engine import Engine
from renderer.errors import BrowserNotFoundError, RenderError
from renderer.fonts.font_set import read_fonts
from streams.errors import SettingsError, UnavailableError

SAMPLE = "Aa 漢字 かな 한글 العربية עברית देवनागरी ไทย 🎉"
"""A text of every script that the fonts of `make install` cover."""

Check = Callable[[Settings], Awaitable[list[str]]]


@click.command()
def doctor() -> None:
    """Check broker, topics, database, migrations, storage, Chromium and fonts; say how to mend each."""
    settings = read_settings()
    problems = asyncio.run(_examine(settings))
    sys.exit(1 if problems else 0)


async def _examine(settings: Settings) -> int:
    checks: dict[str, Check] = {
        "broker and topics": _topics,
        "database and migrations": _database,
        "storage": _storage,
        "Chromium": _chromium,
        "fonts": _fonts,
    }
    count = 0
    for name, check in checks.items():
        try:
            problems = await check(settings)
        except (
            UnavailableError,
            SettingsError,
            MigrationError,
            StorageRefusedError,
            RenderError,
            BrowserNotFoundError,
        ) as error:
            problems = [str(error) or repr(error)]
        click.echo(f"{'ok     ' if not problems else 'problem'}  {name}")
        for problem in problems:
            click.echo(f"         {problem}")
        count += len(problems)
    return count


async def _topics(settings: Settings) -> list[str]:
    return await asyncio.to_thread(lambda: TopicAdmin(settings).check())


async def _database(settings: Settings) -> list[str]:
    missing = await pending(settings.database_url)
    return [f"migrations {', '.join(missing)} are not applied; run `posters setup`"] if missing else []


async def _storage(settings: Settings) -> list[str]:
    store = object_store(settings.storage_url)
    await store.open()
    try:
        await store.check()
    finally:
        await store.close()
    return []


async def _chromium(settings: Settings) -> list[str]:
    engine = Engine(chromium_binary=settings.chromium, driver=settings.driver, slots=1)
    try:
        await engine.start()
    finally:
        await engine.close()
    return []


async def _fonts(_: Settings) -> list[str]:
    missing = (await asyncio.to_thread(read_fonts)).missing(SAMPLE)
    packages = "fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji"
    return [f"no font draws {' '.join(missing)}; install {packages}"] if missing else []
