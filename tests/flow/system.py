"""The whole system on real servers, for end-to-end tests: topics, tables, objects and a worker process."""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast
from uuid import uuid4

import boto3
import orjson
import psycopg
from confluent_kafka import Consumer, Producer, TopicPartition

from posters.operations.kafka_client import headers_of
from schemas import topics
from schemas.codec import decode, encode
from schemas.envelope import Envelope, new_job_id
from schemas.outcomes import PosterOutcome
from schemas.requests import PosterRequested
from schemas.templates import TemplateUpload, TemplateUploaded
from streams.delivery import Record
from streams.topics import EDGES, Role

TIMEOUT_SECONDS = 120.0
T = TypeVar("T")
REPOSITORY = Path(__file__).parents[2]


def new_job() -> str:
    """Return a fresh job id."""
    return new_job_id(datetime.now(UTC), os.urandom(10))


def stamp() -> dict[str, Any]:
    """Return the envelope fields of a new event."""
    return {"event_id": uuid4(), "occurred_at": datetime.now(UTC), "source": "tests"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicRecord:
    """A record read from a topic."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]

    @property
    def body(self) -> Any:
        """The decoded JSON value."""
        return orjson.loads(self.value or b"null")


@dataclass(slots=True)
class System:
    """Broker, database and storage, and the worker process if one was started."""

    brokers: str
    database_url: str
    environment: dict[str, str]
    log: Path
    worker: subprocess.Popen[bytes] | None = None
    _producer: Producer = field(init=False)

    def __post_init__(self) -> None:
        self._producer = Producer(
            {"bootstrap.servers": self.brokers, "linger.ms": 0, "message.max.bytes": 8 * 1024**2, "log_level": 0}
        )

    def start_worker(self, roles: Sequence[str] = (), **settings: str) -> None:
        """Start a worker process unless one is running, and return before it is ready."""
        if self.worker is not None and self.worker.poll() is None:
            return
        command = [sys.executable, "-m", "posters", "worker", *roles]
        environment = {**os.environ, **self.environment, **settings}
        with self.log.open("ab") as log:
            self.worker = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=log, stderr=log)

    def stop_worker(self) -> int:
        """Stop the worker with SIGTERM and return its exit code."""
        assert self.worker is not None
        self.worker.terminate()
        return self.worker.wait(TIMEOUT_SECONDS)

    def kill_worker(self) -> None:
        """Kill the worker with SIGKILL."""
        assert self.worker is not None
        self.worker.kill()
        self.worker.wait()

    def command(self, *arguments: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
        """Run a `posters` command and return its exit code and output; `stdout` may be a file descriptor."""
        return subprocess.run(
            [sys.executable, "-m", "posters", *arguments],
            cwd=REPOSITORY,
            env={**os.environ, **self.environment},
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS * 2,
        )

    def send(self, topic: str, key: str | bytes | None, value: Envelope | bytes | None) -> None:
        """Produce one record. Raises AssertionError where the broker did not acknowledge it."""
        body = encode(value) if isinstance(value, Envelope) else value
        refused: list[Any] = []
        self._producer.produce(
            topic, key=key, value=body, on_delivery=lambda error, _: refused.append(error) if error else None
        )
        assert self._producer.flush(10) == 0
        assert not refused, f"the broker did not acknowledge the record: {refused[0]}"

    def send_all(self, topic: str, values: Mapping[str, Envelope]) -> None:
        """Produce a record for each key, faster than one by one."""
        for key, value in values.items():
            self._producer.produce(topic, key=key, value=encode(value))
            self._producer.poll(0)
        assert self._producer.flush(60) == 0

    def produce(self, record: Record) -> None:
        """Produce one record with its headers."""
        self._producer.produce(record.topic, key=record.key, value=record.value, headers=list(record.headers))
        assert self._producer.flush(10) == 0

    def upload(self, html: str, *, section: str | None = None, **fields: Any) -> TemplateUploaded:
        """Upload an active template, by default in a new section, and return the answer."""
        section = section or f"s{uuid4().hex[:12]}"
        command = TemplateUpload(
            **stamp(), section=section, name=section, html_content=html, **{"set_as_active": True, **fields}
        )
        return decode(self.answer(command).value, TemplateUploaded)

    def answer(self, command: Any) -> TopicRecord:
        """Send a template command and return the record of its answer."""
        self.send(topics.TEMPLATE_COMMANDS, command.section, command)
        identity = str(command.event_id)
        return self.wait(topics.TEMPLATE_EVENTS, lambda record: record.body["command_id"] == identity)

    def request(self, template: str, data: Mapping[str, Any], **fields: Any) -> str:
        """Request one poster and return its job id."""
        job_id = fields.pop("job_id", None) or new_job()
        event = PosterRequested(**stamp(), job_id=job_id, template_id=template, custom_data=dict(data), **fields)
        self.send(topics.POSTER_REQUESTS, job_id, event)
        return job_id

    def outcome(self, job_id: str, index: int = 0) -> PosterOutcome:
        """Return the first outcome of a poster."""

        def matches(record: TopicRecord) -> bool:
            return record.key == job_id.encode() and record.body["poster_index"] == index

        return decode(self.wait(topics.POSTER_COMPLETIONS, matches).value, PosterOutcome)

    def stored(self, key: str) -> dict[str, Any]:
        """Return a stored object with its metadata and its `Body` as bytes. Raises botocore's NoSuchKey."""
        bucket = self.environment["POSTERS_STORAGE_URL"].removeprefix("s3://")
        client = boto3.client(
            "s3",
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            region_name=self.environment["AWS_REGION"],
        )
        found = client.get_object(Bucket=bucket, Key=key)
        return {**found, "Body": found["Body"].read()}

    def wait(self, topic: str, matches: Callable[[TopicRecord], bool]) -> TopicRecord:
        """Return the first record of a topic that matches, waiting for it if necessary."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        for record in self.follow(topic):
            if record is not None and matches(record):
                return record
            if time.monotonic() > deadline:
                break
            self._check_worker()
        raise AssertionError(f"no such record on {topic}; the end of the worker's log:\n{self.log_tail()}")

    def all(self, topic: str) -> list[TopicRecord]:
        """Return every record up to the current end of a topic."""
        found = []
        for record in self.follow(topic):
            if record is None:
                break
            found.append(record)
        return found

    def follow(self, topic: str) -> Iterator[TopicRecord | None]:
        """Yield the records of a topic from its beginning, and None whenever its end is reached."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.brokers,
                "group.id": uuid4().hex,
                "enable.auto.commit": False,
                "enable.partition.eof": False,
                "fetch.wait.max.ms": 20,
            }
        )
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        ends = sum(consumer.get_watermark_offsets(TopicPartition(topic, number))[1] for number in partitions)
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        read = 0
        try:
            while True:
                message = consumer.poll(0.2)
                if message is not None and message.error() is None:
                    read += 1
                    headers = cast("list[tuple[str, bytes]]", list(headers_of(message)))
                    yield TopicRecord(key=message.key(), value=message.value(), headers=headers)
                elif read >= ends:
                    yield None
        finally:
            consumer.close()

    def sink_is_idle(self) -> bool:
        """Whether the sink has committed everything that is on its topics now."""
        return self.is_idle("sink")

    def is_idle(self, role: Role) -> bool:
        """Whether the role has committed everything that is on its topics now."""
        consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": role, "enable.auto.commit": False})
        known = consumer.list_topics(timeout=10).topics
        positions = [TopicPartition(name, number) for name in EDGES[role].consumes for number in known[name].partitions]
        ends = {
            (position.topic, position.partition): consumer.get_watermark_offsets(position, timeout=10)[1]
            for position in positions
        }
        committed = consumer.committed(positions, timeout=10)
        consumer.close()
        return all(max(position.offset, 0) >= ends[position.topic, position.partition] for position in committed)

    def status(self, path: str) -> tuple[int, str]:
        """Return status code and body of a path of the worker's status server."""
        address = self.environment["POSTERS_STATUS_ADDRESS"]
        connection = http.client.HTTPConnection(address, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        with psycopg.connect(self.database_url, row_factory=psycopg.rows.dict_row) as connection:
            return connection.execute(query, arguments).fetchall()

    def eventually(self, probe: Callable[[], T | None]) -> T:
        """Call `probe` until it returns something true, and return that."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        for _ in self.follow(topics.POSTER_LOGS):
            found = probe()
            if found:
                return found
            if time.monotonic() > deadline:
                break
            self._check_worker()
        raise AssertionError(f"the condition was never met; the end of the worker's log:\n{self.log_tail()}")

    def process_marker(self) -> tuple[int, str]:
        """Return what identifies the worker process: its id, and the start time that it reports itself."""
        assert self.worker is not None
        _, metrics = self.status("/metrics")
        started = next(line for line in metrics.splitlines() if line.startswith("process_start_time_seconds "))
        return self.worker.pid, started.partition(" ")[2]

    def log_tail(self) -> str:
        """Return the end of the worker's log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-4000:] if self.log.exists() else ""

    def _check_worker(self) -> None:
        if self.worker is not None and self.worker.poll() not in (None, 0, -9, -15):
            raise AssertionError(f"the worker ended with {self.worker.returncode}:\n{self.log_tail()}")
