"""The servers behave as the tests that use them assume."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest
from botocore.exceptions import ClientError
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import NewTopic

from schemas import topics
from streams.topics import TOPICS
from tests.parts import Bucket, KafkaServer, ObjectServer, PartError, PostgresServer, ServerProcess


def produce(broker: str, topic: str, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": broker, "acks": "all"})
    producer.produce(topic, key="job", value=value)
    assert producer.flush(10) == 0


def consume(broker: str, topic: str, group: str) -> bytes | None:
    """Return the value of the first record the group is given, and commit it."""
    consumer = Consumer({"bootstrap.servers": broker, "group.id": group, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    record = consumer.poll(20)
    assert record is not None
    assert record.error() is None
    consumer.commit(message=record, asynchronous=False)
    consumer.close()
    return record.value()


def test_broker_returns_what_was_produced(broker: str) -> None:
    """A record comes back from the broker byte for byte."""
    produce(broker, topics.POSTER_REQUESTS, b"\xff one")

    assert consume(broker, topics.POSTER_REQUESTS, "readers") == b"\xff one"


def test_broker_is_clean_for_every_test(broker: str, kafka: KafkaServer) -> None:
    """Neither records nor committed offsets survive `clear()`."""
    produce(broker, topics.POSTER_REQUESTS, b"old")
    consume(broker, topics.POSTER_REQUESTS, "readers")

    kafka.clear()
    kafka.make_topics([NewTopic(topics.POSTER_REQUESTS, num_partitions=1, replication_factor=1)])
    produce(broker, topics.POSTER_REQUESTS, b"new")

    assert consume(broker, topics.POSTER_REQUESTS, "readers") == b"new"


def test_broker_has_the_topics_of_the_contract(broker: str, kafka: KafkaServer) -> None:
    """Every topic has the partitions the contract gives it, and no other topic exists."""
    found = kafka.admin().list_topics(timeout=10).topics

    partitions = {name: len(topic.partitions) for name, topic in found.items() if not name.startswith("__")}
    assert partitions == {topic.name: topic.partitions for topic in TOPICS}


def test_broker_keeps_records_through_a_kill(broker: str, kafka: KafkaServer) -> None:
    """Acknowledged records survive a kill of the broker."""
    produce(broker, topics.POSTER_REQUESTS, b"kept")

    kafka.kill()
    kafka.start()

    assert consume(broker, topics.POSTER_REQUESTS, "readers") == b"kept"


def test_renewed_broker_is_empty(broker: str, kafka: KafkaServer) -> None:
    """After `renew()` the broker is empty and answers at another address."""
    kafka.renew()

    topics_left = [name for name in kafka.admin().list_topics(timeout=10).topics if not name.startswith("__")]
    assert topics_left == []
    assert kafka.address != broker


@pytest.mark.parametrize("way", ["tcp", "socket"])
def test_database_answers(postgres: PostgresServer, database: str, way: str) -> None:
    """A row written over TCP is read over TCP and over the unix socket."""
    name = database.rpartition("/")[2]
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE words (word text)")
        connection.execute("INSERT INTO words VALUES ('مرحبا')")

    with psycopg.connect(database if way == "tcp" else postgres.socket_url(name)) as connection:
        words = connection.execute("SELECT word FROM words").fetchall()

    assert words == [("مرحبا",)]


def test_database_keeps_rows_through_a_kill(postgres: PostgresServer, empty_database: str) -> None:
    """A committed row is there after the server was killed, with a session open, and started again."""
    open_session = psycopg.connect(empty_database, autocommit=True)
    open_session.execute("CREATE TABLE kept AS SELECT 1 AS one")

    postgres.kill()
    postgres.start()

    open_session.close()
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("SELECT one FROM kept").fetchall() == [(1,)]


def test_object_is_written_once(bucket: Bucket) -> None:
    """A second PUT with `If-None-Match: *` is answered 412 and changes nothing; type and metadata are kept."""
    client = bucket.client()
    key = "templates/quote/a%20b.png"
    client.put_object(
        Bucket=bucket.name, Key=key, Body=b"first", ContentType="image/png", Metadata={"sha256": "ab"}, IfNoneMatch="*"
    )

    with pytest.raises(ClientError) as refused:
        client.put_object(Bucket=bucket.name, Key=key, Body=b"second", IfNoneMatch="*")

    stored = client.get_object(Bucket=bucket.name, Key=key)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert stored["Body"].read() == b"first"
    assert (stored["ContentType"], stored["Metadata"]) == ("image/png", {"sha256": "ab"})


def test_object_server_comes_back_on_its_port(object_server: ObjectServer) -> None:
    """After a restart buckets can be made at the same address."""
    object_server.restart()

    assert object_server.bucket().name.startswith("posters-")


def test_part_that_ends_at_its_start_says_why(tmp_path: Path) -> None:
    """The error of a server that does not start contains the end of its log."""
    server = ServerProcess("the server", ["sh", "-c", "echo no room; exit 3"], log=tmp_path / "log")

    with pytest.raises(PartError, match=r"(?s)the server ended with code 3.*no room"):
        server.start(lambda: False)


def test_part_does_not_outlive_its_parent(tmp_path: Path) -> None:
    """A server ends when the process that started it exits without stopping it."""
    script = """
import os, pathlib, sys
from tests.parts import ServerProcess
log = pathlib.Path(sys.argv[1])
server = ServerProcess("it", ["sh", "-c", "echo up; exec sleep 600"], log=log)
server.start(lambda: log.read_text() == "up\\n")
print(server.pid, flush=True)
os._exit(0)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "log")]

    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])

    assert ends(int(done.stdout), seconds=10)


def ends(pid: int, *, seconds: float) -> bool:
    """Return whether the process ends in time; a zombie counts as ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.01)
    return False
