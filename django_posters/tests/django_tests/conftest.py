"""Fixtures: the example site on a database of its own, beside the real parts of the repository's other tests."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import django
import pytest

from tests.parts import MariaServer, PostgresServer

EXAMPLE = Path(__file__).parents[3] / "example"

sys.path.insert(0, str(EXAMPLE))
os.environ["DJANGO_SETTINGS_MODULE"] = "website.settings"
django.setup()

from django.apps import apps  # noqa: E402 - likewise
from playwright.sync_api import Browser  # noqa: E402 - likewise

from django_tests.browsing import browser  # noqa: E402 - it imports models, which need Django set up
from django_tests.site import Site  # noqa: E402 - it imports models, which need Django set up

NOWHERE = "127.0.0.1:9"
"""The discard port: tests that do not ask for `broker` do not reach one."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need the broker, so that `scripts/test-django.sh` leaves out exactly these."""
    for item in items:
        if "kafka" in getattr(item, "fixturenames", ()):
            item.add_marker("broker")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for every test."""
    # Playwright's event loop runs in this thread, which Django would take for async code.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with browser() as opened:
        yield opened
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def site_template(postgres: PostgresServer) -> str:
    """The name of a database to copy, with every table of the site."""
    postgres.create("site_template")
    site = Site(database_url=postgres.url("site_template"), broker=NOWHERE)
    site.run("migrate", "--verbosity=0")
    return "site_template"


@pytest.fixture
def postgres_url(postgres: PostgresServer, site_template: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a PostgreSQL database with every table of the site and no rows."""
    name = f"site_{abs(hash(request.node.nodeid)):x}"
    postgres.create(name, template=site_template)
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database to copy, with every table of the site."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    Site(database_url=f"sqlite:///{path}", broker=NOWHERE).run("migrate", "--verbosity=0")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The address of a SQLite database with every table of the site and no rows."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'site.sqlite3')}"


@pytest.fixture(scope="session")
def migrated_mariadb(mariadb: MariaServer) -> MariaServer:
    """A MariaDB whose database `site` has every table of the site."""
    mariadb.create("site")
    Site(database_url=mariadb.url("site"), broker=NOWHERE).run("migrate", "--verbosity=0")
    return mariadb


@pytest.fixture
def mariadb_url(migrated_mariadb: MariaServer) -> Iterator[str]:
    """The address of a MariaDB database with every table of the site and no rows."""
    yield migrated_mariadb.url("site")
    models = [model for app in ("posters", "testimonials") for model in apps.get_app_config(app).get_models()]
    migrated_mariadb.empty("site", [model._meta.db_table for model in models])


@pytest.fixture(params=["postgresql", "sqlite", "mariadb"])
def database_url(request: pytest.FixtureRequest) -> str:
    """One database after the other."""
    names = {"postgresql": "postgres_url", "sqlite": "sqlite_url", "mariadb": "mariadb_url"}
    return str(request.getfixturevalue(names[request.param]))


@pytest.fixture
def any_site(database_url: str) -> Iterator[Site]:
    """The site without a broker, on each database."""
    with Site(database_url=database_url, broker=NOWHERE) as site:
        yield site


@pytest.fixture
def plain_site(sqlite_url: str) -> Iterator[Site]:
    """The site without a broker, for what is the same on each database."""
    with Site(database_url=sqlite_url, broker=NOWHERE) as site:
        yield site


@pytest.fixture
def any_site_with_broker(database_url: str, broker: str) -> Iterator[Site]:
    """The site on each database, with a broker that has every topic."""
    with Site(database_url=database_url, broker=broker) as site:
        yield site


@pytest.fixture
def site(postgres_url: str, broker: str) -> Iterator[Site]:
    """The site on PostgreSQL, with a broker that has every topic."""
    with Site(database_url=postgres_url, broker=broker) as site:
        yield site
