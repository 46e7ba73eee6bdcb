"""Replays: records that an operator sends again, and the generation of the posters they request."""

from collections.abc import Iterable
from typing import Final

from streams.delivery import Delivery, Headers

GENERATION: Final = "replay.generation"
ORIGIN: Final = "replay.of"
LARGEST_GENERATION: Final = 2**31 - 1


def replay_generation(delivery: Delivery) -> int:
    """Return the generation that a request asks for; 0 unless it is a replay."""
    return generation_of(delivery.headers)


def generation_of(headers: Iterable[tuple[str, bytes | None]]) -> int:
    """Return the generation that headers ask for, 0 where they have none that is valid."""
    for name, value in headers:
        if name == GENERATION and value and value.isdigit() and len(value) <= 10:
            return min(int(value), LARGEST_GENERATION)
    return 0


def replayed(headers: Headers, generation: int, origin: str) -> Headers:
    """Return the headers of a replay: the original ones, its generation and its origin."""
    original = tuple((name, value) for name, value in headers if name not in (GENERATION, ORIGIN))
    return (*original, (GENERATION, str(generation).encode()), (ORIGIN, origin.encode()))
