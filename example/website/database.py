"""Converts `DATABASE_URL` to an entry of Django's DATABASES."""

from importlib.util import find_spec
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

_ENGINES: Final = {
    "postgresql": "django.db.backends.postgresql",
    "postgres": "django.db.backends.postgresql",
    "mysql": "django.db.backends.mysql",
}


def parse_database_url(url: str) -> dict[str, Any]:
    """Return the entry of DATABASES for `postgresql://user:password@host:port/name`, `mysql://…` or `sqlite:///path`.

    A `host` in the query, as in `postgresql://user@/name?host=/run/postgresql`, is the directory of a unix socket.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        # Writers wait for each other instead of failing: the site, the relay and the consumer share one file.
        options = {"timeout": 30, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"}
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": unquote(parts.path[1:]), "OPTIONS": options}
    if parts.scheme not in _ENGINES:
        raise ImproperlyConfigured(
            f"DATABASE_URL starts with postgresql://, mysql:// or sqlite:///, not {parts.scheme}://"
        )
    if parts.scheme == "mysql":
        _find_mysql_driver()
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": _ENGINES[parts.scheme],
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or query.get("user", "")),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host", parts.hostname or ""),
        "PORT": query.get("port", str(parts.port or "")),
    }


def _find_mysql_driver() -> None:
    if find_spec("MySQLdb") is None:
        import pymysql  # noqa: PLC0415 - stands in where mysqlclient is not built

        # Django asks for the version of mysqlclient.
        pymysql.version_info = (2, 2, 7, "final", 0)
        pymysql.install_as_MySQLdb()
