"""The distribution: sdist, wheel, dependencies and types."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.packaging.clean_environment import build_distribution, make_environment

PROJECT = Path(__file__).parents[2]
CONTRACT = Path(__file__).parents[3] / "schemas"
CACHE = Path(__file__).parents[3] / ".mypy_cache" / "site"
"""A cache, because mypy needs long for Django's stubs."""

USE_IT = """
import sys
from pathlib import Path
from django.conf import settings

settings.configure(
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django_posters",
    ],
    SILENCED_SYSTEM_CHECKS=["admin.E403", "admin.E408", "admin.E409", "admin.E410"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    POSTERS={"BOOTSTRAP_SERVERS": "localhost:9092", "SITE": "shop"},
)
import django
django.setup()
from django.core.management import call_command
call_command("check")
call_command("migrate", verbosity=0)
import django_posters
from django_posters import request_poster
from django_posters.contract import codec
from django_posters.models import Poster
import importlib, pkgutil
for found in pkgutil.walk_packages(django_posters.__path__, "django_posters."):
    if not found.name.startswith("django_posters.contract") and found.name != "django_posters.pytest_plugin":
        importlib.import_module(found.name)
assert Poster.objects.count() == 0
for name in ("faust", "playwright", "schemas", "streams", "agents", "psycopg", "pytest"):
    assert importlib.util.find_spec(name) is None, name
for module in (django_posters, codec):
    assert Path(module.__file__).is_relative_to(sys.argv[1]), module.__file__
"""

TYPED_SITE = {
    "mypy.ini": """
[mypy]
strict = True
plugins = mypy_django_plugin.main
packages = shop

[mypy.plugins.django-stubs]
django_settings_module = website
""",
    "website.py": """
SECRET_KEY = "for tests"
INSTALLED_APPS = ["django.contrib.contenttypes", "django_posters", "shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
POSTERS = {"SITE": "shop", "BACKEND": "placeholder"}
""",
    "shop/__init__.py": "",
    "shop/models.py": """
from django.db import models
from django_posters import PosterField


class Testimonial(models.Model):
    quote = models.TextField()
    poster = PosterField("testimonial", data="poster_data")

    def poster_data(self) -> dict[str, object]:
        return {"quote": self.quote}
""",
    "shop/posters.py": """
from collections.abc import Sequence
from datetime import datetime
from typing import Any, assert_type

from django.dispatch import receiver
from django_posters import (
    acancel_job, aerase_poster, arequest_poster, arequest_posters, cancel_job, erase_poster, job_finished,
    poster_finished, request_poster, request_posters,
)
from django_posters.models import Job, Poster
from django_posters.testing import CapturedPoster, capture_posters

from shop.models import Testimonial


@receiver(poster_finished, sender=Testimonial)
def show(poster: Poster, **_: Any) -> None:
    assert_type(poster.status, str)
    assert_type(poster.url, str)
    assert_type(poster.width, int | None)
    assert_type(poster.finished_at, datetime | None)
    assert_type(poster.is_finished, bool)


@receiver(job_finished)
def count(job: Job, **_: Any) -> None:
    assert_type(job.success_count, int)
    assert_type([poster.entity_id for poster in job.posters.all()], list[str])


def ask(row: Testimonial, deadline: datetime) -> None:
    output = {"format": "jpeg", "width": 1200}
    poster = request_poster(row, metadata={"user": 7}, output=output, priority="bulk", deadline=deadline)
    assert_type(poster, Poster)
    assert_type(poster.metadata, dict[str, Any])
    assert_type(poster.job, Job)
    assert_type(row.poster, Poster | None)
    assert_type(request_posters(Testimonial.objects.filter(quote="x"), reuse=False), Job)
    assert_type(cancel_job(poster.job, reason="withdrawn"), bool)
    assert_type(erase_poster(row), int)
    request_poster(row, priority="urgent")  # type: ignore[arg-type]
    request_poster(row, outptu=output)  # type: ignore[call-arg]


async def ask_from_async_code(row: Testimonial) -> None:
    poster = await arequest_poster(row, strict=True)
    assert_type(poster, Poster)
    assert_type(await arequest_posters(Testimonial.objects.all()), Job)
    assert_type(await acancel_job(poster.job), bool)
    assert_type(await aerase_poster(row), int)
    await arequest_poster(row, priority="urgent")  # type: ignore[arg-type]
    await arequest_poster(row, outptu={})  # type: ignore[call-arg]


def test(row: Testimonial) -> None:
    with capture_posters() as posters:
        request_poster(row)
    assert_type(posters[0], CapturedPoster)
    assert_type(posters[:1], Sequence[CapturedPoster])
    assert_type(posters[0].custom_data, dict[str, Any])
    assert_type(posters[0].succeed(url="https://cdn.test/1.png"), Poster)
""",
}


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel built from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    build_distribution(PROJECT, folder)
    return folder


def test_wheel_holds_the_contract_as_files(distributions: Path) -> None:
    """Every module of the contract is in the wheel byte for byte, with types, migrations and commands."""
    with zipfile.ZipFile(next(distributions.glob("*.whl"))) as wheel:
        names = wheel.namelist()
        packed = {path.name: wheel.read(f"django_posters/contract/{path.name}") for path in CONTRACT.glob("*.py")}

    assert packed == {path.name: path.read_bytes() for path in CONTRACT.glob("*.py")}
    assert {
        "py.typed",
        "management/commands/relay_posters.py",
        "migrations/0001_initial.py",
        "locale/de/LC_MESSAGES/django.mo",
        "static/posters/codemirror/LICENSE",
        "static/posters/codemirror/codemirror.js",
        "static/posters/progress.js",
        "templates/admin/posters/editor.html",
        "templatetags/posters.py",
    } <= {name.removeprefix("django_posters/") for name in names}
    assert not [
        name for name in names if name.split("/")[0] not in ("django_posters", "django_posters-0.1.0.dist-info")
    ]


@pytest.fixture
def clean(distributions: Path, tmp_path: Path) -> Path:
    """The Python of an environment that has the wheel, what it depends on, and nothing else."""
    dependencies = {"confluent-kafka", "django", "msgspec", "orjson"}
    return make_environment(tmp_path / "clean", next(distributions.glob("*.whl")), dependencies)


def test_wheel_names_its_dependencies_and_its_plugin(distributions: Path) -> None:
    """The wheel depends on four packages, and registers a pytest plugin."""
    with zipfile.ZipFile(next(distributions.glob("*.whl"))) as wheel:
        metadata = wheel.read("django_posters-0.1.0.dist-info/METADATA").decode()
        entry_points = wheel.read("django_posters-0.1.0.dist-info/entry_points.txt").decode()

    required = [Requirement(line) for line in re.findall(r"^Requires-Dist: (.+)$", metadata, re.MULTILINE)]
    assert {item.name for item in required if item.marker is None} == {"confluent-kafka", "django", "msgspec", "orjson"}
    assert "django_posters = django_posters.pytest_plugin" in entry_points


def test_wheel_brings_its_license(distributions: Path) -> None:
    """The wheel names its license as an SPDX expression and contains the text, as does the sdist."""
    with zipfile.ZipFile(next(distributions.glob("*.whl"))) as wheel:
        metadata = wheel.read("django_posters-0.1.0.dist-info/METADATA").decode()
        text = wheel.read("django_posters-0.1.0.dist-info/licenses/LICENSE").decode()

    assert "License-Expression: BSD-3-Clause AND MIT\n" in metadata
    assert text == (PROJECT / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("BSD 3-Clause License\n\nCopyright (c) 2026, the Posterstream developers\n")
    assert (next((distributions / "source").iterdir()) / "LICENSE").read_text(encoding="utf-8") == text


def test_wheel_works_in_a_clean_environment(clean: Path, tmp_path: Path) -> None:
    """With its dependencies and nothing else, the app passes its checks, migrates, and every module can be imported."""
    done = subprocess.run(
        [clean, "-I", "-W", "error", "-c", USE_IT, str(clean.parents[1])],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_site_has_types_of_all_it_calls(distributions: Path, tmp_path: Path) -> None:
    """Under strict mypy a site that installed the wheel gets the documented types, not Any, and errors for typos."""
    wheel, site = tmp_path / "wheel", tmp_path / "site"
    with zipfile.ZipFile(next(distributions.glob("*.whl"))) as packed:
        packed.extractall(wheel)
    for name, body in TYPED_SITE.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8")

    # Both mypy and the plugin in it look for packages along this path, and find the wheel before the working tree.
    environment = os.environ | {"PYTHONPATH": f"{wheel}{os.pathsep}{site}"}
    del environment["DJANGO_SETTINGS_MODULE"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--verbose", "--cache-dir", CACHE],
        cwd=site,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert f"{wheel}/django_posters/requests/single.py" in done.stderr
