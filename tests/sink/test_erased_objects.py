"""An object that is erased while the completion of an equal poster is on its way is made again, and no other."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from agents.sink.erased_objects import ANSWER_SECONDS, DELETES_AT_ONCE, ErasedObjects
from agents.sink.erasures import Erasure
from agents.sink.replays import Replays
from agents.storage.files import FileStore
from schemas.codec import decode
from schemas.requests import BatchRequested
from schemas.topics import POSTER_REPLAYS
from streams.delivery import Delivery
from streams.errors import UnavailableError
from streams.replay import generation_of
from tests.sink.conftest import SinkHarness
from tests.sink.test_erasures import Eraser, object_key
from tests.sink.test_two_sources import by

KEY = object_key("e", "shared")
WAYS = [{"job_id": "mine"}, {"section": "campaign", "entity_id": "e"}]


@pytest.fixture
async def eraser(harness: SinkHarness, tmp_path: Path) -> AsyncIterator[Eraser]:
    """An eraser on an empty database and directory."""
    store = FileStore(tmp_path)
    await store.open()
    eraser = Eraser(harness, store)
    yield eraser
    await eraser.database.close()
    await store.close()


def completed(eraser: Eraser, job: str, source: str = "site", key: str = KEY, **fields: Any) -> Delivery:
    """Return the completion of a poster of the entity whose image is an object that may be another's too."""
    image = {"name": "default", "url": "u", "object_key": key, "sha256": "ab" * 32, "size_bytes": 1}
    images = [{**image, "width": 1, "height": 1, "format": "png"}]
    made = eraser.topics.completed(job, entity_id="e", object_key=key, images=images, cached=True, **fields)
    return by(source, made)


def request(eraser: Eraser, job: str, source: str = "site") -> Delivery:
    """Return the request of a poster of the entity."""
    return by(source, eraser.topics.request(job, entity_id="e", custom_data={"text": "the same"}))


def before_a_delete(eraser: Eraser, monkeypatch: pytest.MonkeyPatch, *deliveries: Delivery) -> None:
    """Have the sink take records after it was asked who needs an object, and before the object is deleted."""
    delete = eraser.store.delete

    async def take_and_delete(key: str) -> None:
        await eraser.take(*deliveries)
        await delete(key)

    monkeypatch.setattr(eraser.store, "delete", take_and_delete)


async def replayed(eraser: Eraser) -> list[tuple[str, int]]:
    """Carry out what is to be replayed, and return the jobs and generations that were requested so far."""
    await Replays(eraser.database, eraser.harness.announcements).sweep()
    records = [record for record in eraser.harness.announcements.records if record.topic == POSTER_REPLAYS]
    return [(decode(record.value, BatchRequested).job_id, generation_of(record.headers)) for record in records]


async def noted(eraser: Eraser) -> list[str]:
    """Return the objects that are noted as erased."""
    return [key for (key,) in await eraser.harness.fetch("SELECT DISTINCT object_key FROM erased_objects")]


@pytest.mark.parametrize("named", WAYS, ids=["job", "entity"])
@pytest.mark.parametrize("late", [False, True], ids=["while it is deleted", "after"])
async def test_an_image_that_a_completion_on_its_way_names_is_made_again(
    eraser: Eraser, monkeypatch: pytest.MonkeyPatch, named: dict[str, Any], *, late: bool
) -> None:
    """The poster of the other source is replayed, once, and with its own data."""
    await eraser.put(KEY)
    await eraser.take(request(eraser, "mine"), completed(eraser, "mine"), request(eraser, "theirs", "other"))
    theirs = completed(eraser, "theirs", "other")
    await eraser.take(eraser.topics.erase(**named))
    if not late:
        before_a_delete(eraser, monkeypatch, theirs)
    await eraser.erasures.sweep()
    monkeypatch.undo()
    await eraser.take(theirs)
    gone = await eraser.keys()
    for _ in range(2):
        await eraser.erasures.sweep()
    asked = await replayed(eraser)
    await eraser.put(KEY)
    await eraser.take(completed(eraser, "theirs", "other", generation=1))
    await eraser.erasures.sweep()

    assert gone == []
    assert asked == await replayed(eraser) == [("theirs", 1)]
    assert {answer.job_id for answer in eraser.answers} == {"mine"}
    assert await eraser.harness.posters("job_id, custom_data ->> 'text'") == [("mine", None), ("theirs", "the same")]


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "on its way"])
@pytest.mark.parametrize("named", WAYS, ids=["job", "entity"])
async def test_a_row_can_have_its_poster_again_at_once(
    eraser: Eraser, named: dict[str, Any], *, recorded: bool
) -> None:
    """A poster that is requested after the erasure has its image, although it is the same one."""
    await eraser.put(KEY)
    await eraser.take(request(eraser, "mine"), completed(eraser, "mine"), eraser.topics.erase(**named))
    again = [request(eraser, "again"), completed(eraser, "again")]
    if recorded:
        await eraser.take(*again)
    await eraser.erasures.sweep()
    await eraser.take(*again)
    await eraser.erasures.sweep()

    assert (await eraser.keys(), await replayed(eraser)) == (([KEY], []) if recorded else ([], [("again", 1)]))


async def test_what_is_to_be_erased_is_not_made_again(eraser: Eraser, monkeypatch: pytest.MonkeyPatch) -> None:
    """A poster of the entity from before the erasure, whose completion comes late, is erased too."""
    await eraser.put(KEY)
    await eraser.take(request(eraser, "mine"), completed(eraser, "mine"), request(eraser, "slow"))
    before_a_delete(eraser, monkeypatch, completed(eraser, "slow"))
    await eraser.take(eraser.topics.erase(section="campaign", entity_id="e"))
    for _ in range(2):
        await eraser.erasures.sweep()

    assert (await replayed(eraser), await noted(eraser)) == ([], [KEY])
    assert {answer.job_id for answer in eraser.answers} == {"mine", "slow"}


async def test_what_exists_again_is_not_looked_after_for_long(eraser: Eraser) -> None:
    """The note goes once the object is there and no delete can be under way, and after a day in any case."""
    await eraser.put(KEY)
    await eraser.take(request(eraser, "mine"), completed(eraser, "mine"), eraser.topics.erase(job_id="mine"))
    await eraser.erasures.sweep()
    await eraser.put(KEY)
    await eraser.take(request(eraser, "theirs", "other"), completed(eraser, "theirs", "other"))
    left = []
    for age in ("9 minutes", "11 minutes"):
        await eraser.harness.fetch("UPDATE erased_objects SET noted_at = now() - $1::text::interval", age)
        await eraser.erasures.sweep()
        left.append(await noted(eraser))
    await eraser.harness.fetch(
        "INSERT INTO erased_objects VALUES ('k', gen_random_uuid(), NULL, NULL, now(), now() - interval '25 hours')"
    )
    await eraser.erasures.sweep()

    assert left == [[KEY], []]
    assert (await noted(eraser), await replayed(eraser)) == ([], [])


async def test_a_storage_that_is_unavailable_delays_only_what_needs_it(
    eraser: Eraser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep goes on, and the poster is replayed in a later one."""
    await eraser.put(KEY)
    await eraser.take(request(eraser, "mine"), completed(eraser, "mine"), eraser.topics.erase(job_id="mine"))
    await eraser.erasures.sweep()
    await eraser.take(request(eraser, "theirs", "other"), completed(eraser, "theirs", "other"))

    async def refuse(_: str) -> None:
        raise UnavailableError("the storage is unavailable")

    monkeypatch.setattr(eraser.store, "find", refuse)
    await eraser.erasures.sweep()
    meanwhile = await replayed(eraser)
    monkeypatch.undo()
    await eraser.erasures.sweep()

    assert (meanwhile, await replayed(eraser)) == ([], [("theirs", 1)])


@pytest.fixture
def minutes() -> Iterator[float]:
    """Return a clock by which each look is a minute and a second later."""
    return (number * (ANSWER_SECONDS + 1) for number in count())


async def test_an_outdated_answer_does_not_count(
    eraser: Eraser, monkeypatch: pytest.MonkeyPatch, minutes: Iterator[float]
) -> None:
    """While many objects are deleted slowly, a poster that comes to need one of the last keeps it."""
    keys = sorted(object_key("e", str(number)) for number in range(DELETES_AT_ONCE + 1))
    for key in keys:
        await eraser.put(key)
    theirs = [request(eraser, "theirs", "other"), completed(eraser, "theirs", "other", keys[-1])]
    before_a_delete(eraser, monkeypatch, *theirs)
    erasure = Erasure(
        event_id=UUID(int=1),
        job_id="mine",
        section=None,
        entity_id=None,
        source="site",
        requested_at=datetime.now(UTC),
        answered_at=None,
    )
    await ErasedObjects(eraser.database, eraser.store, clock=minutes.__next__).delete(keys, erasure)

    assert await eraser.keys() == keys[-1:]
