"""Pruning: delete old jobs with the rows and pictures of their posters, as far as no row of the site shows them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from django.db import models, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from django_posters.conf import get_settings
from django_posters.database import database_alias
from django_posters.models import FINISHED, Job, Poster, TemplateCommand

from .erasure import send_erasure

PREVIEW_ENTITY: Final = "preview"
"""The entity under which workers store the pictures of a section's previews."""
_PREVIEW: Final = "template.preview"
_CHUNK_SIZE: Final = 100
_MAX_POSTERS: Final = 5_000
"""Of the jobs that are looked at together, unless one job alone has more: so many are in memory."""

_COLUMNS: Final = ("job_id", "entity_id", "object_key", "image_data")

T = TypeVar("T")


@dataclass(slots=True)
class Pruned:
    """How much was deleted: jobs, posters, and answered template commands; of `previews` sections, the pictures."""

    jobs: int = 0
    posters: int = 0
    commands: int = 0
    previews: int = 0


def prune(older_than: timedelta, *, dry_run: bool = False) -> Pruned:
    """Delete the finished jobs that were requested longer ago than this, and have the workers erase their pictures.

    A job stays while a row of the site links to one of its posters, or such a poster shows one of its pictures. Equal
    pictures of a row are stored once: they are erased with the last job that has them. Template commands of that age
    are deleted as well, and the pictures of previews. Raises PostersSettingsError.
    """
    get_settings()
    before = timezone.now() - older_than
    pruned = Pruned()
    for chunk in _chunks(before):
        posters = _posters_by_job(chunk)
        for job_id in sorted(set(posters) - _needed(posters)):
            pruned.jobs += 1
            pruned.posters += len(posters[job_id])
            if not dry_run:
                _delete(job_id, posters[job_id])
    _prune_commands(before, pruned, dry_run)
    return pruned


def _chunks(before: datetime) -> Iterator[list[str]]:
    open_posters = Poster.objects.filter(job_id=OuterRef("pk")).exclude(status__in=FINISHED)
    jobs = Job.objects.using(database_alias()).filter(requested_at__lt=before, status__in=FINISHED)
    counts = jobs.exclude(Exists(open_posters)).order_by("pk").values_list("pk", "total_count")
    last = ""
    while found := list(counts.filter(pk__gt=last)[:_CHUNK_SIZE]):
        chunk, posters = list[str](), 0
        for job_id, count in found:
            posters += count
            if chunk and posters > _MAX_POSTERS:
                break
            chunk.append(job_id)
        yield chunk
        last = chunk[-1]


def _posters_by_job(job_ids: list[str]) -> dict[str, list[Poster]]:
    by_job: dict[str, list[Poster]] = {job_id: [] for job_id in job_ids}
    for poster in Poster.objects.using(database_alias()).filter(job__in=job_ids).only(*_COLUMNS):
        by_job[poster.job_id].append(poster)
    return by_job


def _needed(by_job: dict[str, list[Poster]]) -> set[str]:
    """Return the jobs to which a row links, or whose pictures a poster shows that stays."""
    posters = [poster for posters in by_job.values() for poster in posters]
    jobs = {poster.pk: poster.job_id for poster in posters}
    needed = {jobs[pk] for pk in _linked(posters)}
    for ids in _parts(list(jobs)):
        showing = Poster.objects.using(database_alias()).filter(picture_of__in=ids)
        for job_id, shown in showing.values_list("job_id", "picture_of"):
            if shown is not None and (job_id not in by_job or job_id in needed):
                needed.add(jobs[shown])
    return needed


def _linked(posters: list[Poster]) -> set[Any]:
    """Return the posters to which a row of any model links: by a PosterField, or by a foreign key of the site."""
    linked: set[Any] = set()
    for relation in Poster._meta.get_fields(include_hidden=True):
        if not isinstance(relation, models.ManyToOneRel):  # also of one-to-one keys, and of the tables of many-to-many
            continue
        rows, key = relation.related_model._base_manager.using(database_alias()), relation.field
        for part in _parts([poster.pk for poster in posters]):
            linked |= set(rows.filter(**{f"{key.name}__in": part}).values_list(key.attname, flat=True))
    return linked


def _delete(job_id: str, posters: list[Poster]) -> None:
    with transaction.atomic(using=database_alias()):
        if not _is_shared(job_id, posters):
            send_erasure(job_id, job_id=job_id)
        Job.objects.using(database_alias()).filter(pk=job_id).delete()


def _is_shared(job_id: str, posters: list[Poster]) -> bool:
    """Whether another job has a picture of this one: the workers would delete it for both."""
    own = {key for poster in posters for key in _keys(poster)}
    others = Poster.objects.using(database_alias()).exclude(job=job_id).only(*_COLUMNS)
    entities = sorted({poster.entity_id for poster in posters})
    return any(own & _keys(other) for part in _parts(entities) for other in others.filter(entity_id__in=part))


def _keys(poster: Poster) -> set[str]:
    return {poster.object_key, *(image.get("object_key", "") for image in poster.image_data)} - {""}


def _parts(values: list[T]) -> Iterator[list[T]]:
    return (values[start : start + _CHUNK_SIZE] for start in range(0, len(values), _CHUNK_SIZE))


def _prune_commands(before: datetime, pruned: Pruned, dry_run: bool) -> None:
    commands = TemplateCommand.objects.using(database_alias()).filter(created_at__lt=before)
    previews = commands.filter(kind=_PREVIEW).exclude(url="")
    sections = sorted(set(previews.order_by().values_list("section", flat=True)))
    # A row whose primary key is that word shares the folder of the previews.
    rows = Poster.objects.using(database_alias()).filter(entity_id=PREVIEW_ENTITY, section__in=sections)
    sections = sorted(set(sections) - set(rows.values_list("section", flat=True)))
    pruned.commands, pruned.previews = commands.count(), len(sections)
    if dry_run:
        return
    with transaction.atomic(using=database_alias()):
        for section in sections:
            send_erasure(f"preview_{section}", section=section, entity_id=PREVIEW_ENTITY)
        commands.delete()
