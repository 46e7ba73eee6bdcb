"""prune_posters: old posters that no row shows are deleted, with their pictures."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone
from django_posters.models import Job, OutboxEvent, Poster, TemplateCommand
from django_posters.requests import pruning
from django_posters.requests.pruning import prune
from testimonials import models

import schemas.codec
from django_posters import request_poster, request_posters
from django_tests.requests.test_last_picture import finish
from django_tests.site import Site, make_testimonial
from schemas.requests import PosterEraseRequested

MONTH = timedelta(days=30)


def age() -> None:
    """Make every job old and finished, and publish the outbox."""
    Job.objects.update(requested_at=timezone.now() - 2 * MONTH, status="completed")
    OutboxEvent.objects.all().delete()


def orders() -> list[tuple[str | None, str | None, str | None]]:
    """Return the erasures in the outbox: job, section and entity of each."""
    values = OutboxEvent.objects.order_by("pk").values_list("value", flat=True)
    read = [schemas.codec.decode(bytes(value), PosterEraseRequested) for value in values]
    return [(order.job_id, order.section, order.entity_id) for order in read]


def key(number: int) -> dict[str, str]:
    return {"object_key": f"posters/{number}.png", "url": f"https://cdn.test/{number}.png"}


def test_replaced_posters_are_deleted_with_their_pictures(any_site: Site) -> None:
    """What a row showed before, and the posters of deleted rows, go; what a row shows stays."""
    row, gone = make_testimonial(), make_testimonial(author="Ada")
    old, orphan, current = request_poster(row), request_poster(gone), request_poster(row, reuse=False)
    for number, poster in enumerate((old, orphan, current)):
        finish(poster, **key(number))
    gone.delete()
    age()

    pruned = prune(MONTH)

    assert (pruned.jobs, pruned.posters) == (2, 2)
    assert list(Poster.objects.all()) == [current]
    assert sorted(orders()) == sorted([(old.job_id, None, None), (orphan.job_id, None, None)])
    assert prune(MONTH).jobs == 0


def test_picture_that_is_still_shown_stays(any_site: Site) -> None:
    """A poster stays while the newest one of its row shows its picture, but not because a replaced one does."""
    row, other = make_testimonial(), make_testimonial(author="Ada")
    finish(request_poster(row), **key(1))
    finish(request_poster(row, reuse=False), "failed")
    old = request_poster(other)
    finish(old, **key(2))
    failed = request_poster(other, reuse=False)
    finish(failed, "failed")
    finish(request_poster(other, reuse=False), **key(3))
    age()

    assert prune(MONTH).jobs == 2
    assert not Poster.objects.filter(pk__in=[old.pk, failed.pk]).exists()
    assert models.Testimonial.objects.get(pk=row.pk).poster.url == key(1)["url"]  # type: ignore[union-attr]


def test_poster_that_the_site_links_to_stays(any_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that no PosterField links to, but another key of the site: its rows are not deleted along."""
    row = make_testimonial()
    linked = request_poster(row)
    finish(linked, **key(1))
    finish(request_poster(row, reuse=False), **key(2))
    age()
    # Stands for a foreign key in a model of the site.
    other = models.Testimonial.objects.create(author="Ada", quote="…", rating=1, poster=linked)
    Poster.objects.filter(pk=linked.pk).update(owner_model="gone.model", field_name="picture")

    assert prune(MONTH).jobs == 0
    other.delete()
    assert prune(MONTH).jobs == 1


def test_large_jobs_are_looked_at_one_by_one(plain_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many posters are in memory at a time; all jobs are pruned all the same."""
    monkeypatch.setattr(pruning, "_MAX_POSTERS", 3)
    seen: list[int] = []
    delete = pruning._delete

    def note(job_id: str, posters: list[Poster]) -> None:
        seen.append(len(posters))
        delete(job_id, posters)

    monkeypatch.setattr(pruning, "_delete", note)
    for count in (2, 2, 5, 1, 1):
        for number in range(count):
            make_testimonial(author=f"Author {number}")
        request_posters(models.Testimonial.objects.all())
        Poster.objects.update(status="completed")
        models.Testimonial.objects.all().delete()
    age()
    chunks = [len(chunk) for chunk in pruning._chunks(timezone.now())]

    assert chunks == [1, 1, 1, 2]
    assert prune(MONTH).posters == 11
    assert seen == [2, 2, 5, 1, 1]


def test_equal_picture_of_another_job_is_not_erased(any_site: Site) -> None:
    """The workers store equal pictures of a row once, so only the last job that has one erases it."""
    row = make_testimonial()
    for number in (1, 1, 2, 1):
        finish(request_poster(row, reuse=False), **key(number))
    age()
    erased = Poster.objects.get(url=key(2)["url"])

    assert prune(MONTH).jobs == 3

    assert orders() == [(erased.job_id, None, None)]


def test_batch_goes_as_a_whole(any_site: Site) -> None:
    """A batch of which one poster is shown stays; the workers erase a batch only as a whole."""
    one, two = make_testimonial(), make_testimonial(author="Ada")
    batch = request_posters(models.Testimonial.objects.all())
    for number, poster in enumerate(batch.posters.all()):
        finish(poster, **key(number))
    finish(request_poster(one, reuse=False), **key(7))
    age()
    before = prune(MONTH)
    finish(request_poster(two, reuse=False), **key(8))
    age()

    after = prune(MONTH)

    assert (before.jobs, after.jobs, after.posters) == (0, 1, 2)
    assert orders() == [(batch.pk, None, None)]


def test_young_and_unfinished_jobs_stay(any_site: Site) -> None:
    """Nothing younger is deleted, nothing that has no outcome, and nothing in a dry run."""
    row = make_testimonial()
    request_poster(row)
    finish(request_poster(row, reuse=False), **key(1))
    finish(request_poster(row, reuse=False), **key(2))
    young = prune(MONTH)
    age()

    dry = prune(MONTH, dry_run=True)

    assert (young.jobs, dry.jobs, Job.objects.count(), orders()) == (0, 1, 3, [])


def test_previews_are_erased_by_section(any_site: Site) -> None:
    """Old template commands are deleted; the pictures of a section's previews are erased, unless a row is named so."""
    for section, url in (("testimonial", "https://cdn.test/1.png"), ("menu", "https://cdn.test/2.png"), ("card", "")):
        TemplateCommand.objects.create(
            command_id=uuid.uuid4(), kind="template.preview", section=section, url=url, created_at=timezone.now()
        )
    TemplateCommand.objects.update(created_at=timezone.now() - 2 * MONTH)
    poster = request_poster(make_testimonial())
    Poster.objects.filter(pk=poster.pk).update(section="menu", entity_id="preview")
    OutboxEvent.objects.all().delete()

    pruned = prune(MONTH)

    assert (pruned.commands, pruned.previews, TemplateCommand.objects.count()) == (3, 1, 0)
    assert orders() == [(None, "testimonial", "preview")]


def test_command_prunes_and_reports(any_site: Site) -> None:
    """`manage.py prune_posters` takes the age and prints what it deleted."""
    row = make_testimonial()
    finish(request_poster(row), **key(1))
    finish(request_poster(row, reuse=False), **key(2))
    age()

    dry = any_site.run("prune_posters", "--older-than", "30d", "--dry-run").stdout
    done = any_site.run("prune_posters", "--older-than", "30d").stdout
    without = any_site.run("prune_posters", check=False)

    assert "1 jobs with 1 posters" in dry
    assert "would be deleted" in dry
    assert "are deleted" in done
    assert Poster.objects.count() == 1
    assert "--older-than" in without.stderr
