"""The log stays readable while the broker is away."""

import logging

from streams.rate_limit_filter import EVERY_SECONDS, Seldom


def record(name: str, message: str, *arguments: object) -> logging.LogRecord:
    """Return what a logger would hand to a filter."""
    return logging.LogRecord(name, logging.ERROR, __file__, 1, message, arguments, None)


def test_what_a_client_repeats_is_written_seldom_and_counted() -> None:
    """Of a hundred equal lines one is written, and the next one says how many were left out."""
    now = [0.0]
    seldom = Seldom(lambda: now[0])
    written = [seldom.filter(record("aiokafka.client", "no node %s: %s", 1, "refused")) for _ in range(100)]
    now[0] += EVERY_SECONDS
    later = record("aiokafka.client", "no node %s: %s", 1, "refused")

    assert written.count(True) == 1
    assert seldom.filter(later)
    assert later.getMessage() == "no node 1: refused (99 more like it before)"


def test_nothing_else_is_left_out() -> None:
    """Another message, another node and every line of ours are written."""
    seldom = Seldom(lambda: 0.0)
    lines = [
        record("aiokafka.client", "no node %s", 1),
        record("aiokafka.client", "no node %s", 2),
        record("aiokafka.client", "no topic %s", 1),
        record("agents.render", "no node %s", 1),
        record("agents.render", "no node %s", 1),
    ]

    assert all(seldom.filter(line) for line in lines)
