"""Whose turn it is in intake."""

from agents.fair_queue import QUANTUM, FairQueue
from streams.delivery import Delivery
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


def named(offset: int, source: str) -> Delivery:
    """Return a record of a source."""
    return delivery(offset, value=b'{"source": "%s"}' % source.encode())


def test_a_source_has_one_round_at_a_time() -> None:
    """Its next records wait until its round has ended; those of another source do not."""
    queue = FairQueue()
    for offset in range(40):
        queue.append(named(offset, "many"))
    (first,) = queue.begin_rounds([queue.popleft() for _ in range(20)])
    while_alone = len(queue)
    queue.append(named(40, "few"))
    available = len(queue)
    (second,) = queue.begin_rounds([queue.popleft()])
    queue.end_round(first)

    assert [each.offset for each in first.deliveries] == list(range(20))
    assert (while_alone, available) == (0, 1)
    assert [each.offset for each in second.deliveries] == [40]
    assert (first.is_small, second.is_small) == (False, True)
    assert len(queue) == 20
    assert queue.popleft().offset == 20


def test_sources_with_few_records_do_not_wait_for_one_with_many() -> None:
    """What is taken at once is divided: few records of several sources together, many of one on their own."""
    queue = FairQueue()
    for offset in range(60):
        queue.append(named(offset, "many"))
    queue.append(named(60, "few"))
    queue.append(named(61, "other"))

    small, large = queue.begin_rounds([queue.popleft() for _ in range(40)])

    assert sorted(each.offset for each in small.deliveries) == [60, 61]
    assert set(small.sources) == {"few", "other"}
    assert len(large.deliveries) == 38


def test_a_record_out_of_its_turn_ends_no_round_of_another_source() -> None:
    """A probe belongs to its source: neither records without a source nor an earlier round of its own go on early."""
    queue = FairQueue()
    for offset, value in enumerate([b"{}", b"{}", b'{"source": "shop"}', b'{"source": "shop"}', b'{"source": "shop"}']):
        queue.append(delivery(offset, value=value))
    rounds = queue.begin_rounds([queue.popleft()])
    rounds += queue.begin_rounds([queue.popleft()])
    probe = next(each for each in queue if b"shop" in (each.value or b""))
    queue.remove(probe)
    (of_the_probe,) = queue.begin_rounds([probe])
    queue.end_round(of_the_probe)
    while_both_run = len(queue)
    for each in rounds:
        queue.end_round(each)

    assert of_the_probe.sources == {"shop"}
    assert {source for each in rounds for source in each.sources} == {None, "shop"}
    assert while_both_run == 0
    assert len(queue) == 2


def test_a_round_is_small_by_the_size_of_its_records() -> None:
    """One record of a megabyte has a round of its own, and no place among those of a few requests."""
    queue = FairQueue()
    queue.append(named(0, "few"))
    queue.append(delivery(1, value=b'{"source": "large", "x": "%s"}' % (b"x" * 1_000_000)))

    small, large = queue.begin_rounds([queue.popleft() for _ in range(2)])

    assert ([each.offset for each in small.deliveries], small.is_small) == ([0], True)
    assert ([each.offset for each in large.deliveries], large.is_small) == ([1], False)


def test_a_known_source_has_a_queue_beside_thousands_of_others() -> None:
    """It does not wait behind what names that somebody makes up have queued."""
    queue = FairQueue(known={"shop"})
    for offset in range(2_000):
        queue.append(named(offset, f"made up {offset}"))
    queue.append(named(2_000, "shop"))

    assert 2_000 in [queue.popleft().offset for _ in range(600)]
