"""Whose turn it is in intake."""

from agents.fair_queue import QUANTUM, FairQueue
from tests.streams.deliveries import delivery


def test_a_record_on_a_source_s_own_topic_takes_no_turn_of_another_source() -> None:
    """A source that names another one waits behind its own records; the other one is served at once."""
    queue = FairQueue(own_topics={"poster-requests.shop": "shop"})
    for offset in range(int(QUANTUM) * 3):
        queue.append(delivery(offset, topic="poster-requests.shop", value=b'{"source": "bank"}'))
    queue.append(delivery(0, topic="poster-requests", value=b'{"source": "bank"}'))

    taken = [queue.popleft().topic for _ in range(3)]

    assert queue.sources == 1
    assert "poster-requests" in taken
