"""A world in which a role's real inbox runs against a broker in memory, one seeded step after the other.

The broker knows members, generations and committed offsets. A worker commits past everything that was acknowledged, the
most liberal reading of Faust's rule, so that only the inbox keeps unfinished records from being lost.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from streams.delivery import Delivery
from streams.faust_bridge.fetched_offsets import FetchedOffsets
from streams.inbox import Inbox, Partition
from tests.streams.deliveries import EPOCH

TOPIC = "poster-renders"
CAP = 4
POLL_RECORDS = 3
MakeInbox = Callable[[], Inbox]


class ViolationError(AssertionError):
    """A promise was broken; the message says which and with which seed."""


@dataclass
class Broker:
    """Records of some partitions, with gaps in their offsets as compaction leaves them, and what a group committed."""

    log: dict[Partition, list[int]]
    committed: dict[Partition, int]
    generation: int = 0

    def ends(self) -> dict[Partition, int]:
        """Return the offset after the last record of each partition."""
        return {partition: offsets[-1] + 1 for partition, offsets in self.log.items()}


@dataclass(eq=False)
class Worker:
    """One process: the real inbox, its in-flight records, and what it would commit."""

    inbox: Inbox
    generation: int = -1
    positions: dict[Partition, int] = field(default_factory=dict)
    fetched: dict[Partition, FetchedOffsets] = field(default_factory=dict)
    paused: set[Partition] = field(default_factory=set)
    acknowledged: dict[Partition, int] = field(default_factory=dict)
    in_flight: list[Delivery] = field(default_factory=list)
    written: list[Delivery] = field(default_factory=list)
    deferred: list[Delivery] = field(default_factory=list)
    stopping: bool = False

    def pause_partition(self, partition: Partition) -> None:
        """Stop fetching a partition."""
        self.paused.add(partition)

    def resume_partition(self, partition: Partition) -> None:
        """Fetch it again."""
        self.paused.discard(partition)

    def accept(self, partition: Partition, offset: int, after: int | None) -> bool:
        """Return whether a record comes next; seek back where one is missing."""
        is_next = self.fetched.get(partition, FetchedOffsets()).is_next(offset, after)
        if not is_next:
            self.refetch(partition, after)
        return is_next

    def refetch(self, partition: Partition, after: int | None) -> None:
        """Fetch again what comes after an offset."""
        first = self.fetched.get(partition, FetchedOffsets()).next_after(after)
        if partition in self.positions and first is not None:
            self.positions[partition] = first

    def refetch_missing(self) -> None:
        """Seek back where fetched records did not arrive."""
        for partition, fetched in self.fetched.items():
            arrived = self.inbox.last_delivered(partition)
            if fetched.last is not None and (arrived is None or arrived < fetched.last):
                self.refetch(partition, arrived)


class World:
    """Workers and a broker, driven by one random source: the same seed is the same history."""

    def __init__(self, seed: int, make_inbox: MakeInbox = lambda: Inbox([TOPIC], CAP)) -> None:
        self.seed = seed
        self._random = Random(seed)  # noqa: S311 - repeatable on purpose
        self._make_inbox = make_inbox
        partitions = [(TOPIC, number) for number in range(self._random.randint(1, 3))]
        self.broker = Broker(
            log={partition: self._offsets() for partition in partitions}, committed=dict.fromkeys(partitions, 0)
        )
        self.effects: dict[tuple[Partition, int], int] = {}
        self.kills = 0
        self.members: list[Worker] = []
        self.zombies: list[Worker] = []
        self._loses = 0.05
        """Share of fetched records that do not arrive; 0 at the end."""
        for _ in range(self._random.randint(1, 3)):
            self._join()

    def run(self, steps: int) -> None:
        """Take some steps, then let everything come to its end. Raises ViolationError."""
        actions = [self._fetch] * 5 + [self._take] * 5 + [self._write] * 5 + [self._finish] * 4 + [self._commit] * 2
        actions += [
            self._refetch_missing,
            self._defer,
            self._resume_deferred,
            self._requeue,
            self._pause,
            self._rebalance,
            self._crash,
            self._expire,
            self._stop,
        ]
        for _ in range(steps):
            self._random.choice(actions)()
        self._come_to_an_end()

    def violation(self, what: str) -> ViolationError:
        """Return the error that says what was broken, and how to see it again."""
        return ViolationError(f"seed {self.seed}: {what}")

    # What the broker's side does.

    def _offsets(self) -> list[int]:
        offsets, offset = [], 0
        for _ in range(self._random.randint(5, 30)):
            offset += 1 if self._random.random() < 0.85 else self._random.randint(2, 9)
            offsets.append(offset)
        return offsets

    def _join(self) -> None:
        worker = Worker(self._make_inbox())
        worker.inbox.attach(worker)
        self.members.append(worker)
        self._rebalance()

    def _rebalance(self) -> None:
        """Eager: everybody commits, gives everything back, and gets a new share."""
        for worker in self.members:
            if self._random.random() < 0.8:
                self._commit_of(worker)
        self.broker.generation += 1
        for worker in self.members:
            worker.inbox.revoke(list(worker.positions))
            worker.positions.clear()
            worker.fetched.clear()
            worker.acknowledged.clear()
            worker.paused.clear()
            worker.generation = self.broker.generation
        if self.members:
            for partition in self.broker.log:
                owner = self._random.choice(self.members)
                owner.positions[partition] = self.broker.committed[partition]

    def _crash(self) -> None:
        if self._random.random() < 0.3 and self.members:
            self.members.remove(self._random.choice(self.members))
            self.kills += 1
            self._join()

    def _expire(self) -> None:
        """A member that the broker takes for dead, and that does not know it: its commits are refused."""
        if self._random.random() < 0.3 and self.members:
            self.kills += 1
            self.zombies.append(self.members.pop(self._random.randrange(len(self.members))))
            self._join()

    def _stop(self) -> None:
        """TERM: no more records are handed out; once all are finished, the worker commits and leaves."""
        if self._random.random() < 0.2 and self.members:
            worker = self._random.choice(self.members)
            worker.stopping = True
            _begin(worker.inbox.drain(0))

    def _fetch(self) -> None:
        worker = self._somebody()
        if worker is None:
            return
        free = sorted(partition for partition in worker.positions if partition not in worker.paused)
        if free:
            self._deliver(worker, self._random.choice(free), self._random.randint(1, POLL_RECORDS))

    def _deliver(self, worker: Worker, partition: Partition, count: int) -> None:
        """Hand over a fetch even where the partition is paused meanwhile, and lose some of it, as Faust does."""
        position = worker.positions[partition]
        offsets = [each for each in self.broker.log[partition] if each >= position][:count]
        worker.fetched.setdefault(partition, FetchedOffsets()).add(offsets)
        worker.positions[partition] = offsets[-1] + 1 if offsets else position
        for offset in offsets:
            if self._random.random() < self._loses:
                continue
            delivery = Delivery(
                topic=partition[0],
                partition=partition[1],
                offset=offset,
                timestamp=EPOCH,
                key=None,
                value=b'{"source":"%d"}' % (offset % 3),
            )
            worker.inbox.deliver(delivery, self._acknowledgement(worker, partition, offset, worker.generation))
        unacknowledged, _ = worker.inbox.unacknowledged_in(partition)
        if unacknowledged > CAP + POLL_RECORDS:
            raise self.violation(
                f"{unacknowledged} records of {partition} are unacknowledged, {CAP + POLL_RECORDS} are allowed"
            )

    def _acknowledgement(
        self, worker: Worker, partition: Partition, offset: int, generation: int
    ) -> Callable[[], None]:
        def acknowledge() -> None:
            if generation != worker.generation:
                raise self.violation(f"{partition}@{offset} was acknowledged after its assignment had ended")
            worker.acknowledged[partition] = max(offset, worker.acknowledged.get(partition, -1))

        return acknowledge

    def _commit(self) -> None:
        worker = self._somebody()
        if worker is not None:
            self._commit_of(worker)

    def _commit_of(self, worker: Worker) -> None:
        if worker.generation != self.broker.generation:
            return
        for partition, offset in worker.acknowledged.items():
            self._check_nothing_is_lost(partition, offset)
            self.broker.committed[partition] = max(self.broker.committed[partition], offset + 1)

    def _check_nothing_is_lost(self, partition: Partition, offset: int) -> None:
        for each in self.broker.log[partition]:
            if each <= offset and (partition, each) not in self.effects:
                raise self.violation(f"{partition}@{each} is committed up to {offset} and has no effect")

    # What the role does.

    def _refetch_missing(self) -> None:
        worker = self._somebody()
        if worker is not None:
            worker.refetch_missing()

    def _take(self) -> None:
        worker = self._somebody()
        if worker is None or not worker.inbox.queued or worker.stopping or worker.inbox.pause_reasons:
            return
        for delivery in _result(worker.inbox.take(self._random.randint(1, 3))):
            if any(_place(each) == _place(delivery) for each in (*worker.in_flight, *worker.written, *worker.deferred)):
                raise self.violation(f"{_place(delivery)} was handed out while it was in flight")
            worker.in_flight.append(delivery)

    def _write(self) -> None:
        """The effects of some records become durable: a publish, a flush."""
        worker = self._somebody()
        if worker is not None:
            for delivery in self._some(worker.in_flight):
                worker.in_flight.remove(delivery)
                worker.written.append(delivery)
                self.effects[_place(delivery)] = self.effects.get(_place(delivery), 0) + 1

    def _finish(self) -> None:
        worker = self._somebody()
        if worker is not None:
            done = self._some(worker.written)
            for delivery in done:
                worker.written.remove(delivery)
            worker.inbox.finish(done)

    def _defer(self) -> None:
        worker = self._somebody()
        if worker is not None:
            for delivery in self._some(worker.in_flight)[:1]:
                worker.in_flight.remove(delivery)
                worker.deferred.append(delivery)
                worker.inbox.defer(delivery)

    def _resume_deferred(self) -> None:
        worker = self._somebody()
        if worker is not None and worker.deferred:
            delivery = worker.deferred.pop(self._random.randrange(len(worker.deferred)))
            worker.inbox.resume_deferred(delivery)
            worker.in_flight.append(delivery)

    def _requeue(self) -> None:
        """A deferred record has waited long enough: it is handed out once more, if its partition is still here."""
        worker = self._somebody()
        if worker is not None and worker.deferred:
            worker.inbox.requeue(worker.deferred.pop(self._random.randrange(len(worker.deferred))))

    def _pause(self) -> None:
        worker = self._somebody()
        if worker is not None:
            (worker.inbox.resume if worker.inbox.pause_reasons else worker.inbox.pause)("the storage is unavailable")

    def _somebody(self) -> Worker | None:
        everybody = self.members + self.zombies
        return self._random.choice(everybody) if everybody else None

    def _some(self, deliveries: list[Delivery]) -> list[Delivery]:
        return self._random.sample(deliveries, self._random.randint(0, len(deliveries)))

    # The end.

    def _come_to_an_end(self) -> None:
        """No more faults: what is left has to be done, everywhere, in the time it takes."""
        staying = [worker for worker in self.members if not worker.stopping]
        self.zombies.clear()
        self._loses = 0.0
        if staying != self.members or not staying:
            self.members = staying
            self._join()
        for worker in self.members:
            worker.inbox.resume("the storage is unavailable")
        for _ in range(400):
            self._one_round()
            if self.broker.committed == self.broker.ends():
                break
        else:
            raise self.violation(f"committed {self.broker.committed}, the topics end at {self.broker.ends()}")
        self._check_the_end()

    def _one_round(self) -> None:
        for worker in self.members:
            worker.refetch_missing()
            for partition in [each for each in worker.positions if each not in worker.paused]:
                self._deliver(worker, partition, POLL_RECORDS)
            while worker.deferred:
                delivery = worker.deferred.pop()
                worker.inbox.resume_deferred(delivery)
                worker.in_flight.append(delivery)
            while worker.inbox.queued:
                worker.in_flight += _result(worker.inbox.take(10))
            for delivery in worker.in_flight:
                self.effects[_place(delivery)] = self.effects.get(_place(delivery), 0) + 1
            worker.written += worker.in_flight
            worker.in_flight = []
            worker.inbox.finish(worker.written)
            worker.written = []
            self._commit_of(worker)

    def _check_the_end(self) -> None:
        records = {(partition, offset) for partition, offsets in self.broker.log.items() for offset in offsets}
        lost = records - self.effects.keys()
        if lost:
            raise self.violation(f"lost: {sorted(lost)}")
        if any(worker.inbox.unacknowledged or worker.inbox.in_flight for worker in self.members):
            raise self.violation("an inbox is not empty though everything is committed")


def _place(delivery: Delivery) -> tuple[Partition, int]:
    return (delivery.topic, delivery.partition), delivery.offset


def _result(coroutine: object) -> list[Delivery]:
    """Return what a coroutine returns that has no reason to wait but for a turn of the event loop."""
    try:
        while coroutine.send(None) is None:  # type: ignore[attr-defined]
            pass
    except StopIteration as stop:
        result: list[Delivery] = stop.value
        return result
    coroutine.close()  # type: ignore[attr-defined]
    raise AssertionError("records are queued, but `take` waits")


def _begin(coroutine: object) -> None:
    """Run a coroutine up to where it would wait."""
    steps: Iterator[object] = iter(coroutine.__await__())  # type: ignore[attr-defined]
    try:
        next(steps)
    except (StopIteration, RuntimeError):  # a timeout needs a task; what comes before it has been done
        return
