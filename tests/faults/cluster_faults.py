"""What platforms and operators do to a cluster: full disks, short retention, offsets reset, clocks that jump."""

import contextlib
from pathlib import Path
from typing import Final

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import OffsetSpec

from schemas import topics
from streams.topics import EDGES
from tests.faults.world import World
from tests.flow.system import REPOSITORY
from tests.parts import KafkaServer

LOST: Final = 20
KEPT: Final = 20
JUMPS: Final = (600, -600, 86_400, -86_400, 3_600, 0)
"""Seconds."""

# Python runs this at the start of every worker: what the roles take for the time is the file's number of seconds off.
CLOCK: Final = """
import os
from datetime import datetime, timedelta
import posters.roles, streams.faust_bridge.application
class Clock(datetime):
    @classmethod
    def now(cls, tz=None):
        with open(os.environ["CLOCK"]) as file:
            return datetime.now(tz) + timedelta(seconds=int(file.read() or 0))
posters.roles.datetime = streams.faust_bridge.application.datetime = Clock
"""


def full(world: World, times: int) -> list[float]:
    """Under load, the broker's disk is full for some time, which ends the broker: all requests complete afterwards."""
    recoveries = []
    broker = world.kafka
    assert isinstance(broker, KafkaServer)
    with world.load(4), world.no_worker_ends():
        for _ in range(times):
            world.approach(2, 4)
            filler = broker.data.parent / "filler"
            _fill(filler)
            world.wait(world.outage)
            filler.unlink()
            broker.kill()
            broker.start()
            recoveries.append(world.recovered())
    return recoveries


def retention(world: World, times: int) -> list[float]:
    """While no worker runs, the broker deletes requests that nobody has read: those behind them are completed."""
    recoveries = []
    admin = world.kafka.admin()
    for _ in range(times):
        for worker in world.workers:
            worker.term()
        before, poison = set(world.ledger.expected), set(world.ledger.poison)
        for _ in range(LOST):
            world.request()
        lost = set(world.ledger.expected) - before
        world.ledger.expected = {each: what for each, what in world.ledger.expected.items() if each not in lost}
        world.ledger.poison = {key: value for key, value in world.ledger.poison.items() if key in poison}
        partitions = admin.list_topics(topics.POSTER_REQUESTS, timeout=10).topics[topics.POSTER_REQUESTS].partitions
        places = [TopicPartition(topics.POSTER_REQUESTS, number) for number in partitions]
        ends = admin.list_offsets({place: OffsetSpec.latest() for place in places})
        deleted = admin.delete_records(
            [TopicPartition(each.topic, each.partition, end.result().offset) for each, end in ends.items()]
        )
        for answer in deleted.values():
            answer.result()
        for _ in range(KEPT):
            world.request()
        for worker in world.workers:
            worker.start()
        recoveries.append(world.settle())
    return recoveries


def offsets_reset(world: World, times: int) -> list[float]:
    """The workers are stopped and every group's offsets are reset to the beginning: no outcome changes."""
    recoveries = []
    admin = world.kafka.admin()
    with world.load(3):
        for _ in range(times):
            world.approach(3, 6)
            for worker in world.workers:
                worker.term()
            known = admin.list_topics(timeout=10).topics
            for group, edges in EDGES.items():
                places = [
                    TopicPartition(name, number, 0) for name in edges.consumes for number in known[name].partitions
                ]
                altered = admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, places)])
                altered[group].result()
            for worker in world.workers:
                worker.start()
            recoveries.append(world.recovered())
    return recoveries


def clocks(world: World, times: int) -> list[float]:
    """Under load, the clocks from which the workers take the time jump by up to a day, each another way: none ends."""
    world.deadlines = False
    directory = world.system.log.parent
    code = directory / "clocks"
    code.mkdir()
    (code / "sitecustomize.py").write_text(CLOCK)
    files = [directory / f"clock-{number}" for number in range(len(world.workers))]
    for worker, file in zip(world.workers, files, strict=True):
        worker.term()
        file.write_text("0")
        worker.start(PYTHONPATH=f"{code}:{REPOSITORY}", CLOCK=str(file))
    recoveries = []
    with world.load(3), world.no_worker_ends():
        for jump in range(times):
            world.approach(1, 3)
            for number, file in enumerate(files):
                file.write_text(str(JUMPS[(jump + number) % len(JUMPS)]))
            recoveries.append(world.recovered())
    return recoveries


def _fill(file: Path) -> None:
    """Write a file until its disk is full."""
    with file.open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(bytes(2**20))
