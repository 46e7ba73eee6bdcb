"""The envelope that every event carries, and how its identity is minted."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha1
from typing import Final
from uuid import UUID

from .fields import EventId, Source, Timestamp, Version

_NAMESPACE: Final = UUID("6f2b0d54-3a51-5f0e-9c0f-8f0a5b6c7d10")


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What every event says of itself.

    `event_id` and `occurred_at` are minted once, by whoever states the fact; a redelivery carries them unchanged.
    """

    event_id: EventId
    occurred_at: Timestamp
    version: Version = 1
    source: Source | None = None


def fact_id(*identity: object) -> UUID:
    """Return the event id of the fact that `identity` names: the same fact has the same id, whoever states it.

    UUIDv5 (RFC 9562, section 5.5) of the parts, joined by a character that no part can hold.
    """
    # Not `uuid5` itself, which takes half as long again: every poster costs several of these.
    named = sha1(_NAMESPACE.bytes + "\x1f".join(map(str, identity)).encode(), usedforsecurity=False)
    return UUID(bytes=named.digest()[:16], version=5)


def new_job_id(now: datetime, random_bytes: bytes) -> str:
    """Return `template_gen_` and 32 hex digits of a UUIDv7 (RFC 9562, section 5.7), so that ids sort by time.

    `random_bytes` are 10 random bytes. Raises ValueError where there are fewer.
    """
    if len(random_bytes) < 10:
        raise ValueError(f"a job id takes 10 random bytes, got {len(random_bytes)}")
    milliseconds = int(now.timestamp() * 1000)
    random = int.from_bytes(random_bytes[:10])
    number = (milliseconds << 80) | (0x7 << 76) | ((random >> 68) & 0xFFF) << 64 | (0b10 << 62) | (random & (2**62 - 1))
    return f"template_gen_{number:032x}"
