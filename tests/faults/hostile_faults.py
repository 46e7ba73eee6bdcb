"""Hostile neighbours: what other sites send while the requests of one site go on. Each returns seconds to recovery."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import uuid4

import orjson
from confluent_kafka import Producer

from schemas import topics
from schemas.requests import JobCancelRequested
from schemas.templates import TemplateUpload
from streams.topics import EDGES
from tests.faults.world import TIMEOUT_SECONDS, StuckError, Worker, World
from tests.flow.system import REPOSITORY, new_job, stamp
from tests.streams.raw_batches import produce_raw, raw_batch, raw_record

CONSUMED: Final = tuple(dict.fromkeys(topic for edges in EDGES.values() for topic in edges.consumes))
BAD_RECORDS: Final = 2_000
DECLARED: Final = 15_000
CODECS: Final = ("gzip", "snappy", "lz4", "zstd")
TIMES: Final = (-1, 0, 1_000_000_000_000)
"""Milliseconds. The broker refuses times ahead of its own on topics whose records have their producer's."""
HEADERS: Final = (
    (),
    ((b"traceparent", None), (b"replay.generation", None), (b"dlq.reason", None), (b"", None)),
    ((b"\xff\xfe", b"1"), (b"traceparent", b"\xff"), (b"replay.generation", b"\xff")),
    tuple((b"x", b"y") for _ in range(3_000)),
)
VALUES: Final = (
    b"{",
    b"[]",
    b"\xff\xfe{}",
    b'"text"',
    b"12",
    b'{"type":null}',
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    b'{"version":1,"type":"poster.requested","custom_data":{"a":NaN}}',
)

# Python runs this at the start of every worker and of every child of one.
DEADLY: Final = """
import os, signal
from agents.render.poster_renderer import PosterRenderer
render = PosterRenderer.render
async def deadly(self, poster):
    if poster.entity_id.startswith("killer"):
        os.kill(os.getpid(), signal.SIGKILL)
    return await render(self, poster)
PosterRenderer.render = deadly
"""

UPLOADS: Final[dict[str, str]] = {
    "20,000 branches": "{% if a %}" + "{% elif a %}x" * 20_000 + "{% endif %}",
    "70,000 placeholders": "{{ v }}" * 70_000,
    "50,000 nested elements": "<div>" * 50_000,
    "800 chained macros": "".join(
        f"{{% macro m{number}() %}}{{{{ m{number - 1}() }}}}{{{{ m{number - 1}() }}}}{{% endmacro %}}"
        if number
        else "{% macro m0() %}x{% endmacro %}"
        for number in range(800)
    )
    + "{{ m799() }}",
    "brackets in a script": "<script>" + "/[" * 100_000 + "</script>",
    "an endless loop": "{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}{% endfor %}{% endfor %}",
    "a long text": "{{ 'a' * 10 ** 10 }}",
    "deep brackets": "{{ " + "(" * 20_000 + "1" + ")" * 20_000 + " }}",
    "no end": "{% for a in",
}
"""Templates that stop a checker that is not bounded."""

DOCUMENTS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "backdrop filters": (
        "".join(
            f"<div style='position:absolute;inset:{number}px;backdrop-filter:blur(300px)'>x</div>"
            for number in range(200)
        ),
        {"width": 4000, "height": 4000},
    ),
    "an endless script": ("<p>x<script>for(;;){}</script>", {"javascript": True}),
    "60 Blobs of 50 MB": (
        "<p>x<script>window.b=[];for(let i=0;i<60;i++)b.push(new Blob([new Uint8Array(5e7).fill(i)]))</script>",
        {"javascript": True},
    ),
    "an array that grows": (
        "<p>x<script>let a=[];for(;;)a.push(new Array(1e6).fill(1))</script>",
        {"javascript": True},
    ),
    "10,000 filtered elements": ("<i style='filter:blur(9px)'>x</i>" * 10_000, {}),
}
"""Documents that take a browser's memory or time."""


def records(world: World, times: int) -> list[float]:
    """Under load, broken records with odd headers, times and codecs are written to every topic that a role consumes."""
    recoveries = []
    with world.load(4), world.no_worker_ends():
        for number in range(times):
            world.approach(0.5, 1.5)
            for topic in CONSUMED:
                _broken_record(world, topic, VALUES[number % len(VALUES)])
            recoveries.append(world.recovered())
    return recoveries


def producer(world: World, times: int) -> list[float]:
    """Under load, one producer writes 2,000 empty objects at a time to the topic of requests: intake never pauses."""
    recoveries = []
    with world.load(4), world.no_worker_ends():
        for _ in range(times):
            world.approach(0.5, 2)
            empty = {f"empty {uuid4()}".encode(): b"{}" for _ in range(BAD_RECORDS)}
            world.ledger.poison |= empty
            _produce(world, empty)
            recoveries.append(world.recovered())
    assert not any(worker.logged("intake is paused") for worker in world.workers), f"seed {world.seed}: intake paused"
    return recoveries


def uploads(world: World, times: int) -> list[float]:
    """Under load, templates are uploaded that take memory, stack or time to check: each, and the next, is answered."""
    recoveries = []
    with world.load(4), world.no_worker_ends():
        for number in range(times):
            world.approach(0.5, 1.5)
            html = list(UPLOADS.values())[number % len(UPLOADS)]
            section = f"s{uuid4().hex[:12]}"
            bad = TemplateUpload(**stamp(), section=section, name="bad", html_content=html, set_as_active=True)
            world.system.send(topics.TEMPLATE_COMMANDS, section, bad)
            passed = world.deadline(60)
            world.system.upload("<p>{{ title }}</p>")
            assert not passed(), f"seed {world.seed}: an upload behind a hostile one took more than 60 s"
            if _answer(world, bad) == "template.uploaded":
                _request(world, f"{section}_latest", {"v": "x", "a": ""})
            recoveries.append(world.recovered())
    return recoveries


def documents(world: World, times: int) -> list[float]:
    """Under load, posters are requested that take a browser's memory or time: each ends, and the others go on."""
    recoveries = []
    templates = {}
    for name, (html, fields) in DOCUMENTS.items():
        templates[name] = f"{world.system.upload(html, **fields).section}_latest"
    with world.load(3), world.no_worker_ends():
        for number in range(times):
            world.approach(0.5, 1.5)
            _request(world, list(templates.values())[number % len(templates)], {})
            recoveries.append(world.recovered())
    return recoveries


def killers(world: World, times: int) -> list[float]:
    """Under load, posters end the process that renders them: each ends at most two workers, and is a dead letter."""
    recoveries = []
    with _deadly(world) as start, world.load(3):
        for _ in range(times):
            world.approach(0.5, 2)
            job = new_job()
            world.ledger.expected[job, 0] = "failed"
            world.ledger.killers.add(job)
            world.system.request(world.template, {"title": job}, job_id=job, entity_id=f"killer {job}")
            deaths, passed = 0, world.deadline(TIMEOUT_SECONDS)
            while not _ended(world, job):
                for worker in world.workers:
                    if not worker.alive:
                        deaths += 1
                        start(worker)
                if passed():
                    raise StuckError(
                        f"seed {world.seed}: a poster that ends its worker has no outcome; {deaths} deaths"
                    )
                world.wait(0.2)
            assert deaths <= 2, f"seed {world.seed}: one poster ended {deaths} workers"
            recoveries.append(world.recovered())
    return recoveries


def batches(world: World, times: int) -> list[float]:
    """Under load, batches declare 2,147,483,647 posters, or 15,000 of which one comes before the job is cancelled."""
    recoveries = []
    with world.load(3), world.no_worker_ends():
        for _ in range(times):
            world.approach(0.5, 2)
            job = new_job()
            world.ledger.expected[job, 0] = "failed"
            world.ledger.poison[job.encode()] = _batch(world, job, 2**31 - 1, parts=1)
            world.system.send(topics.POSTER_REQUESTS, job, world.ledger.poison[job.encode()])
            job = new_job()
            world.ledger.expected |= {(job, index): "completed or cancelled" for index in range(DECLARED)}
            world.system.send(topics.POSTER_REQUESTS, job, _batch(world, job, DECLARED))
            world.system.send(topics.POSTER_REQUESTS, job, JobCancelRequested(**stamp(), job_id=job))
            recoveries.append(world.recovered())
    world.settle(300)
    return recoveries


def _batch(world: World, job: str, total_count: int, parts: int = 1_000) -> bytes:
    """Return the first part of a batch, with one poster."""
    event = {
        "type": "batch.requested",
        "version": 1,
        "event_id": str(uuid4()),
        "occurred_at": datetime.now(UTC).isoformat(),
        "job_id": job,
        "template_id": world.template,
        "posters": [{"entity_id": job, "custom_data": {"title": job}}],
        "part": 1,
        "parts": parts,
        "total_count": total_count,
    }
    return orjson.dumps(event)


def _answer(world: World, command: TemplateUpload) -> str:
    """Return the type of the answer to an upload."""
    identity = str(command.event_id)
    answer = world.system.wait(topics.TEMPLATE_EVENTS, lambda record: record.body["command_id"] == identity)
    return str(answer.body["type"])


def _request(world: World, template: str, data: dict[str, str]) -> None:
    job = new_job()
    world.ledger.expected[job, 0] = "completed or failed"
    world.system.request(template, data, job_id=job, entity_id=job)


def _broken_record(world: World, topic: str, value: bytes) -> None:
    """Write one record to a topic, in a batch that no client library makes, or compressed by one."""
    key = f"hostile {uuid4()}".encode()
    world.ledger.poison[key] = value
    if world.random.random() < 0.3:
        codec = world.random.choice(CODECS)
        compressing = Producer({"bootstrap.servers": world.kafka.address, "compression.type": codec, "log_level": 0})
        compressing.produce(topic, key=key, value=value)
        assert compressing.flush(10) == 0
        return
    record = raw_record(key, value, world.random.choice(HEADERS))
    produce_raw(world.kafka.address, topic, raw_batch([record], timestamp=world.random.choice(TIMES)))


def _produce(world: World, requests: Mapping[bytes, bytes]) -> None:
    fast = Producer({"bootstrap.servers": world.kafka.address, "log_level": 0})
    for key, value in requests.items():
        fast.produce(topics.POSTER_REQUESTS, key=key, value=value)
    assert fast.flush(30) == 0


@contextmanager
def _deadly(world: World) -> Iterator[Callable[[Worker], None]]:
    """Start the workers again so that some posters end them."""
    with TemporaryDirectory(prefix="posters-") as directory:
        Path(directory, "sitecustomize.py").write_text(DEADLY)

        def start(worker: Worker) -> None:
            worker.start(PYTHONPATH=f"{directory}:{REPOSITORY}")

        for worker in world.workers:
            worker.term()
            start(worker)
        yield start
        world.settle()


def _ended(world: World, job: str) -> bool:
    query = "SELECT 1 FROM template_poster_results WHERE job_id = %s AND status_rank = 2"
    return bool(world.system.rows(query, job))
