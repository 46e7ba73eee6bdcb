"""A running system for fault injection: real servers, worker processes and a steady load."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import psutil
import psycopg
import psycopg.sql
from confluent_kafka.admin import NewTopic

from schemas import topics
from schemas.requests import JobCancelRequested, PosterRequested
from streams.topics import TOPICS, Topic
from tests.faults.builds import THIS_BUILD, Build
from tests.faults.ledger import Expected, Ledger
from tests.faults.proxy import Proxy
from tests.faults.storage_proxy import StorageProxy
from tests.flow.system import System, new_job, stamp
from tests.parts import KafkaCluster, KafkaServer, ObjectServer, PostgresServer
from tests.parts.process import bound_to_us

SESSION_SECONDS = 6
TIMEOUT_SECONDS = 180.0
POLL_SECONDS = 0.2


class StuckError(AssertionError):
    """Liveness is violated: not everything ended in time."""


@dataclass
class Worker:
    """A worker process that can be stopped, killed and started again."""

    name: str
    environment: Mapping[str, str]
    log: Path
    roles: tuple[str, ...] = ()
    build: Build = THIS_BUILD
    process: subprocess.Popen[bytes] | None = None

    def start(self, **more: str) -> None:
        """Start the process, with these settings in addition."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                bound_to_us([*self.build.command, "worker", *self.roles], signal.SIGKILL),
                cwd=self.build.directory,
                env={**self.build.environment(), **self.environment, **more},
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """Kill the process with SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def term(self) -> tuple[int, float]:
        """Stop the process with SIGTERM; return its exit code and how many seconds that took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.terminate()
        code = self.process.wait(60)
        return code, time.monotonic() - began

    def browsers(self) -> list[psutil.Process]:
        """Return the main processes of its browsers."""
        return [process for process, words in self._chromium() if not any("--type=" in word for word in words)]

    def renderers(self) -> list[psutil.Process]:
        """Return the renderer processes of its browsers."""
        return [process for process, words in self._chromium() if "--type=renderer" in words]

    def memory(self) -> float:
        """Return the resident memory of its Python process, in MiB."""
        assert self.process is not None
        return float(psutil.Process(self.process.pid).memory_info().rss) / 2**20

    def _chromium(self) -> Iterator[tuple[psutil.Process, list[str]]]:
        assert self.process is not None
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    if "headless" in child.name() + child.exe():
                        yield child, child.cmdline()

    def logged(self, words: str) -> bool:
        """Whether its log contains these words."""
        return words.encode() in self.log.read_bytes()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None


@dataclass
class World:
    """The running system, with a ledger of all requests."""

    seed: int
    kafka: KafkaServer | KafkaCluster
    postgres: PostgresServer
    objects: ObjectServer
    database_proxy: Proxy
    storage_proxy: StorageProxy
    system: System
    ledger: Ledger
    workers: list[Worker]
    random: Random
    outage: float = 20.0
    """For how many seconds a server is unavailable, in scenarios that last."""
    tables: Path | None = None
    """The directory of the tables, if it is not in the data directory of the server."""
    template: str = ""
    deadlines: bool = True
    """Whether some requests have a deadline that has passed: by the clocks of the workers, which may be wrong."""
    figures: dict[str, float] = field(default_factory=dict)
    """What a scenario measured besides its recoveries."""
    _stop: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Start every worker and make the first poster."""
        for worker in self.workers:
            worker.start()
        self.template = f"{self.system.upload('<p>{{ title }}</p>').section}_latest"
        self.request()
        self.settle()

    def request(self) -> None:
        """Send one request: most complete, some fail, expire or are cancelled, and some are poison messages."""
        job, dice = new_job(), self.random.random()
        if dice > 0.98:
            key, value = f"poison {job}".encode(), b'{"' + uuid4().bytes
            self.ledger.poison[key] = value
            self._send_until_acknowledged(key, value)
            return
        expected: Expected = "completed"
        data: dict[str, Any] = {"title": f"{self.seed} {uuid4().hex}"}
        fields: dict[str, Any] = {}
        if dice < 0.05:
            expected, data = "failed", {}
        elif dice < 0.08 and self.deadlines:
            expected, fields = "failed", {"deadline": datetime.now(UTC) - timedelta(minutes=1)}
        elif dice < 0.11:
            expected = "completed or cancelled"
        self.ledger.expected[job, 0] = expected
        fields |= {"job_id": job, "entity_id": job, "template_id": self.template, "custom_data": data}
        self._send_until_acknowledged(job, PosterRequested(**stamp(), **fields))
        if expected == "completed or cancelled":
            self._send_until_acknowledged(job, JobCancelRequested(**stamp(), job_id=job))

    def _send_until_acknowledged(self, key: str | bytes, value: PosterRequested | JobCancelRequested | bytes) -> None:
        """Send a record until the broker acknowledges it: only then does the guarantee apply."""
        until = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < until:
            with suppress(AssertionError):
                self.system.send(topics.POSTER_REQUESTS, key, value)
                return
        raise StuckError(f"seed {self.seed}: the broker acknowledges nothing for {TIMEOUT_SECONDS:g} s")

    @contextmanager
    def load(self, a_second: float) -> Iterator[None]:
        """Send requests at a steady rate meanwhile."""
        stop = threading.Event()

        def request_steadily() -> None:
            while not stop.wait(1 / a_second):
                self.request()

        thread = threading.Thread(target=request_steadily)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    @contextmanager
    def no_worker_ends(self) -> Iterator[None]:
        """Check that the same worker processes run afterwards. Raises AssertionError."""
        processes = [worker.process for worker in self.workers]
        yield
        assert [worker.process for worker in self.workers] == processes
        assert all(worker.alive for worker in self.workers), f"seed {self.seed}: a worker ended"

    def wait(self, seconds: float) -> None:
        """Wait: a fault has a duration, and comes at a random time."""
        self._stop.wait(seconds)

    def approach(self, least: float, most: float) -> None:
        """Wait for a random time before a fault, and take a snapshot of the committed offsets."""
        self.wait(self.random.uniform(least, most))
        self.ledger.take_snapshot()

    def deadline(self, seconds: float) -> Callable[[], bool]:
        """Return a function that tells whether this many seconds have passed since now."""
        until = time.monotonic() + seconds
        return lambda: time.monotonic() > until

    def expect(self, holds: Callable[[], bool], seconds: float = TIMEOUT_SECONDS) -> None:
        """Wait until the condition holds. Raises StuckError."""
        passed = self.deadline(seconds)
        while not holds():
            if passed():
                raise StuckError(f"seed {self.seed}: the condition did not hold within {seconds:g} s")
            self.wait(POLL_SECONDS)

    def settle(self, seconds: float = TIMEOUT_SECONDS) -> float:
        """Wait until every request has ended; return how many seconds that took. Raises StuckError."""
        began = time.monotonic()
        while not self.ledger.settled():
            if time.monotonic() - began > seconds:
                missing = len(self.ledger.expected) - self.ledger.ended()
                raise StuckError(f"seed {self.seed}: {missing} posters have not ended after {seconds:g} s")
            self.wait(POLL_SECONDS)
        return time.monotonic() - began

    def recovered(self, meanwhile: Callable[[], object] = lambda: None) -> float:
        """Wait for the next recorded outcome and return how many seconds that took. Raises StuckError.

        `meanwhile` is called again and again while it waits.
        """
        began, before, now = time.monotonic(), self._ended_if_reachable(), None
        while before is None or now is None or now <= before:
            if time.monotonic() - began > TIMEOUT_SECONDS:
                raise StuckError(f"seed {self.seed}: no outcome for {TIMEOUT_SECONDS:g} s")
            self.wait(POLL_SECONDS)
            meanwhile()
            now = self._ended_if_reachable()
            before = now if before is None else before
        return time.monotonic() - began

    def _ended_if_reachable(self) -> int | None:
        try:
            return self.ledger.ended()
        except psycopg.OperationalError:  # the database may be unavailable on purpose
            return None


@contextmanager
def world(
    directory: Path,
    seed: int,
    *,
    fleet: Sequence[tuple[str, ...]] = ((), ()),
    build: Build = THIS_BUILD,
    broker: Callable[[Path], KafkaServer | KafkaCluster] = KafkaServer,
    settings: Mapping[str, str] | None = None,
    database_settings: Mapping[str, str] | None = None,
    tables: Path | None = None,
) -> Iterator[World]:
    """Start the servers, with durable commits, and the workers; stop everything afterwards.

    `fleet`: the roles of each worker, none for all of them; `build`: what sets topics and tables up, and runs;
    `tables`: the directory of the tables, if it is not in the data directory of the server.
    """
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    with (
        broker(directory / "kafka") as kafka,
        PostgresServer(directory / "postgres", settings=database_settings or {}) as postgres,
        ObjectServer(directory / "objects") as objects,
        StorageProxy(objects.port, random) as storage_proxy,
    ):
        if build is THIS_BUILD:  # else its own setup makes its topics
            kafka.make_topics(_as_new(topic) for topic in TOPICS)
        _make_database(postgres, tables)
        bucket, proxy = objects.bucket(), Proxy(postgres.port)
        direct = postgres.url("posters")
        environment = {
            **bucket.environment,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{storage_proxy.server_port}",
            "POSTERS_BROKERS": kafka.far_address,
            "POSTERS_DATABASE_URL": direct.replace(f":{postgres.port}/", f":{proxy.port}/"),
            "POSTERS_STORAGE_URL": bucket.storage_url,
            "POSTERS_FETCH_WAIT": "0.1",
            "POSTERS_SESSION_TIMEOUT": str(SESSION_SECONDS),
            "POSTERS_RETRY_DELAYS": "1,2,3",
            "POSTERS_RENDER_SLOTS": "2",
            **(settings or {}),
        }
        system = System(kafka.address, direct, environment, directory / "worker.log")
        build.run("setup", **environment)
        ledger = Ledger(system, bucket)
        ledger.begin()
        workers = [
            Worker(
                name=f"worker {number}",
                environment=environment,
                log=directory / f"worker-{number}.log",
                roles=roles,
                build=build,
            )
            for number, roles in enumerate(fleet, 1)
        ]
        made = World(
            seed=seed,
            kafka=kafka,
            postgres=postgres,
            objects=objects,
            database_proxy=proxy,
            storage_proxy=storage_proxy,
            system=system,
            ledger=ledger,
            workers=workers,
            random=random,
            tables=tables,
        )
        try:
            made.start()
            yield made
        finally:
            for worker in workers:
                if worker.alive:
                    worker.kill()
            storage_proxy.set("well")
            proxy.close()


def _as_new(topic: Topic) -> NewTopic:
    return NewTopic(topic.name, num_partitions=topic.partitions, replication_factor=1, config=topic.configuration())


def _make_database(postgres: PostgresServer, tables: Path | None) -> None:
    if tables is None:
        postgres.create("posters")
        return
    os.chown(tables, (postgres.socket.parent / "data").stat().st_uid, -1)
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        place = psycopg.sql.Literal(str(tables))
        connection.execute(psycopg.sql.SQL("CREATE TABLESPACE small LOCATION {}").format(place))
        connection.execute("CREATE DATABASE posters TABLESPACE small")
