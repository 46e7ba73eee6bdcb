"""Models as sites have them: keys of several kinds, proxies, inheritance, routers. A site of its own for each test."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SITE = """
import json
import sys
from pathlib import Path

import django
from django.conf import settings

database = {"ENGINE": "django.db.backends.sqlite3", "NAME": Path.cwd() / "site.sqlite3"}
settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django_posters", "shop"],
    DATABASES={"default": database, "replica": database, "archive": database | {"NAME": Path.cwd() / "a.sqlite3"}},
    POSTERS={"SITE": "shop", "BOOTSTRAP_SERVERS": "127.0.0.1:9"} | json.loads(sys.argv[1]),
    DATABASE_ROUTERS=json.loads(sys.argv[2]),
    USE_TZ=True,
)
django.setup()

from django.apps import apps
from django.core.management import call_command
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_posters import erase_poster, request_poster, request_posters
from django_posters.models import OutboxEvent, Poster
from django_posters.requests.degraded import retry_degraded
from django_posters.requests.reconciliation import reconcile
from django_posters.testing import capture_posters
from shop.models import *

for alias in ("default", "archive"):
    call_command("migrate", database=alias, verbosity=0)
    with connections[alias].schema_editor() as editor:
        for model in apps.get_app_config("shop").get_models():
            if not model._meta.proxy:
                editor.create_model(model)
"""
MODELS = """
import uuid
from django.db import models
from django_posters import PosterField


class Item(models.Model):
    title = models.CharField(max_length=80)
    poster = PosterField("item", data="poster_data")

    class Meta:
        abstract = True

    def poster_data(self):
        return {"title": self.title}
"""


def run(tmp_path: Path, models: str, script: str, *, routers: list[str] | None = None, **posters: Any) -> Any:
    """Run a script in a site with these models, and return what it assigns to `result`."""
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "__init__.py").touch()
    (shop / "models.py").write_text(MODELS + models, encoding="utf-8")
    source = f"{SITE}\n{script}\nprint(json.dumps(result))"
    done = subprocess.run(
        [sys.executable, "-c", source, json.dumps(posters), json.dumps(routers or [])],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


KEYS = """
class ByUuid(Item):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)

class ByName(Item):
    name = models.SlugField(primary_key=True)

class ByBoth(Item):
    pk = models.CompositePrimaryKey("shelf", "made")
    shelf = models.IntegerField()
    made = models.DateField()
"""


def test_every_kind_of_primary_key_works(tmp_path: Path) -> None:
    """UUIDs, texts and composite keys: alone, in a batch, after a failure, and erased; `poster.row` is the row."""
    result = run(
        tmp_path,
        KEYS,
        """
from datetime import date
rows = [
    ByUuid.objects.create(title="a"),
    ByName.objects.create(title="b", name="a_25-b"),
    ByBoth.objects.create(title="c", shelf=7, made=date(2026, 5, 4)),
]
result = []
for row in rows:
    with capture_posters() as posters:
        poster = request_poster(row)
        again = request_poster(type(row).objects.get(pk=row.pk))
        job = request_posters(type(row).objects.all(), reuse=False)
        posters[1].succeed(degraded=True)
        Poster.objects.exclude(retry_at=None).update(retry_at=timezone.now())
        retried = retry_degraded()
    newest = type(row).objects.get(pk=row.pk).poster
    result.append([
        poster == again, poster.row == row, job.total_count, retried, newest.shows_earlier, erase_poster(row)
    ])
""",
    )

    assert result == [[True, True, 1, 1, True, 3]] * 3


def test_row_whose_model_has_other_keys_now_is_gone(tmp_path: Path) -> None:
    """A poster from before a model got UUIDs has no row: neither retries nor reconcile_posters end by it."""
    result = run(
        tmp_path,
        KEYS,
        """
from datetime import timedelta
row = ByUuid.objects.create(title="a")
with capture_posters() as posters:
    request_poster(row), request_poster(row, reuse=False)
    posters[0].succeed(degraded=True)
OutboxEvent.objects.all().delete()
Poster.objects.update(entity_id="5", requested_at=timezone.now() - timedelta(days=2))
Poster.objects.exclude(retry_at=None).update(retry_at=timezone.now())
result = [
    [str(poster.row) for poster in Poster.objects.all()],
    retry_degraded(),
    reconcile(timedelta(days=1))["given_up"],
]
""",
    )

    assert result == [["None", "None"], 0, 1]


FAMILY = """
class Parent(Item):
    pass

class Proxy(Parent):
    class Meta:
        proxy = True

class Child(Parent):
    subtitle = models.TextField()

class ProxyOfChild(Child):
    class Meta:
        proxy = True

class Shelf(models.Model):
    pass

class Kept(Item):
    shelf = models.ForeignKey(Shelf, on_delete=models.CASCADE)

PAIRS = [(Parent, Proxy), (Proxy, Parent), (Child, Parent), (Parent, Child), (ProxyOfChild, Proxy)]
"""


def test_last_picture_is_that_of_the_row_by_whatever_model(tmp_path: Path) -> None:
    """A row is one of a proxy, of its parent and of its child: a late or a failing result finds its pictures."""
    result = run(
        tmp_path,
        FAMILY,
        """
result = []
for first, second in PAIRS:
    pk = ProxyOfChild.objects.create(title="a", subtitle="b").pk
    with capture_posters() as posters:
        request_poster(first.objects.get(pk=pk))
        newer = request_poster(second.objects.get(pk=pk), reuse=False)
        posters[0].succeed(url="https://cdn.test/first.png")
        meanwhile = Poster.objects.get(pk=newer.pk).url
        Poster.objects.filter(pk=newer.pk).update(url="", picture_of=None)
        afterwards = posters[1].fail("upload").url
    result.append([meanwhile, afterwards])
""",
    )

    assert result == [["https://cdn.test/first.png"] * 2] * 5


def test_deleted_row_is_erased_by_whatever_model(tmp_path: Path) -> None:
    """With ERASE_ON_DELETE a row takes its pictures along: deleted by a proxy, a child, a parent, or a cascade."""
    result = run(
        tmp_path,
        FAMILY,
        """
from django_posters.contract.codec import decode
from django_posters.contract.requests import PosterEraseRequested

def erased_by(delete, row):
    poster = request_poster(row)
    OutboxEvent.objects.all().delete()
    delete()
    # For a proxy with a child Django sends the signal twice: as a row of each of both models.
    events = [bytes(event.value) for event in OutboxEvent.objects.all()]
    return {decode(event, PosterEraseRequested).job_id for event in events} == {poster.job_id}

result = []
for first, second in PAIRS:
    row = ProxyOfChild.objects.create(title="a", subtitle="b")
    result.append(erased_by(second.objects.get(pk=row.pk).delete, first.objects.get(pk=row.pk)))
    row = ProxyOfChild.objects.create(title="a", subtitle="b")
    result.append(erased_by(second.objects.filter(pk=row.pk).delete, first.objects.get(pk=row.pk)))
shelf = Shelf.objects.create()
result.append(erased_by(shelf.delete, Kept.objects.create(title="a", shelf=shelf)))
""",
        ERASE_ON_DELETE=True,
    )

    assert result == [True] * 11


ROUTER = """
class Thing(Item):
    pass


class Replicated:
    def db_for_read(self, model, **hints):
        return "replica"

    def db_for_write(self, model, **hints):
        return "default"
"""


def test_rows_of_a_replica_are_requested(tmp_path: Path) -> None:
    """Rows may be read from a replica, as long as they are written where the posters are."""
    result = run(
        tmp_path,
        ROUTER,
        """
Thing.objects.create(title="a")
row = Thing.objects.get()
poster = request_poster(row)
with CaptureQueriesContext(connections["replica"]) as read:
    job = request_posters(Thing.objects.all(), reuse=False)
row = Thing.objects.get()
row.delete()
result = [row._state.db, Poster.objects.get(pk=poster.pk).row is None, job.total_count, len(read)]
result.append(OutboxEvent.objects.count())
""",
        routers=["shop.models.Replicated"],
        ERASE_ON_DELETE=True,
    )

    assert result == ["replica", True, 1, 0, 4]


def test_copy_of_a_row_in_another_database_is_left_alone(tmp_path: Path) -> None:
    """ERASE_ON_DELETE does not refuse to delete rows of a database without posters, and a request there is refused."""
    result = run(
        tmp_path,
        ROUTER,
        """
from django_posters import RequestError
Thing.objects.using("archive").create(title="a")
row = Thing.objects.using("archive").get()
try:
    request_poster(row)
except RequestError as error:
    result = [str(error)]
result += [Thing.objects.using("archive").all().delete()[0], OutboxEvent.objects.count()]
""",
        ERASE_ON_DELETE=True,
    )

    assert "is in the database 'archive', the posters are in 'default'" in result[0]
    assert result[1:] == [1, 0]


def test_saved_row_has_all_its_columns(tmp_path: Path) -> None:
    """After save() no column is left to be read by a query, also where the server cannot return it, as MariaDB."""
    result = run(
        tmp_path,
        ROUTER,
        """
type(connections["default"].features).can_return_rows_from_update = False
row = Thing.objects.create(title="a")
request_poster(row)
row = Thing.objects.select_related("poster").get()
row.save()
with CaptureQueriesContext(connections["default"]) as read:
    result = [sorted(row.get_deferred_fields()), row.poster_id == row.poster.pk, len(read)]
""",
    )

    assert result == [[], True, 0]
