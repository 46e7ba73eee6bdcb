"""What commands say about the database."""

from typing import Any

import asyncpg
import pytest

from agents.settings import Settings
from posters.operations.database import connected
from posters.operations.errors import OperationError
from posters.operations.migrations import DatabaseUnreachableError, pending
from streams.errors import UnavailableError


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that does not answer; the error of that has no text."""

    async def connect(*_: Any, **__: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr(asyncpg, "connect", connect)


@pytest.mark.usefixtures("silent")
async def test_an_error_without_a_text_is_named() -> None:
    """Where the database does not answer, the message names what happened."""
    settings = Settings(database_url="postgresql://127.0.0.1/posters")
    with pytest.raises(UnavailableError, match=": TimeoutError"):
        async with connected(settings):
            pass
    with pytest.raises(DatabaseUnreachableError, match=": TimeoutError"):
        await pending(settings.database_url)


async def test_a_database_before_setup_is_named_as_such(empty_database: str) -> None:
    """A missing table is an error for the operator, which says what to do."""
    with pytest.raises(OperationError, match="run `posters setup`"):
        async with connected(Settings(database_url=empty_database)) as connection:
            await connection.fetch("SELECT FROM template_generation_jobs")
