"""A dead letter has every byte of its record, whatever its size."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from posters.operations.dead_letters import parse, replay_record, with_claim
from streams.dead_letters.dead_letters import CLAIM_ABOVE_BYTES, DeadLetterTopic, size
from streams.delivery import Record
from streams.errors import RecordTooLargeError, UnavailableError
from streams.replay import GENERATION, generation_of, replay_generation
from tests.sink.ports import Announcements
from tests.streams.deliveries import EPOCH, delivery

HEADERS = (("a", b"1"), ("a", b"\xff"), ("empty", b""))


class Claims:
    """Claims, in memory."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}
        self.unavailable = False

    async def store(self, name: str, value: bytes) -> None:
        """Store the value."""
        if self.unavailable:
            raise UnavailableError("the storage is unavailable")
        self.stored[name] = value


class Small(Announcements):
    """A broker with a limit of a kilobyte a record."""

    async def publish(self, records: Iterable[Record]) -> None:
        """Store the records, or raise RecordTooLargeError."""
        batch = list(records)
        if any(size(record) > 1_000 for record in batch):
            raise RecordTooLargeError("too large")
        await super().publish(batch)


@pytest.fixture
def claims() -> Claims:
    """An empty claims."""
    return Claims()


@pytest.fixture
def topic(claims: Claims) -> tuple[DeadLetterTopic, Announcements]:
    """The topic of dead letters, and its records."""
    published = Announcements()
    return DeadLetterTopic("intake", published, claims, lambda: datetime(2026, 2, 1, tzinfo=UTC)), published


@pytest.mark.parametrize("value", [None, b"", b"\xff{", b"x" * (CLAIM_ABOVE_BYTES + 1)], ids=["none", "", "bad", "big"])
async def test_every_byte_comes_back(
    topic: tuple[DeadLetterTopic, Announcements], claims: Claims, value: bytes | None
) -> None:
    """A dead letter, and its replay, have the key, value and headers of the record, repeated and empty ones too."""
    letters, published = topic
    record = delivery(7, partition=3, key=b"\xfe", value=value, headers=HEADERS)
    await letters.put(record, "invalid_request", "it is bad")
    (stored,) = published.records
    assert isinstance(stored.key, bytes)
    letter = parse(stored.key, stored.value, stored.headers)
    assert letter is not None
    again = replay_record(with_claim(letter, claims.stored[letter.claim]) if letter.claim else letter, -1)

    assert (letter.identity, letter.reason) == (
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
async def test_a_record_of_which_nothing_fits_is_stored_whole(
    topic: tuple[DeadLetterTopic, Announcements], claims: Claims, key: bytes, headers: tuple[tuple[str, bytes], ...]
) -> None:
    """Brokers count compressed bytes: key and headers alone may be more than the topic of dead letters takes."""
    letters, published = topic
    await letters.put(delivery(7, partition=3, key=key, value=b"{", headers=headers), "invalid_request", "it is bad")
    (stored,) = published.records
    assert size(stored) < 100_000
    letter = parse(stored.key, stored.value, stored.headers)  # type: ignore[arg-type]
    assert letter is not None
    assert letter.claim is not None
    again = replay_record(with_claim(letter, claims.stored[letter.claim]), -1)

    assert letter.identity[:4] == ("intake", "poster-requests", 3, 7)
    assert (again.key, again.value, again.headers[: len(headers)]) == (key, b"{", headers)


async def test_a_topic_that_takes_less_than_here_gets_a_claim(claims: Claims) -> None:
    """Where the broker refuses a dead letter for its size, a claim is published instead; nothing is retried forever."""
    published = Small()
    letters = DeadLetterTopic("intake", published, claims, lambda: EPOCH)
    await letters.put(delivery(1, value=b"{" * 2_000), "invalid_request", "it is bad")
    (stored,) = published.records
    letter = parse(stored.key, stored.value, stored.headers)  # type: ignore[arg-type]

    assert letter is not None
    assert letter.claim is not None
    assert with_claim(letter, claims.stored[letter.claim]).value == b"{" * 2_000


async def test_the_same_place_on_a_topic_made_anew_is_another_claim(
    topic: tuple[DeadLetterTopic, Announcements], claims: Claims
) -> None:
    """Offsets begin anew with the topic; what was claimed before stays as it was."""
    letters, _ = topic
    for filler in (b"x", b"y"):
        await letters.put(delivery(1, value=filler * (CLAIM_ABOVE_BYTES + 1)), "invalid_request", "too large")

    assert sorted(value[:1] for value in claims.stored.values()) == [b"x", b"y"]


async def test_a_record_is_no_dead_letter_before_its_value_is_kept(
    topic: tuple[DeadLetterTopic, Announcements], claims: Claims
) -> None:
    """While the storage is unavailable no dead letter is published."""
    letters, published = topic
    claims.unavailable = True
    with pytest.raises(UnavailableError):
        await letters.put(delivery(1, value=b"x" * (CLAIM_ABOVE_BYTES + 1)), "invalid_request", "too large")

    assert published.records == []


def test_a_claim_of_the_original_record_is_none(topic: tuple[DeadLetterTopic, Announcements]) -> None:
    """Whoever sends a record does not choose what an operator reads from storage; odd provenance is no dead letter."""
    forged = (("dlq.claim", b"posters/of/others"), ("dlq.claimed", b"record"), ("dlq.topic", b"\xff"), ("dlq.x", None))
    record = topic[0].record(delivery(3, headers=forged), "invalid_request", "bad")
    letter = parse(b"k", record.value, record.headers)

    assert letter is not None
    assert (letter.topic, letter.claim, letter.claimed) == ("poster-requests", None, None)
    for name, value in (("dlq.offset", b"9" * 30), ("dlq.partition", b"-1e3"), ("dlq.timestamp", b"9" * 5_000)):
        assert parse(b"k", record.value, (*record.headers, (name, value))) is None


@pytest.mark.parametrize(
    ("key", "value", "job"),
    [
        (b"any", b'{"type": "batch.requested", "parts": 2, "job_id": "job"}', "job"),
        (b"job", b"{", "job"),
        (b"\x00\xff", b'{"type": "poster.requested", "job_id": 5}', None),
        (None, None, None),
    ],
    ids=["named", "keyed", "neither", "nothing"],
)
def test_a_letters_job_is_the_one_that_its_record_names(
    topic: tuple[DeadLetterTopic, Announcements], key: bytes | None, value: bytes | None, job: str | None
) -> None:
    """Its key counts where the record cannot be read, and where it is a job id at all: the database is asked for it."""
    record = topic[0].record(delivery(1, key=key, value=value), "invalid_request", "bad")
    letter = parse(record.key, record.value, record.headers)  # type: ignore[arg-type]

    assert letter is not None
    assert letter.job_id == job


def test_each_replay_is_a_generation_further() -> None:
    """The generation is higher than that of an earlier replay and than the recorded one."""
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
    assert generation_of(replay_record(letter, -1).headers) == 1
    assert generation_of(replay_record(letter, 8).headers) == 9
    assert generation_of([(GENERATION, b"-1")]) == generation_of([(GENERATION, b"x")]) == generation_of([]) == 0
    assert generation_of([(GENERATION, b"9" * 10)]) == 2**31 - 1
