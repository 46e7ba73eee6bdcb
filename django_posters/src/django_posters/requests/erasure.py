"""Erase posters: the workers delete images and data, the site clears links and URLs at once."""

import uuid
from typing import Any, Final

from django.db import models, transaction
from django.db.models import F
from django.utils import timezone

from django_posters.conf import get_settings
from django_posters.contract.requests import PosterEraseRequested
from django_posters.database import database_alias
from django_posters.errors import RequestError
from django_posters.fields import PosterField
from django_posters.models import Job, Poster
from django_posters.owners import labels_of_row, owner_model
from django_posters.results.pictures import NO_PICTURE, forget_pictures
from django_posters.row_ids import id_text

from .async_variant import async_variant
from .delivery import send_control
from .rows import check_saved, find_field

_CHUNK_SIZE: Final = 500


def erase_poster(instance: models.Model, *, field: str | None = None) -> int:
    """Erase every poster that a row ever had, unlink the row, and return the number of posters.

    Everything is written in the current transaction, which also clears the URLs. The workers then delete the images and
    the data they were rendered from, and `poster_erased` is sent for each poster. A poster in progress is deleted when
    it is finished. `instance` may also be a Poster, for example of a deleted row: then only that poster is erased.

    The workers cannot address one poster of a batch. It is erased by section and primary key, which also erases the
    images of other models of the site with the same section and primary key.

    Raises RequestError or PostersSettingsError before anything is written.
    """
    get_settings()
    if isinstance(instance, Poster):
        return _erase(Poster.objects.using(database_alias()).filter(pk=instance.pk))
    poster_field = find_field(type(instance), field)
    check_saved(instance, "erase before the row is deleted, or give its Poster: erase_poster() also takes that")
    return erase_row(instance, poster_field)


def erase_row(instance: models.Model, field: PosterField) -> int:
    """Erase every poster that a saved row ever had for this field, unlink the row, and return their number."""
    count = _erase(_posters_of(instance, field))
    field.link(instance, None)
    return count


def erase_job(job: Job) -> int:
    """Erase every poster of a job, unlink their rows, and return the number of posters.

    Raises RequestError or PostersSettingsError before anything is written.
    """
    get_settings()
    if not isinstance(job, Job):
        raise RequestError(f"erase_job() takes a Job, not a {type(job).__name__}; pass `poster.job`")
    with transaction.atomic(using=database_alias()):
        posters = Poster.objects.using(database_alias()).filter(job=job)
        count = _clear(posters)
        send_erasure(job.job_id, job_id=job.job_id)
    return count


aerase_poster = async_variant(erase_poster)
aerase_job = async_variant(erase_job)


def _posters_of(instance: models.Model, field: PosterField) -> models.QuerySet[Poster]:
    labels = labels_of_row(type(instance)._meta.label_lower, field.name)
    posters = Poster.objects.using(database_alias()).filter(owner_model__in=labels)
    return posters.filter(field_name=field.name, entity_id=id_text(instance.pk)).exclude(
        erased_generation__gte=F("generation")
    )


def _erase(posters: models.QuerySet[Poster]) -> int:
    with transaction.atomic(using=database_alias()):
        for poster in posters.select_related("job").order_by("requested_at"):
            # The key is that of the job, so that the erasure comes after the job's requests.
            if poster.job.total_count == 1:
                send_erasure(poster.job_id, job_id=poster.job_id)
            else:
                send_erasure(poster.job_id, section=poster.section, entity_id=poster.entity_id)
        return _clear(posters)


def _clear(posters: models.QuerySet[Poster]) -> int:
    for label, name in sorted(set(posters.order_by().values_list("owner_model", "field_name"))):
        model = owner_model(label)
        if model is not None and name in {field.name for field in model._meta.get_fields()}:
            _unlink(model, name, list(posters.filter(owner_model=label, field_name=name).values_list("pk", flat=True)))
    forget_pictures(list(posters.order_by().values_list("pk", flat=True)))
    return posters.update(**NO_PICTURE, retry_at=None)


def _unlink(model: type[models.Model], name: str, ids: list[uuid.UUID]) -> None:
    rows = model._base_manager.using(database_alias())
    for start in range(0, len(ids), _CHUNK_SIZE):
        rows.filter(**{f"{name}__in": ids[start : start + _CHUNK_SIZE]}).update(**{name: None})


def send_erasure(key: str, **target: Any) -> None:
    """Send the erasure of a job, or of an entity of a section, when the current transaction commits."""
    site = get_settings().site
    request = PosterEraseRequested(event_id=uuid.uuid4(), occurred_at=timezone.now(), source=site, **target)
    send_control(request, key=key)
