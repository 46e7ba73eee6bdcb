"""The lookup of erased posters never stalls rendering."""

import asyncio
from typing import cast

import pytest

from agents.best_effort import OFF_SECONDS, QUERY_SECONDS
from agents.postgres import Database
from agents.render.erased_posters import ErasedPostersTable
from streams.errors import UnavailableError
from tests.simulation.virtual_time import run, virtual_loop


class Answers:
    """A database that hangs, fails, or knows every poster as erased."""

    def __init__(self, trouble: str) -> None:
        self.trouble = trouble
        self.asked = 0

    async def fetch_value(self, *_: object) -> bool:
        """Answer, or not."""
        self.asked += 1
        if self.trouble == "hangs":
            await asyncio.Event().wait()
        if self.trouble == "fails":
            raise UnavailableError("the database is unavailable")
        return True


async def looked_up(database: Answers) -> tuple[list[bool], list[int], float]:
    """Look a poster up twice, and again after the pause; return the answers, the queries so far, and the time."""
    clock = virtual_loop().time
    table = ErasedPostersTable(cast("Database", database), clock=clock)
    answers = [await table.contains("job", 0), await table.contains("job", 0)]
    waited, asked = clock(), [database.asked]
    database.trouble = ""
    await asyncio.sleep(OFF_SECONDS)
    answers.append(await table.contains("job", 0))
    return answers, [*asked, database.asked], waited


@pytest.mark.parametrize(("trouble", "seconds"), [("hangs", QUERY_SECONDS), ("fails", 0.0)])
def test_a_database_that_is_unavailable_delays_one_poster_by_half_a_second(trouble: str, seconds: float) -> None:
    """It is asked once, and not for some seconds after that; posters count as not erased until it answers again."""
    answers, asked, waited = run(looked_up(Answers(trouble)))

    assert answers == [False, False, True]
    assert asked == [1, 2]
    assert waited == seconds
