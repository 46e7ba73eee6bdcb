"""MariaDB from the distribution's packages, reachable by TCP."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pymysql

from tests.parts.ports import free_port
from tests.parts.process import PartError, ServerProcess

_PATH: Final = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])


class MariaServer:
    """A MariaDB server on 127.0.0.1 whose user `posters` has all rights and no password."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._data = directory / "data"
        self._user = pwd.getpwuid(os.getuid()).pw_name
        init = directory / "init.sql"
        # One statement a line. The grant makes the user; the file is read at every start.
        init.write_text("GRANT ALL ON *.* TO posters@'127.0.0.1' IDENTIFIED BY '';\n", encoding="utf-8")
        self._install()
        # Durability is not needed: the writes of a killed server are still in the kernel's cache.
        quick = ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--innodb-buffer-pool-size=64M"]
        self.process = ServerProcess(
            "MariaDB",
            [
                _find("mariadbd"),
                "--no-defaults",
                f"--datadir={self._data}",
                f"--user={self._user}",
                "--bind-address=127.0.0.1",
                f"--port={self.port}",
                f"--socket={directory / 'socket'}",
                f"--init-file={init}",
                "--skip-name-resolve",
                "--character-set-server=utf8mb4",
                *quick,
            ],
            log=directory / "server.log",
        )

    def url(self, database: str) -> str:
        """Return the database's address."""
        return f"mysql://posters@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> None:
        """Create an empty database."""
        self.execute(f"CREATE DATABASE `{database}`")

    def drop(self, database: str) -> None:
        """Remove a database."""
        self.execute(f"DROP DATABASE `{database}`")

    def empty(self, database: str, tables: Iterable[str]) -> None:
        """Remove every row of these tables, whatever refers to them."""
        deletes = (f"DELETE FROM `{database}`.`{table}`" for table in tables)  # noqa: S608 - the models' own names
        self.execute("SET FOREIGN_KEY_CHECKS = 0", *deletes)

    def execute(self, *statements: str) -> None:
        """Run statements in one session."""
        connection = self._connect()
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        finally:
            connection.close()

    def __enter__(self) -> Self:
        self.process.start(self._answers)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.process.stop()

    def _install(self) -> None:
        command = [_find("mariadb-install-db"), "--no-defaults", f"--datadir={self._data}", f"--user={self._user}"]
        options = ["--auth-root-authentication-method=normal", "--skip-test-db"]
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
        if done.returncode:
            raise PartError(f"MariaDB's tables cannot be made:\n{done.stdout}{done.stderr}")

    def _connect(self) -> Any:
        return pymysql.connect(host="127.0.0.1", port=self.port, user="posters", connect_timeout=2, autocommit=True)

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except pymysql.err.OperationalError:
            return False
        return True


def _find(program: str) -> str:
    found = shutil.which(program, path=_PATH)
    if found is None:
        raise PartError(f"{program} is missing: run `make parts`")
    return found
