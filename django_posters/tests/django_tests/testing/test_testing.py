"""What a site's own tests use: capture_posters(), and the fixture of the same."""

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.db import transaction
from django_posters.testing import capture_posters
from testimonials import models

from django_posters import job_finished, request_poster, request_posters
from django_tests.site import Site, make_testimonial

SITE_TEST = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
import django
django.setup()
from django.core.management import call_command

def test_row_gets_its_poster(posters):
    call_command("migrate", verbosity=0)
    assert list(posters) == []
"""
SETTINGS = """
INSTALLED_APPS = ["django_posters"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
POSTERS = {"BOOTSTRAP_SERVERS": "localhost:9092", "SITE": "shop"}
"""


class _RolledBackError(Exception):
    """Raised to roll back a transaction."""


def test_request_is_captured(any_site: Site) -> None:
    """A test sees which template was asked for, with which data and metadata."""
    with capture_posters() as posters:
        testimonial = make_testimonial()
        request_poster(testimonial, metadata={"user_id": 7})

    [captured] = posters
    assert (captured.template_id, captured.entity_id) == ("testimonial_latest", str(testimonial.pk))
    assert (captured.custom_data, captured.metadata) == (testimonial.poster_data(), {"user_id": 7})
    assert captured.poster.status == "queued"


def test_rolled_back_request_is_not_captured(any_site: Site) -> None:
    """What was never asked for in the end is not in the list, and what comes after the block neither."""
    with capture_posters() as posters:
        with contextlib.suppress(_RolledBackError), transaction.atomic():
            request_poster(make_testimonial())
            raise _RolledBackError
        kept = request_poster(make_testimonial())
    request_poster(make_testimonial())

    assert [captured.poster for captured in posters] == [kept]


def test_result_takes_the_real_way(any_site: Site) -> None:
    """A test says what came of a poster, and the site's receivers hear of it as in production."""
    with capture_posters() as posters:
        for number in range(3):
            request_poster(make_testimonial(author=f"Author {number}"))

    done, failed = posters[0].succeed(url="https://cdn.test/p.png"), posters[1].fail("upload", "the store is full")
    cancelled = posters[2].cancel()

    assert [poster.status for poster in (done, failed, cancelled)] == ["completed", "failed", "cancelled"]
    assert (failed.error_code, failed.error_message) == ("upload", "the store is full")
    assert models.Testimonial.objects.get(poster=done).poster_url == "https://cdn.test/p.png"
    assert done.job.status == "completed"


def test_batch_is_captured_and_ends(any_site: Site) -> None:
    """Each poster of a batch is in the list, and with the last of them the job is finished."""
    told: list[str] = []

    def hear(job: Any, **_: Any) -> None:
        told.append(job.status)

    for number in range(3):
        make_testimonial(author=f"Author {number}")
    job_finished.connect(hear)
    try:
        with capture_posters() as posters:
            job = request_posters(models.Testimonial.objects.order_by("pk"))
        for captured in posters:
            before = list(told)
            captured.succeed()
    finally:
        job_finished.disconnect(hear)

    assert [captured.custom_data["author"] for captured in posters] == [f"Author {number}" for number in range(3)]
    assert (before, told) == ([], ["completed"])
    job.refresh_from_db()
    assert job.success_count == 3


def test_variants_and_what_is_missing_are_shown(any_site: Site) -> None:
    """A completed poster has its variants, and a test says which assets and warnings it got."""
    with capture_posters() as posters:
        request_poster(make_testimonial(), output={"variants": [{"name": "a"}, {"name": "b", "width": 300}]})

    poster = posters[0].succeed(degraded=True, warnings=[{"code": "asset_status", "message": "404"}])

    assert [(image.name, image.width) for image in poster.images] == [("a", 1080), ("b", 300)]
    assert (poster.degraded, poster.warnings) == (True, [{"code": "asset_status", "message": "404"}])
    assert posters[0].alt == "Maya: They just appear."


def test_result_that_no_worker_sends_is_refused(any_site: Site) -> None:
    """A code that is not of the contract, or a field that no event has, fails the test that uses it."""
    with capture_posters() as posters:
        request_poster(make_testimonial())

    with pytest.raises(msgspec.ValidationError, match="nonsense"):
        posters[0].fail("nonsense")
    with pytest.raises(msgspec.ValidationError):
        posters[0].succeed(width="wide")


def test_fixture_needs_no_import(tmp_path: Path) -> None:
    """With the package installed a test takes `posters` as an argument, and nothing is imported too early."""
    (tmp_path / "test_site.py").write_text(SITE_TEST, encoding="utf-8")
    (tmp_path / "settings.py").write_text(SETTINGS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]

    done = subprocess.run(
        [*command, "-c", "/dev/null", "--rootdir", str(tmp_path), str(tmp_path / "test_site.py")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
