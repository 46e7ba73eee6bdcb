"""The whole system against bare Chromium: Kafka, PostgreSQL, an S3 server and every role on the same cores."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
from confluent_kafka import Consumer, Producer, TopicPartition

from posters.commands.setup import set_up
from posters.template_client import TemplateClient
from schemas import topics
from schemas.codec import encode
from schemas.envelope import new_job_id
from schemas.requests import PosterRequested
from schemas.templates import TemplateUpload
from streams.settings import Settings, read_settings
from streams.topics import ROLES
from tests.parts import KafkaServer, ObjectServer, PostgresServer

REPOSITORY = Path(__file__).parents[1]
PATIENCE_SECONDS = 300.0
COUNT = "SELECT count(*) FROM template_poster_results"


@dataclass(slots=True)
class Site:
    """A running system, and what asks it for posters."""

    settings: Settings
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, role: str) -> None:
        """Start a process for one role."""
        command = [sys.executable, "-m", "posters", "worker", role]
        environment = {**os.environ, **self.environment}
        self.processes[role] = subprocess.Popen(command, cwd=REPOSITORY, env=environment)

    def stop(self, role: str) -> None:
        """End a role's process."""
        process = self.processes.pop(role)
        process.terminate()
        process.wait(60)

    def memory_mib(self, role: str) -> float:
        """Return the resident memory of a role's Python process."""
        lines = Path(f"/proc/{self.processes[role].pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

    def upload(self, html: str) -> str:
        """Upload a template and return what `<section>_latest` it is."""
        section = f"b{uuid4().hex[:8]}"
        TemplateClient(self.settings, 60).order(
            TemplateUpload, section=section, name=section, html_content=html, set_as_active=True
        )
        return f"{section}_latest"

    def backlog(self, template: str, count: int) -> float:
        """Ask for `count` posters at once and return how many a second were completed, by the broker's times."""
        with self.completions() as completions:
            wanted = self.ask(template, count)
            moments = []
            for job, moment in completions:
                if job in wanted:
                    wanted.discard(job)
                    moments.append(moment)
                if not wanted:
                    break
        return (count - 1) / (max(moments) - min(moments))

    def latencies_ms(self, template: str, count: int) -> list[float]:
        """Ask for posters one at a time and return the time from asking to the completion received, sorted."""
        times = []
        with self.completions() as completions:
            for _ in range(count):
                began = time.perf_counter()
                wanted = self.ask(template, 1)
                next(job for job, _ in completions if job in wanted)
                times.append((time.perf_counter() - began) * 1000)
        return sorted(times)

    def ask(self, template: str, count: int) -> set[str]:
        """Send requests with data of their own and return their job ids."""
        producer = Producer({"bootstrap.servers": self.settings.brokers, "linger.ms": 0})
        jobs = set()
        for _ in range(count):
            job = new_job_id(datetime.now(UTC), os.urandom(10))
            request = PosterRequested(
                event_id=uuid4(),
                occurred_at=datetime.now(UTC),
                job_id=job,
                template_id=template,
                custom_data={"number": uuid4().hex[:6]},
            )
            producer.produce(topics.POSTER_REQUESTS, key=job, value=encode(request))
            producer.poll(0)
            jobs.add(job)
        producer.flush(30)
        return jobs

    @contextmanager
    def completions(self) -> Iterator[Iterator[tuple[str, float]]]:
        """Give the job ids of completions from now on, with the broker's time of each in seconds."""
        with self.records(topics.POSTER_COMPLETIONS) as records:
            yield ((orjson.loads(value)["job_id"], moment) for value, moment in records)

    @contextmanager
    def records(self, topic: str) -> Iterator[Iterator[tuple[bytes, float]]]:
        """Give the values of a topic from now on, with the broker's time of each in seconds."""
        configuration: dict[str, Any] = {
            "bootstrap.servers": self.settings.brokers,
            "group.id": uuid4().hex,
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 50,
        }
        consumer = Consumer(configuration)
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        ends = {number: consumer.get_watermark_offsets(TopicPartition(topic, number))[1] for number in partitions}
        consumer.assign([TopicPartition(topic, number, end) for number, end in ends.items()])
        try:
            yield _values(consumer)
        finally:
            consumer.close()


def _values(consumer: Consumer) -> Iterator[tuple[bytes, float]]:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        message = consumer.poll(0.5)
        if message is not None and message.error() is None:
            yield message.value(), message.timestamp()[1] / 1000
    raise TimeoutError(f"the system did not answer within {PATIENCE_SECONDS:g} s")


@asynccontextmanager
async def running_site() -> AsyncIterator[Site]:
    """Give a system with every role in a process of its own, on real parts in a temporary directory."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)))
        kafka = stack.enter_context(KafkaServer(directory / "kafka"))
        postgres = stack.enter_context(PostgresServer(directory / "postgres"))
        bucket = stack.enter_context(ObjectServer(directory / "objects")).bucket()
        environment = {
            **bucket.environment,
            "POSTERS_BROKERS": kafka.address,
            "POSTERS_DATABASE_URL": postgres.url(),
            "POSTERS_STORAGE_URL": bucket.storage_url,
            "POSTERS_LOG_LEVEL": "error",
        }
        os.environ.update(bucket.environment)
        settings = read_settings(environment)
        await set_up(settings)
        site = Site(settings, environment)
        stack.callback(lambda: [site.stop(role) for role in list(site.processes)])
        for role in ROLES:
            site.start(role)
        yield site


async def sink_rate(site: Site, count: int) -> float:
    """Start the sink before `count` posters it has not seen, and return how many rows a second it writes."""
    connection = await asyncpg.connect(site.settings.database_url)
    before = first = await connection.fetchval(COUNT)
    site.start("sink")
    began = time.perf_counter()
    try:
        while (now := await connection.fetchval(COUNT)) < before + count:
            if first == before:
                first, began = now, time.perf_counter()
        return float((now - first) / (time.perf_counter() - began))
    finally:
        await connection.close()


def median(values: list[float]) -> float:
    """Return the median."""
    return statistics.median(values)
