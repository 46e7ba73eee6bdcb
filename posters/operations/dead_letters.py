"""Dead letters: records that a role could not use, read from their topic, completed from storage, and sent back."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

import orjson

from agents.settings import Settings
from agents.storage.claims import StoredClaims
from agents.storage.open_store import object_store
from agents.storage.port import StorageRefusedError
from posters.operations.errors import OperationError
from posters.operations.jobs import JOB_ID
from posters.operations.kafka_client import KafkaClient, headers_of
from posters.operations.replay import indexes_of
from schemas import topics
from schemas.codec import ContractError, decode
from schemas.requests import BatchRequested, PosterRequested
from schemas.salvage import named_job
from streams.dead_letters.dead_letters import unpacked
from streams.delivery import Headers, Record
from streams.replay import generation_of, replayed

FIELDS: Final = ("role", "topic", "partition", "offset", "reason", "key")
"""The fields that a condition may name."""
_REQUESTS: Final = (topics.POSTER_REQUESTS, topics.POSTER_REPLAYS)
_PREFIX: Final = "dlq."
_BEGIN: Final = "dlq.topic"
_CLAIMS: Final = ("dlq.claim", "dlq.claimed")
_LARGEST: Final = {"partition": 2**31 - 1, "offset": 2**63 - 1, "timestamp": 2**63 - 1}

Identity = tuple[str, str, int, int, int]
Conditions = Sequence[tuple[str, str]]
"""Pairs of a field's name and the value that it must have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A record that a role made a dead letter: its origin, the reason, and its original key, value and headers.

    `claim` is the object key of the value where it was too large for the topic, or of the whole record where `claimed`
    says so; `timestamp` is in milliseconds.
    """

    role: str
    topic: str
    partition: int
    offset: int
    timestamp: int
    reason: str
    error: str
    time: str
    claim: str | None
    claimed: str | None
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def identity(self) -> Identity:
        """What redelivered copies of one record share."""
        return self.role, self.topic, self.partition, self.offset, self.timestamp

    @property
    def job_id(self) -> str | None:
        """The job that the record requested: what it says itself, or else its key, which is the sender's choice."""
        if self.topic not in _REQUESTS:
            return None
        key = (self.key or b"").decode("utf-8", "replace")
        return named_job(self.value) or (key if re.fullmatch(JOB_ID, key) else None)

    @property
    def indexes(self) -> range:
        """The posters that the record requested; of one that cannot be decoded the first, which has its outcome."""
        try:
            request = decode(self.value, PosterRequested, BatchRequested)
        except ContractError:
            return range(1)
        return indexes_of(cast("PosterRequested | BatchRequested", request))

    def text(self, name: str) -> str:
        """Return a field as conditions compare it."""
        value = getattr(self, name)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def read(settings: Settings, conditions: Iterable[tuple[str, str]]) -> list[DeadLetter]:
    """Return the dead letters that meet every condition, oldest first, without copies. Raises UnavailableError."""
    conditions = list(conditions)
    found: dict[Identity, DeadLetter] = {}
    with KafkaClient(settings).reader(topics.DEAD_LETTERS, from_beginning=True) as records:
        for message in records.until_end():
            letter = parse(message.key(), message.value(), headers_of(message))
            if letter is not None and all(letter.text(name) == value for name, value in conditions):
                found.setdefault(letter.identity, letter)
    return list(found.values())


def parse(key: bytes | None, value: bytes | None, headers: Headers) -> DeadLetter | None:
    """Return the dead letter that a record of the topic is, or None where its origin is missing."""
    # Our headers come last: the original record may be a replayed dead letter, and a claim of its own is none of ours.
    begin = max((index for index, (name, _) in enumerate(headers) if name == _BEGIN), default=0)
    ours = {
        name.removeprefix(_PREFIX): value.decode("utf-8", "replace").replace("\0", "\ufffd")
        for index, (name, value) in enumerate(headers)
        if name.startswith(_PREFIX) and value is not None and (index >= begin or name not in _CLAIMS)
    }
    try:
        numbers = {name: int(ours[name]) for name in _LARGEST}
        texts = {name: ours[name] for name in ("role", "topic", "reason", "error", "time")}
    except (KeyError, ValueError):
        return None
    if not all(-_LARGEST[name] - 1 <= number <= _LARGEST[name] for name, number in numbers.items()):
        return None
    original = tuple((name, content) for name, content in headers if not name.startswith(_PREFIX))
    claims = {name: ours.get(name) for name in ("claim", "claimed")}
    return DeadLetter(**numbers, **texts, **claims, key=key, value=value, headers=original)  # type: ignore[arg-type]


def with_claim(letter: DeadLetter, content: bytes) -> DeadLetter:
    """Return the letter with the content of its claim."""
    if letter.claimed != "record":
        return replace(letter, value=content)
    key, value, headers = unpacked(content)
    return replace(letter, key=key, value=value, headers=headers)


async def fetch_claim(settings: Settings, letter: DeadLetter) -> DeadLetter:
    """Return the letter complete, from storage where it has a claim.

    Raises UnavailableError, and OperationError where the claimed object is missing.
    """
    if letter.claim is None:
        return letter
    claims = StoredClaims(lambda: object_store(settings.storage_url))
    try:
        return with_claim(letter, await claims.fetch(letter.claim))
    except StorageRefusedError as error:
        raise OperationError(f"the claimed value of this dead letter is not in storage: {error}") from error
    finally:
        await claims.close()


def replay_record(letter: DeadLetter, recorded_generation: int, replay_topic: str = topics.POSTER_REQUESTS) -> Record:
    """Return the record that sends a dead letter back to its topic, in a new generation; a request to `replay_topic`.

    `recorded_generation` is the highest that is recorded of its posters, -1 for none. A request carries its generation
    in a header, so that its bytes stay unchanged: the one after the recorded one, because no other counts. A pinned
    poster carries it in its value.
    """
    value, generation = letter.value, max(generation_of(letter.headers), recorded_generation) + 1
    topic = letter.topic
    if topic in _REQUESTS:
        topic, generation = replay_topic, max(recorded_generation, 0) + 1
    elif value is not None and topic != topics.TEMPLATE_COMMANDS:
        value = _with_next_generation(value)
    headers = replayed(letter.headers, generation, "/".join(str(part) for part in letter.identity[1:4]))
    return Record(topic=topic, key=letter.key, value=value, headers=headers)


def _with_next_generation(value: bytes) -> bytes:
    try:
        body = orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
    if not isinstance(body, dict) or body.get("type") != "poster.pinned" or not isinstance(body.get("generation"), int):
        return value
    return orjson.dumps({**body, "generation": body["generation"] + 1})
