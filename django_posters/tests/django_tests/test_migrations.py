"""Migrations match the models, apply on each database, and keep tables, columns, rows and permissions."""

import json
from pathlib import Path

from django.db import connection
from django_posters.models import Job, OutboxEvent, Poster
from django_posters.outbox.store import claim_events
from testimonials.models import Testimonial as Row

import django_posters
from django_posters import request_poster
from django_tests.site import Site, make_testimonial

NOWHERE = "127.0.0.1:9"
MAKE_OLD_ROWS = """
from django.db import connection
from django.contrib.auth.models import Group, Permission
with connection.cursor() as cursor:
    cursor.execute(
        "INSERT INTO posters_setasideevent (topic, `partition`, `offset`, error, seen_at)"
        " VALUES ('job-events', 1, 2, 'bad', '2026-05-04 03:02:01')".replace("`", connection.ops.quote_name("")[0])
    )
group, _ = Group.objects.get_or_create(name="operators")
group.permissions.add(Permission.objects.get(codename="view_setasideevent"))
"""
SHOW_ROWS = """
import json
from django.contrib.auth.models import Permission
from django.db import connection
from django_posters.models import DeadLetterEvent, PosterTemplate
with connection.cursor() as cursor:
    columns = connection.introspection.get_table_description(cursor, "posters_postertemplate")
    tables = connection.introspection.table_names(cursor)
print(json.dumps({
    "rows": [str(event) for event in DeadLetterEvent.objects.all()],
    "permissions": list(Permission.objects.filter(group__name="operators").values_list("codename", flat=True)),
    "columns": [column.name for column in columns if column.name.endswith("ed_at") or column.name == "told_at"],
    "tables": [table for table in tables if "setaside" in table or "deadletter" in table],
}))
"""


def test_no_migration_is_missing(sqlite_url: str) -> None:
    """`makemigrations --check` finds nothing to write, here and in the example."""
    Site(database_url=sqlite_url, broker=NOWHERE).run("makemigrations", "--check", "--dry-run")


def test_migrations_apply_and_go_back(database_url: str) -> None:
    """Every table is made and removed again, on each database."""
    site = Site(database_url=database_url, broker=NOWHERE)

    site.run("migrate", "testimonials", "zero")
    site.run("migrate", "posters", "zero")
    site.run("migrate")


def test_renamed_model_keeps_its_table_rows_and_permissions(database_url: str) -> None:
    """Dead letters and the permissions on them survive the rename in both directions, and the column keeps its name."""
    site = Site(database_url=database_url, broker=NOWHERE)
    site.run("migrate", "posters", "0002")
    site.run("shell", "-c", MAKE_OLD_ROWS)

    site.run("migrate", "posters")
    shown = json.loads(site.run("shell", "-c", SHOW_ROWS).stdout.splitlines()[-1])
    site.run("migrate", "posters", "0002")
    site.run("migrate", "posters")
    again = json.loads(site.run("shell", "-c", SHOW_ROWS).stdout.splitlines()[-1])

    assert shown == again
    assert shown == {
        "rows": ["job-events/1@2"],
        "permissions": ["view_deadletterevent"],
        "columns": ["archived_at", "told_at"],
        "tables": ["posters_setasideevent"],
    }


OLD_COLUMNS = {
    "posters_job": "job_id, owner_model, section, template_id, status, total_count, success_count, failure_count, "
    "cancelled_count, revision, metadata, requested_at, announced",
    "posters_poster": "id, job_id, poster_index, owner_model, field_name, entity_id, section, template_id, digest, "
    "metadata, output, strict, css_width, css_height, status, url, object_key, sha256, format, error_code, "
    "error_message, warnings, attempt, generation, requested_at, announced",
    "posters_outboxevent": "event_id, topic, key, value, headers, created_at, refused",
}


def test_former_version_can_write_rows(any_site: Site) -> None:
    """A process that does not know the columns of the latest migration inserts rows, which the new version reads."""
    request_poster(make_testimonial())
    with connection.cursor() as cursor:
        for table, names in OLD_COLUMNS.items():
            columns = ", ".join(connection.ops.quote_name(name) for name in names.split(", "))
            cursor.execute(f"CREATE TABLE old_{table} AS SELECT {columns} FROM {table}")  # noqa: S608
        Row.objects.update(poster=None)
        Job.objects.all().delete()
        OutboxEvent.objects.all().delete()
        for table, names in OLD_COLUMNS.items():
            columns = ", ".join(connection.ops.quote_name(name) for name in names.split(", "))
            cursor.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM old_{table}")  # noqa: S608
            cursor.execute(f"DROP TABLE old_{table}")

    poster = Poster.objects.get()

    assert (poster.images, poster.assets, poster.variant_sizes, poster.alt) == ([], [], [], "")
    assert (poster.degraded, poster.retry_at, poster.automatic_retries) == (False, None, 0)
    with claim_events(5) as events:
        assert [event.key for event in events] == [poster.job_id]
    Poster.objects.update(url="https://cdn.test/1.png", width=5, status="completed")
    [image] = Poster.objects.get().images
    assert (image.name, image.url, image.width) == ("default", "https://cdn.test/1.png", 5)


def test_migrations_are_part_of_the_package() -> None:
    """The committed migrations are numbered without a gap."""
    folder = Path(django_posters.__file__).parent / "migrations"

    numbers = [int(path.name[:4]) for path in sorted(folder.glob("[0-9]*.py"))]

    assert numbers == list(range(1, len(numbers) + 1))
