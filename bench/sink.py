"""How many events a second sinks write, every guard on, to a PostgreSQL whose commits are durable."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from http.client import HTTPConnection
from typing import Final

import psutil
from confluent_kafka import Producer

from bench.counts import Counts
from bench.events import stream
from bench.report.results import SinkRun, Sinks
from bench.sink_alone import alone
from bench.site import Site, running_site
from streams.delivery import Delivery
from tests.parts import free_port

WARM_UP_POSTERS: Final = 500
SAMPLE_SECONDS: Final = 0.25
TIMEOUT_SECONDS: Final = 300.0
STEADY_SHARE: Final = 0.95
COUNTER: Final = b"poster_sink_records_total "


async def measure(counts: Counts) -> Sinks:
    """Measure the role with one process and with two, then the sink without the broker."""
    runs = []
    for processes in (1, 2):
        async with running_site([]) as site:
            runs.append(await asyncio.to_thread(_run, site, processes, counts.events))
    fresh, again = await alone(counts.events)
    return Sinks(events=counts.events * 5, cores=os.cpu_count() or 1, runs=runs, fresh=fresh, again=again)


class Group:
    """Sinks that share the topics."""

    def __init__(self, site: Site, processes: int) -> None:
        self._site = site
        self._ports = {f"sink {number}": free_port() for number in range(processes)}
        for name, port in self._ports.items():
            site.start(name, ["sink"], POSTERS_STATUS_ADDRESS=f"127.0.0.1:{port}")

    def written(self) -> int:
        """Return how many records they have written since their start; 0 of one that does not answer yet."""
        return sum(_counter(port) for port in self._ports.values())

    def signal(self, number: signal.Signals) -> None:
        """Send all of them a signal."""
        for name in self._ports:
            self._site.processes[name].send_signal(number)


def _run(site: Site, processes: int, posters: int) -> SinkRun:
    group = Group(site, processes)
    _produce(site, stream(WARM_UP_POSTERS))
    _, before = _samples(group, 0, WARM_UP_POSTERS * 5)[-1]
    deliveries = stream(posters)
    # They are stopped while their backlog is produced, which would take a core from them.
    group.signal(signal.SIGSTOP)
    try:
        _produce(site, deliveries)
        psutil.cpu_percent()
    finally:
        group.signal(signal.SIGCONT)
    samples = _samples(group, before, before + len(deliveries))
    busy = psutil.cpu_percent() / 100 * (os.cpu_count() or 1)
    return SinkRun(processes=processes, rate=steady_rate(samples), cores_busy=busy)


def steady_rate(samples: Sequence[tuple[float, int]]) -> float:
    """Return records a second from the first sample, of (seconds, records so far), to the last before the end is near.

    At the end one process may be done before the other, and the last sample comes later than the last record.
    """
    (began, before), (ended, total) = samples[0], samples[-1]
    near = before + (total - before) * STEADY_SHARE
    steady = [sample for sample in samples[1:] if sample[1] <= near]
    moment, written = steady[-1] if steady else (ended, total)
    return (written - before) / (moment - began)


def _samples(group: Group, before: int, total: int) -> list[tuple[float, int]]:
    """Sample the counter until `total` records are written; `before` is its value at the beginning."""
    samples = [(time.monotonic(), before)]
    until = samples[0][0] + TIMEOUT_SECONDS
    while samples[-1][1] < total:
        if samples[-1][0] > until:
            raise TimeoutError(f"the sinks wrote {samples[-1][1]} of {total} records in {TIMEOUT_SECONDS:g} s")
        time.sleep(SAMPLE_SECONDS)
        written = group.written()
        samples.append((time.monotonic(), written))
    return samples


def _produce(site: Site, deliveries: Sequence[Delivery]) -> None:
    producer = Producer({"bootstrap.servers": site.settings.brokers, "queue.buffering.max.messages": 1_000_000})
    for delivery in deliveries:
        producer.produce(delivery.topic, key=delivery.key, value=delivery.value)
        producer.poll(0)
    producer.flush(TIMEOUT_SECONDS)


def _counter(port: int) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().splitlines()
    except OSError:
        return 0  # not started yet
    finally:
        connection.close()
    return next((int(float(line.removeprefix(COUNTER))) for line in lines if line.startswith(COUNTER)), 0)
