"""Real parts, worker processes and a steady load, for faults to be injected into."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
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
from streams.topics import TOPICS
from tests.faults.ledger import Expected, Ledger
from tests.faults.proxy import Proxy
from tests.faults.storage_proxy import StorageProxy
from tests.flow.system import REPOSITORY, System, new_job, stamp
from tests.parts import KafkaCluster, KafkaServer, ObjectServer, PostgresServer
from tests.parts.process import bound_to_us

SESSION_SECONDS = 6
PATIENCE_SECONDS = 180.0
LOOK_SECONDS = 0.2


class StuckError(AssertionError):
    """Liveness: not everything ended in time."""


@dataclass
class Worker:
    """A worker process that can be ended and started again under its name."""

    name: str
    environment: Mapping[str, str]
    log: Path
    roles: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    def start(self, **more: str) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                bound_to_us([sys.executable, "-m", "posters", "worker", *self.roles], signal.SIGKILL),
                cwd=REPOSITORY,
                env={**os.environ, **self.environment, **more},
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """End it with KILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def term(self) -> tuple[int, float]:
        """End it with TERM; return its exit code and how many seconds it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.terminate()
        code = self.process.wait(60)
        return code, time.monotonic() - began

    def browsers(self) -> list[psutil.Process]:
        """Return the main processes of its browsers."""
        return [process for process, words in self._chromium() if not any("--type=" in word for word in words)]

    def renderers(self) -> list[psutil.Process]:
        """Return the processes in which its pages are drawn."""
        return [process for process, words in self._chromium() if "--type=renderer" in words]

    def memory(self) -> float:
        """Return how many MiB its Python process has in memory."""
        assert self.process is not None
        return float(psutil.Process(self.process.pid).memory_info().rss) / 2**20

    def _chromium(self) -> Iterator[tuple[psutil.Process, list[str]]]:
        assert self.process is not None
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    if "headless" in child.name() + child.exe():
                        yield child, child.cmdline()

    def said(self, words: str) -> bool:
        """Whether its log has these words."""
        return words.encode() in self.log.read_bytes()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None


@dataclass
class World:
    """Everything, with a ledger of what was asked for."""

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
    """How many seconds a part is away, where it is away for some time."""
    tables: Path | None = None
    """Where the database keeps its tables, if not with everything else."""
    template: str = ""
    figures: dict[str, float] = field(default_factory=dict)
    """What a scenario measured beside its recoveries."""
    _stop: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Start every worker and make the first poster."""
        for worker in self.workers:
            worker.start()
        self.template = f"{self.system.upload('<p>{{ title }}</p>').section}_latest"
        self.ask()
        self.settle()

    def ask(self) -> None:
        """Ask for one poster: most are made, some cannot be, some are late or called off, some are no requests."""
        job, dice = new_job(), self.random.random()
        if dice > 0.98:
            key, value = f"poison {job}".encode(), b'{"' + uuid4().bytes
            self.ledger.poison[key] = value
            self._insist(key, value)
            return
        expected: Expected = "completed"
        data: dict[str, Any] = {"title": f"{self.seed} {uuid4().hex}"}
        fields: dict[str, Any] = {}
        if dice < 0.05:
            expected, data = "failed", {}
        elif dice < 0.08:
            expected, fields = "failed", {"deadline": datetime.now(UTC) - timedelta(minutes=1)}
        elif dice < 0.11:
            expected = "completed or cancelled"
        self.ledger.expected[job, 0] = expected
        fields |= {"job_id": job, "entity_id": job, "template_id": self.template, "custom_data": data}
        self._insist(job, PosterRequested(**stamp(), **fields))
        if expected == "completed or cancelled":
            self._insist(job, JobCancelRequested(**stamp(), job_id=job))

    def _insist(self, key: str | bytes, value: PosterRequested | JobCancelRequested | bytes) -> None:
        """Send a record until the broker says that it has it: only then is anything promised."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            with suppress(AssertionError):
                self.system.send(topics.POSTER_REQUESTS, key, value)
                return
        raise StuckError(f"seed {self.seed}: the broker takes nothing since {PATIENCE_SECONDS:g} s")

    @contextmanager
    def load(self, a_second: float) -> Iterator[None]:
        """Ask for posters at a steady rate meanwhile."""
        stop = threading.Event()

        def ask_on() -> None:
            while not stop.wait(1 / a_second):
                self.ask()

        thread = threading.Thread(target=ask_on)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def wait(self, seconds: float) -> None:
        """Let time pass: a fault has to last, and comes at no particular moment."""
        self._stop.wait(seconds)

    def approach(self, least: float, most: float) -> None:
        """Let a random time pass before a fault, and note what is committed when it comes."""
        self.wait(self.random.uniform(least, most))
        self.ledger.look()

    def deadline(self, seconds: float) -> Callable[[], bool]:
        """Return what says whether so many seconds have passed since now."""
        until = time.monotonic() + seconds
        return lambda: time.monotonic() > until

    def expect(self, holds: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
        """Return once it holds. Raises StuckError."""
        passed = self.deadline(seconds)
        while not holds():
            if passed():
                raise StuckError(f"seed {self.seed}: it did not come about within {seconds:g} s")
            self.wait(LOOK_SECONDS)

    def settle(self, seconds: float = PATIENCE_SECONDS) -> float:
        """Wait until everything asked for has ended; return how long that took. Raises StuckError."""
        began = time.monotonic()
        while not self.ledger.settled():
            if time.monotonic() - began > seconds:
                missing = len(self.ledger.expected) - self.ledger.ended()
                raise StuckError(f"seed {self.seed}: {missing} posters have not ended after {seconds:g} s")
            self.wait(LOOK_SECONDS)
        return time.monotonic() - began

    def recovered(self) -> float:
        """Return how many seconds pass until the next outcome is recorded."""
        began, before, now = time.monotonic(), self._safely_ended(), None
        while before is None or now is None or now <= before:
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise StuckError(f"seed {self.seed}: no outcome for {PATIENCE_SECONDS:g} s")
            self.wait(LOOK_SECONDS)
            now = self._safely_ended()
            before = now if before is None else before
        return time.monotonic() - began

    def _safely_ended(self) -> int | None:
        try:
            return self.ledger.ended()
        except psycopg.OperationalError:  # the database may be the part that is away
            return None


@contextmanager
def world(
    directory: Path,
    seed: int,
    *,
    workers: int = 2,
    broker: Callable[[Path], KafkaServer | KafkaCluster] = KafkaServer,
    settings: Mapping[str, str] | None = None,
    database_settings: Mapping[str, str] | None = None,
    tables: Path | None = None,
) -> Iterator[World]:
    """Start the parts, with commits that survive a power cut, and end everything afterwards.

    `tables`: where the database keeps its tables, if not with everything else.
    """
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    with (
        broker(directory / "kafka") as kafka,
        PostgresServer(directory / "postgres", settings=database_settings or {}) as postgres,
        ObjectServer(directory / "objects") as objects,
        StorageProxy(objects.port, random) as storage_proxy,
    ):
        kafka.make_topics(
            NewTopic(topic.name, num_partitions=topic.partitions, replication_factor=1, config=topic.configuration())
            for topic in TOPICS
        )
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
        done = system.command("setup")
        assert done.returncode == 0, done.stderr
        ledger = Ledger(system, bucket)
        ledger.begin()
        fleet = [
            Worker(name=f"worker {number}", environment=environment, log=directory / f"worker-{number}.log")
            for number in range(1, workers + 1)
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
            workers=fleet,
            random=random,
            tables=tables,
        )
        try:
            made.start()
            yield made
        finally:
            for worker in fleet:
                if worker.alive:
                    worker.kill()
            storage_proxy.set("well")
            proxy.close()


def _make_database(postgres: PostgresServer, tables: Path | None) -> None:
    if tables is None:
        postgres.create("posters")
        return
    os.chown(tables, (postgres.socket.parent / "data").stat().st_uid, -1)
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        place = psycopg.sql.Literal(str(tables))
        connection.execute(psycopg.sql.SQL("CREATE TABLESPACE small LOCATION {}").format(place))
        connection.execute("CREATE DATABASE posters TABLESPACE small")
