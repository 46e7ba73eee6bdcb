"""A running system on real Kafka, PostgreSQL and S3 servers, one process per role, and a client of it."""

import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import msgspec
import orjson
import psutil
import psycopg
from confluent_kafka import Consumer, Producer, TopicPartition

from agents.settings import Settings, read_settings
from bench.baselines.documents import DEADLINE_SECONDS, as_template, number
from bench.report.figures import rate
from posters.operations.setup import set_up
from posters.operations.templates import TemplateClient
from schemas import topics
from schemas.codec import encode
from schemas.envelope import new_job_id
from schemas.limits import BATCH_MAX_POSTERS
from schemas.requests import BatchRequested, PosterRequested
from schemas.templates import TemplateUpload
from streams.topics import ROLES
from tests.parts import KafkaServer, ObjectServer, PostgresServer

REPOSITORY: Final = Path(__file__).parents[1]
TIMEOUT_SECONDS: Final = 900.0
STOP_SECONDS: Final = 60.0
OPEN_POSTERS: Final = "SELECT count(*) FROM template_poster_results WHERE status IN ('queued', 'processing')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Posters a second: between completions, by the broker's times; as a `whole` from sending to the last received."""

    between: float
    whole: float


@dataclass
class Site:
    """A running system, and a client that requests posters."""

    settings: Settings
    environment: Mapping[str, str]
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def start(self, name: str, roles: Sequence[str] | None = None, *, module: str = "posters", **more: str) -> None:
        """Start a worker under a name of ours; it has the role of that name, or those given (none: all of them)."""
        command = [sys.executable, "-m", module, "worker", *([name] if roles is None else roles)]
        environment = {**os.environ, **self.environment, **more}
        self.processes[name] = subprocess.Popen(command, cwd=REPOSITORY, env=environment)

    def stop(self, *names: str) -> None:
        """End workers and wait for them."""
        stopped = [self.processes.pop(name) for name in names]
        for process in stopped:
            process.terminate()
        for process in stopped:
            process.wait(STOP_SECONDS)

    def close(self) -> None:
        """End every worker."""
        self.stop(*self.processes)

    def process(self, name: str) -> psutil.Process:
        """Return a worker's process."""
        return psutil.Process(self.processes[name].pid)

    def upload(self, html: str) -> str:
        """Upload a document as a template and return what `<section>_latest` it is."""
        return self.upload_template(as_template(html))

    def upload_template(self, html: str) -> str:
        """Upload a template and return what `<section>_latest` it is."""
        section = f"b{uuid4().hex[:8]}"
        TemplateClient(self.settings, TIMEOUT_SECONDS).execute(
            TemplateUpload, section=section, name=section, html_content=html, set_as_active=True
        )
        return f"{section}_latest"

    def restart(self, roles: Sequence[str]) -> None:
        """End every worker and start these roles, each in a process of its own."""
        self.close()
        for role in roles:
            self.start(role)

    def backlog(self, template: str, count: int, sources: Sequence[str | None] = (None,)) -> Backlog:
        """Ask for `count` posters at once, of these sources in turns, and return how many a second were completed."""
        with self.completions() as completions:
            began = time.perf_counter()
            wanted = self.ask([template] * count, sources)
            moments = [moment for _, moment in self.all_of(wanted, completions)]
            return Backlog(between=rate(moments), whole=count / (time.perf_counter() - began))

    def times_ms(self, template: str, count: int) -> list[float]:
        """Ask for posters one at a time and return the time from asking to the completion received."""
        times = []
        with self.completions() as completions:
            for _ in range(count):
                began = time.perf_counter()
                wanted = self.ask([template])
                next(self.all_of(wanted, completions))
                times.append((time.perf_counter() - began) * 1000)
        return times

    def ask(self, templates: Sequence[str], sources: Sequence[str | None] = (None,)) -> set[str]:
        """Send a request with a number of its own for each and return their job ids."""
        return self.ask_with(((template, {"number": number()}) for template in templates), sources)

    def ask_with(
        self, posters: Iterable[tuple[str, Mapping[str, Any]]], sources: Sequence[str | None] = (None,)
    ) -> set[str]:
        """Send a request for each template with its data, of these sources in turns, and return their job ids."""
        jobs = set()
        for (template, data), source in zip(posters, itertools.cycle(sources)):
            job = new_job_id(datetime.now(UTC), os.urandom(10))
            request = PosterRequested(
                event_id=uuid4(),
                occurred_at=datetime.now(UTC),
                job_id=job,
                template_id=template,
                source=source,
                custom_data=dict(data),
            )
            self.producer.produce(topics.POSTER_REQUESTS, key=job, value=encode(request))
            self.producer.poll(0)
            jobs.add(job)
        self.producer.flush(30)
        return jobs

    def ask_batches(self, template: str, posters: int) -> None:
        """Send requests for `posters` posters, each with data of its own, in the largest batches there are."""
        for first in range(0, posters, BATCH_MAX_POSTERS):
            size = min(BATCH_MAX_POSTERS, posters - first)
            request = BatchRequested(
                event_id=uuid4(),
                occurred_at=datetime.now(UTC),
                job_id=new_job_id(datetime.now(UTC), os.urandom(10)),
                template_id=template,
                posters=[msgspec.Raw(orjson.dumps({"custom_data": {"number": number()}})) for _ in range(size)],
            )
            self.producer.produce(topics.POSTER_REQUESTS, key=request.job_id, value=encode(request))
            self.producer.poll(0)
        self.producer.flush(30)

    def wait_until_done(self) -> None:
        """Wait until the outcome of every poster is recorded."""
        until = time.monotonic() + TIMEOUT_SECONDS
        with psycopg.connect(self.settings.database_url, autocommit=True) as connection:
            while (connection.execute(OPEN_POSTERS).fetchone() or (0,))[0]:
                if time.monotonic() > until:
                    raise TimeoutError(f"posters are still open after {TIMEOUT_SECONDS:g} s")
                time.sleep(0.05)

    @cached_property
    def producer(self) -> Producer:
        """The producer of requests; it stays connected, as that of a site does."""
        return Producer({"bootstrap.servers": self.settings.brokers, "linger.ms": 0, "log_level": 0})

    @contextmanager
    def completions(self) -> Iterator[Iterator[tuple[str, float]]]:
        """Give the job ids of completed posters from now on, with the broker's time of each in seconds."""
        with self.records(topics.POSTER_COMPLETIONS) as records:
            yield ((_completed(value), moment) for value, moment in records)

    @staticmethod
    def all_of(wanted: set[str], completions: Iterator[tuple[str, float]]) -> Iterator[tuple[str, float]]:
        """Yield the first completion of each job, until all have theirs."""
        open_jobs = set(wanted)
        for job, moment in completions:
            if job in open_jobs:
                open_jobs.discard(job)
                yield job, moment
            if not open_jobs:
                return

    @contextmanager
    def records(self, topic: str, *, so_far: bool = False) -> Iterator[Iterator[tuple[bytes, float]]]:
        """Give the values of a topic, with the broker's time of each in seconds: from now on, or all `so_far`."""
        configuration: dict[str, Any] = {
            "bootstrap.servers": self.settings.brokers,
            "group.id": uuid4().hex,
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 50,
        }
        consumer = Consumer(configuration)
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        ends = {each: consumer.get_watermark_offsets(TopicPartition(topic, each))[1] for each in partitions}
        consumer.assign([TopicPartition(topic, each, 0 if so_far else end) for each, end in ends.items()])
        try:
            values = _values(consumer)
            yield islice(values, sum(ends.values())) if so_far else values
        finally:
            consumer.close()


def _completed(value: bytes) -> str:
    event = orjson.loads(value)
    if event["type"] != "poster.completed":
        raise RuntimeError(f"a poster of the benchmark was not completed: {event['error'] or event['type']}")
    return str(event["job_id"])


def _values(consumer: Consumer) -> Iterator[tuple[bytes, float]]:
    until = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < until:
        message = consumer.poll(0.5)
        if message is not None and message.error() is None:
            yield message.value() or b"", message.timestamp()[1] / 1000
    raise TimeoutError(f"the system did not answer within {TIMEOUT_SECONDS:g} s")


@asynccontextmanager
async def running_site(roles: Sequence[str] = ROLES) -> AsyncIterator[Site]:
    """Give a system with each of these roles in a process of its own; its database makes every commit durable."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)))
        kafka = stack.enter_context(KafkaServer(directory / "kafka"))
        postgres = stack.enter_context(PostgresServer(directory / "postgres", settings={}))
        bucket = stack.enter_context(ObjectServer(directory / "objects")).bucket()
        environment = {
            **bucket.environment,
            "POSTERS_BROKERS": kafka.address,
            "POSTERS_DATABASE_URL": postgres.url(),
            "POSTERS_STORAGE_URL": bucket.storage_url,
            "POSTERS_RENDER_TIMEOUT": f"{DEADLINE_SECONDS:g}",
            "POSTERS_LOG_LEVEL": "error",
        }
        settings = read_settings(environment)
        os.environ.update(bucket.environment)
        async for _ in set_up(settings):
            pass
        site = Site(settings, environment)
        stack.callback(site.close)
        for role in roles:
            site.start(role)
        yield site
