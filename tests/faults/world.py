"""Real parts, worker processes and a steady load, for faults to be injected into."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import psutil
from confluent_kafka.admin import NewTopic

from schemas import topics
from schemas.requests import JobCancelRequested, PosterRequested
from streams.topics import TOPICS
from tests.faults.ledger import Expected, Ledger
from tests.faults.proxy import Proxy
from tests.flow.system import REPOSITORY, System, new_job, stamp
from tests.parts import KafkaServer, ObjectServer, PostgresServer
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
        assert self.process is not None
        found = []
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    command = child.cmdline()
                    if "headless" in child.name() + child.exe() and not any("--type=" in word for word in command):
                        found.append(child)
        return found

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None


@dataclass
class World:
    """Everything, with a ledger of what was asked for."""

    seed: int
    kafka: KafkaServer
    postgres: PostgresServer
    objects: ObjectServer
    database_proxy: Proxy
    system: System
    ledger: Ledger
    workers: list[Worker]
    random: Random
    template: str = ""
    _stop: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Start every worker and make the first poster."""
        for worker in self.workers:
            worker.start()
        self.template = f"{self.system.upload('<p>{{ title }}</p>').section}_latest"
        self.ask()
        self.settle()

    def ask(self) -> None:
        """Ask for one poster: most are made, some cannot be, some are too late or not wanted any more."""
        job, dice = new_job(), self.random.random()
        expected: Expected = "completed"
        data: dict[str, Any] = {"title": f"{self.seed} {uuid4().hex}"}
        fields: dict[str, Any] = {}
        if dice < 0.05:
            expected, data = "failed", {}
        elif dice < 0.08:
            expected, fields = "failed", {"deadline": datetime.now(UTC) - timedelta(minutes=1)}
        elif dice < 0.11:
            expected = "completed or cancelled"
        self.ledger.expected[job] = expected
        self._insist(PosterRequested(**stamp(), job_id=job, template_id=self.template, custom_data=data, **fields))
        if expected == "completed or cancelled":
            self._insist(JobCancelRequested(**stamp(), job_id=job))

    def _insist(self, event: PosterRequested | JobCancelRequested) -> None:
        """Send an event until the broker says that it has it: only then is anything promised."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            with suppress(AssertionError):
                self.system.send(topics.POSTER_REQUESTS, event.job_id, event)
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

    def settle(self, seconds: float = PATIENCE_SECONDS) -> float:
        """Wait until everything asked for has ended; return how long that took. Raises StuckError."""
        began = time.monotonic()
        while self.ledger.ended() < len(self.ledger.expected):
            if time.monotonic() - began > seconds:
                missing = len(self.ledger.expected) - self.ledger.ended()
                raise StuckError(f"seed {self.seed}: {missing} posters have not ended after {seconds:g} s")
            self.wait(LOOK_SECONDS)
        return time.monotonic() - began

    def recovered(self) -> float:
        """Return how many seconds pass until the next outcome is recorded."""
        began, before = time.monotonic(), self._safely_ended()
        while self._safely_ended() <= before:
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise StuckError(f"seed {self.seed}: no outcome for {PATIENCE_SECONDS:g} s")
            self.wait(LOOK_SECONDS)
        return time.monotonic() - began

    def _safely_ended(self) -> int:
        try:
            return self.ledger.ended()
        except Exception:  # noqa: BLE001 - the database may be the part that is away
            return 10**9


@contextmanager
def world(
    directory: Path, seed: int, *, workers: int = 2, settings: Mapping[str, str] | None = None
) -> Iterator[World]:
    """Start the parts, with commits that survive a power cut, and end everything afterwards."""
    with (
        KafkaServer(directory / "kafka") as kafka,
        PostgresServer(directory / "postgres", settings={}) as postgres,
        ObjectServer(directory / "objects") as objects,
    ):
        kafka.make_topics(
            NewTopic(topic.name, num_partitions=topic.partitions, replication_factor=1, config=topic.configuration())
            for topic in TOPICS
        )
        postgres.create("posters")
        bucket, proxy = objects.bucket(), Proxy(postgres.port)
        direct = postgres.url("posters")
        environment = {
            **bucket.environment,
            "POSTERS_BROKERS": kafka.address,
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
            system=system,
            ledger=ledger,
            workers=fleet,
            random=Random(seed),  # noqa: S311 - repeatable on purpose
        )
        try:
            made.start()
            yield made
        finally:
            for worker in fleet:
                if worker.alive:
                    worker.kill()
            proxy.close()
