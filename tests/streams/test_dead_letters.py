"""A record that is set aside keeps every byte, however large it is."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from posters.operations.dead_letters import parse, replay_record, with_claim
from streams.dead_letters import CLAIM_ABOVE_BYTES, DeadLetterTopic, size
from streams.delivery import Record
from streams.errors import RecordTooLargeError, UnavailableError
from streams.replay import GENERATION, generation_of, replay_generation
from tests.sink.ports import Announcements
from tests.streams.deliveries import EPOCH, delivery

HEADERS = (("a", b"1"), ("a", b"\xff"), ("empty", b""))


class Shelf:
    """Claims, in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.away = False

    async def keep(self, name: str, value: bytes) -> None:
        """Keep the value."""
        if self.away:
            raise UnavailableError("the storage is away")
        self.kept[name] = value


class Small(Announcements):
    """A broker that takes at most a kilobyte a record."""

    async def publish(self, records: Iterable[Record]) -> None:
        """Keep the records, or raise RecordTooLargeError."""
        batch = list(records)
        if any(size(record) > 1_000 for record in batch):
            raise RecordTooLargeError("too large")
        await super().publish(batch)


@pytest.fixture
def shelf() -> Shelf:
    """An empty shelf."""
    return Shelf()


@pytest.fixture
def topic(shelf: Shelf) -> tuple[DeadLetterTopic, Announcements]:
    """The topic of dead letters, and what is on it."""
    published = Announcements()
    return DeadLetterTopic("intake", published, shelf, lambda: datetime(2026, 2, 1, tzinfo=UTC)), published


@pytest.mark.parametrize("value", [None, b"", b"\xff{", b"x" * (CLAIM_ABOVE_BYTES + 1)], ids=["none", "", "bad", "big"])
async def test_every_byte_comes_back(
    topic: tuple[DeadLetterTopic, Announcements], shelf: Shelf, value: bytes | None
) -> None:
    """Key, value and headers, repeated ones and empty ones too, are what the record had; so is what a replay sends."""
    letters, published = topic
    record = delivery(7, partition=3, key=b"\xfe", value=value, headers=HEADERS)
    await letters.put(record, "invalid_request", "it is bad")
    (kept,) = published.records
    assert isinstance(kept.key, bytes)
    letter = parse(kept.key, kept.value, kept.headers)
    assert letter is not None
    again = replay_record(with_claim(letter, shelf.kept[letter.claim]) if letter.claim else letter, -1)

    assert (letter.place, letter.reason) == (
        ("intake", "poster-requests", 3, 7, int(EPOCH.timestamp() * 1000)),
        "invalid_request",
    )
    assert (again.topic, again.key, again.value) == ("poster-requests", b"\xfe", value)
    assert again.headers[: len(HEADERS)] == HEADERS
    assert bool(letter.claim) == (len(value or b"") > CLAIM_ABOVE_BYTES)


@pytest.mark.parametrize(
    ("key", "headers"),
    [(b"k", tuple((f"h{number}", b"x" * 1_000) for number in range(6_000))), (b"k" * (CLAIM_ABOVE_BYTES + 1), HEADERS)],
    ids=["headers", "key"],
)
async def test_a_record_of_which_nothing_fits_is_kept_whole_in_storage(
    topic: tuple[DeadLetterTopic, Announcements], shelf: Shelf, key: bytes, headers: tuple[tuple[str, bytes], ...]
) -> None:
    """Brokers count compressed bytes: key and headers alone may be more than the topic of dead letters takes."""
    letters, published = topic
    await letters.put(delivery(7, partition=3, key=key, value=b"{", headers=headers), "invalid_request", "it is bad")
    (kept,) = published.records
    assert size(kept) < 100_000
    letter = parse(kept.key, kept.value, kept.headers)  # type: ignore[arg-type]
    assert letter is not None
    assert letter.claim is not None
    again = replay_record(with_claim(letter, shelf.kept[letter.claim]), -1)

    assert letter.place[:4] == ("intake", "poster-requests", 3, 7)
    assert (again.key, again.value, again.headers[: len(headers)]) == (key, b"{", headers)


async def test_a_topic_that_takes_less_than_here_gets_a_claim(shelf: Shelf) -> None:
    """Where the broker refuses a letter for its size, it is told where the record is; nothing is tried for ever."""
    published = Small()
    letters = DeadLetterTopic("intake", published, shelf, lambda: EPOCH)
    await letters.put(delivery(1, value=b"{" * 2_000), "invalid_request", "it is bad")
    (kept,) = published.records
    letter = parse(kept.key, kept.value, kept.headers)  # type: ignore[arg-type]

    assert letter is not None
    assert letter.claim is not None
    assert with_claim(letter, shelf.kept[letter.claim]).value == b"{" * 2_000


async def test_the_same_place_on_a_topic_made_anew_is_another_claim(
    topic: tuple[DeadLetterTopic, Announcements], shelf: Shelf
) -> None:
    """Offsets begin anew with the topic; what was claimed before stays as it was."""
    letters, _ = topic
    for filler in (b"x", b"y"):
        await letters.put(delivery(1, value=filler * (CLAIM_ABOVE_BYTES + 1)), "invalid_request", "too large")

    assert sorted(value[:1] for value in shelf.kept.values()) == [b"x", b"y"]


async def test_a_record_is_not_set_aside_before_its_value_is_kept(
    topic: tuple[DeadLetterTopic, Announcements], shelf: Shelf
) -> None:
    """While the storage is away the record stays where it is."""
    letters, published = topic
    shelf.away = True
    with pytest.raises(UnavailableError):
        await letters.put(delivery(1, value=b"x" * (CLAIM_ABOVE_BYTES + 1)), "invalid_request", "too large")

    assert published.records == []


def test_each_replay_is_a_generation_further() -> None:
    """The generation rises above that of an earlier replay and above what is recorded."""
    again = delivery(1, headers=((GENERATION, b"4"),))
    letter = parse(
        b"k",
        b"v",
        (
            *again.headers,
            *(
                (f"dlq.{name}", b"1")
                for name in ("partition", "offset", "timestamp", "role", "reason", "error", "time")
            ),
            ("dlq.topic", b"poster-requests"),
        ),
    )
    assert letter is not None

    assert replay_generation(again) == 4
    assert generation_of(replay_record(letter, -1).headers) == 5
    assert generation_of(replay_record(letter, 8).headers) == 9
    assert generation_of([(GENERATION, b"-1")]) == generation_of([(GENERATION, b"x")]) == generation_of([]) == 0
    assert generation_of([(GENERATION, b"9" * 10)]) == 2**31 - 1
