"""How many posters, rounds, starts and events each part of the benchmark measures."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many of each; the defaults are what the page is made of.

    `posters` of a backlog, `rounds` in turns, `singles` at rest in all rounds together, `starts` of a worker, `long` of
    the long run, `requests` through intake, `events` through the sink (in posters, five events each), `few` of each
    alternative of a choice, `beside` a peer in each round, `workers` at most where they scale, each number of them for
    `window` seconds, `batch` posters beside single ones.
    """

    posters: int = 500
    rounds: int = 3
    singles: int = 150
    starts: int = 5
    long: int = 20_000
    requests: int = 20_000
    events: int = 10_000
    few: int = 60
    beside: int = 200
    workers: int = 16
    window: int = 30
    batch: int = 10_000


TRIAL: Final = Counts(
    posters=12,
    rounds=2,
    singles=4,
    starts=1,
    long=30,
    requests=300,
    events=1_000,
    few=6,
    beside=8,
    workers=2,
    window=3,
    batch=500,
)
"""Enough to see that everything runs; its figures mean nothing."""
