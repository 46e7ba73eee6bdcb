"""Clients of other makes, with their defaults: each publishes a template and a request, and reads the outcome."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import confluent_kafka
import pytest
from confluent_kafka import Producer

from schemas import topics
from schemas.codec import encode
from schemas.requests import PosterRequested
from schemas.templates import TemplateUpload
from tests.compatibility.cases import tried
from tests.compatibility.parts import CLIENTS, INSTALLED, installed
from tests.flow.system import System, new_job, stamp
from tests.parts.kafka import _find_jars, _find_java

LIBRDKAFKA: Final = str(confluent_kafka.libversion()[0])
SECONDS: Final = 180


def pinned(file: str, pattern: str) -> str:
    """Return the version that a file of the clients pins."""
    found = re.search(pattern, (CLIENTS / file).read_text(encoding="utf-8"))
    assert found is not None, file
    return found[1]


def upload(section: str) -> bytes:
    """Return the value of an upload."""
    html = "<p>{{ title }}</p>" + "<!-- long enough to be worth compressing -->" * 50
    return encode(TemplateUpload(**stamp(), section=section, name=section, html_content=html, set_as_active=True))


def request(section: str, job: str) -> bytes:
    """Return the value of a request."""
    data = {"title": "hello " * 100}
    return encode(PosterRequested(**stamp(), job_id=job, template_id=f"{section}_latest", custom_data=data))


def run_client(system: System, tmp_path: Path, command: list[str | Path], **environment: str) -> dict[str, Any]:
    """Return the outcome that a client printed after it published an upload and a request."""
    job = new_job()
    section = f"c{job[-12:]}"
    files = [tmp_path / "upload.json", tmp_path / "request.json"]
    for file, value in zip(files, (upload(section), request(section, job)), strict=True):
        file.write_bytes(value)
    done = subprocess.run(
        [*command, system.brokers, section, files[0], job, files[1], job],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr + system.log_tail()
    outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert (outcome["job_id"], outcome["status"]) == (job, "completed"), outcome
    return outcome


def test_java(usual_system: System, tmp_path: Path) -> None:
    """Kafka's own client, with its defaults."""
    jars = _find_jars()
    command: list[str | Path] = [
        _find_java(),
        "-XX:TieredStopAtLevel=1",
        "-cp",
        f"{jars}/*",
        CLIENTS / "java" / "Client.java",
    ]
    run_client(usual_system, tmp_path, command)
    tried("java", next(jars.glob("kafka-clients-*.jar")).stem.removeprefix("kafka-clients-"))


def test_aiokafka(usual_system: System, tmp_path: Path) -> None:
    """The client in Python that Faust uses too, with its own defaults."""
    run_client(usual_system, tmp_path, [sys.executable, CLIENTS / "python" / "aiokafka_client.py"])
    tried("aiokafka", version("aiokafka"))


@pytest.mark.whole
def test_kafka_python(usual_system: System, tmp_path: Path) -> None:
    """The oldest client in Python."""
    path = installed("python")
    run_client(
        usual_system, tmp_path, [sys.executable, CLIENTS / "python" / "kafka_python_client.py"], PYTHONPATH=str(path)
    )
    tried("kafka-python", next(path.glob("kafka_python-*.dist-info")).stem.removeprefix("kafka_python-"))


@pytest.mark.whole
@pytest.mark.parametrize(
    ("key", "module"), [("franz", "github.com/twmb/franz-go"), ("segmentio", "github.com/segmentio/kafka-go")]
)
def test_go(usual_system: System, tmp_path: Path, key: str, module: str) -> None:
    """Both clients in Go."""
    run_client(usual_system, tmp_path, [installed(f"go/{key}")])
    tried(key, pinned("go/go.mod", rf"{re.escape(module)} v(\S+)"))


@pytest.mark.whole
def test_node(usual_system: System, tmp_path: Path) -> None:
    """The client in JavaScript."""
    command: list[str | Path] = ["node", CLIENTS / "node" / "client.js", installed("node")]
    run_client(usual_system, tmp_path, command, KAFKAJS_NO_PARTITIONER_WARNING="1")
    tried("node", pinned("node/package.json", r'"kafkajs": "(\S+)"'))


@pytest.mark.whole
def test_rust(usual_system: System, tmp_path: Path) -> None:
    """A client in Rust that is no wrapper of librdkafka."""
    run_client(usual_system, tmp_path, [INSTALLED / "rust" / "debug" / "compatibility"])
    tried("rust", pinned("rust/Cargo.toml", r'rskafka = "=(\S+)"'))


def publish(
    system: System, section: str, job: str, key: bytes | None = None, value: bytes | None = None, codec: str = "none"
) -> None:
    """Publish an upload, wait for its answer, and publish a request, compressed with a codec."""
    producer = Producer({"bootstrap.servers": system.brokers, "compression.type": codec})
    producer.produce(topics.TEMPLATE_COMMANDS, key=section, value=upload(section))
    assert producer.flush(30) == 0
    system.wait(topics.TEMPLATE_EVENTS, lambda record: record.body["section"] == section)
    producer.produce(topics.POSTER_REQUESTS, key=key, value=value or request(section, job))
    assert producer.flush(30) == 0


@pytest.mark.parametrize(
    "codec",
    [
        pytest.param(codec, marks=() if codec == "zstd" else pytest.mark.whole)
        for codec in ("none", "gzip", "snappy", "lz4", "zstd")
    ],
)
def test_codecs(usual_system: System, codec: str) -> None:
    """Every codec is decompressed by every role that reads its records."""
    job = new_job()
    publish(usual_system, f"codec-{codec}", job, job.encode(), codec=codec)
    assert usual_system.outcome(job).status == "completed"
    tried(f"librdkafka-{codec}", LIBRDKAFKA)


def test_transactions(usual_system: System) -> None:
    """A committed transaction is carried out; of an aborted one nothing is."""
    section, kept, dropped = "transactions", new_job(), new_job()
    producer = Producer({"bootstrap.servers": usual_system.brokers, "transactional.id": section})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topics.TEMPLATE_COMMANDS, key=section, value=upload(section))
    producer.commit_transaction(30)
    producer.begin_transaction()
    producer.produce(topics.POSTER_REQUESTS, key=dropped, value=request(section, dropped))
    producer.flush(30)
    producer.abort_transaction(30)
    producer.begin_transaction()
    producer.produce(topics.POSTER_REQUESTS, key=dropped, value=request(section, kept))
    producer.commit_transaction(30)

    assert usual_system.outcome(kept).status == "completed"
    usual_system.eventually(usual_system.sink_is_idle)
    assert usual_system.rows("SELECT 1 FROM template_generation_jobs WHERE job_id = %s", dropped) == []
    tried("transactions", LIBRDKAFKA)


@pytest.mark.parametrize(
    ("case", "key"), [("other-key", b"tenant-7"), ("no-key", None), pytest.param("no-key", b"", id="empty key")]
)
def test_keys(usual_system: System, case: str, key: bytes | None) -> None:
    """A request with any key is answered under its job's id."""
    job = new_job()
    publish(usual_system, f"keys-{job[-8:]}", job, key)
    assert usual_system.outcome(job).status == "completed"
    tried(case, LIBRDKAFKA)


def test_console(usual_system: System) -> None:
    """JSON as people paste it into a form: indented, with a byte order of its own, compressed, its key empty."""
    job, section = new_job(), "console"
    pasted = json.dumps(json.loads(request(section, job)), indent=2, ensure_ascii=False).replace("\n", "\r\n")
    publish(usual_system, section, job, b"", f"{pasted}\r\n".encode(), codec="snappy")
    assert usual_system.outcome(job).status == "completed"
    tried("console", LIBRDKAFKA)
