"""Migrations say what the models say."""

from pathlib import Path

import django_posters
from django_tests.site import Site


def test_no_migration_is_missing(sqlite_url: str) -> None:
    """`makemigrations --check` finds nothing to write, here and in the example."""
    Site(database_url=sqlite_url, broker="127.0.0.1:9").run("makemigrations", "--check", "--dry-run")


def test_migrations_apply_and_go_back(database_url: str) -> None:
    """Every table is made and removed again, on each database."""
    site = Site(database_url=database_url, broker="127.0.0.1:9")

    site.run("migrate", "testimonials", "zero")
    site.run("migrate", "posters", "zero")
    site.run("migrate")


def test_migrations_are_part_of_the_package() -> None:
    """The committed migrations are numbered without a gap."""
    folder = Path(django_posters.__file__).parent / "migrations"

    numbers = [int(path.name[:4]) for path in sorted(folder.glob("[0-9]*.py"))]

    assert numbers == list(range(1, len(numbers) + 1))
