"""`DATABASE_URL` in Django's words."""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def parse_database_url(url: str) -> dict[str, Any]:
    """Return the entry of DATABASES for `postgresql://user:password@host:port/name` or `sqlite:///path`.

    A `host` in the query, as in `postgresql://user@/name?host=/run/postgresql`, is the directory of a unix socket.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        # Writers wait for each other instead of failing: the site, the relay and the consumer share one file.
        options = {"timeout": 30, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"}
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": unquote(parts.path[1:]), "OPTIONS": options}
    if parts.scheme not in ("postgresql", "postgres"):
        raise ImproperlyConfigured(f"DATABASE_URL starts with postgresql:// or sqlite:///, not {parts.scheme}://")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or query.get("user", "")),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host", parts.hostname or ""),
        "PORT": query.get("port", str(parts.port or "")),
    }
