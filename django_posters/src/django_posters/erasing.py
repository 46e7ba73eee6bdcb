"""Have pictures deleted, and forget where they were."""

import uuid
from typing import Any

from django.apps import apps
from django.db import models, transaction
from django.db.models import F
from django.utils import timezone

from . import delivery, outbox
from .asynchronous import asynchronous
from .conf import get_settings
from .contract.requests import PosterEraseRequested
from .errors import RequestError
from .fields import PosterField
from .models import Job, Poster
from .rows import check_saved, find_field, owner_model

_FORGOTTEN = {"url": "", "object_key": "", "sha256": ""}


def erase_poster(instance: models.Model, *, field: str | None = None) -> int:
    """Have every picture deleted that a row ever had, unlink the row, and return how many posters that were.

    Everything is written in the current transaction, and the site forgets at once where the pictures are; the workers
    then delete them with the data they were made of, and `poster_erased` is sent for each. What is still being made is
    deleted when it is done. `instance` may also be a Poster, of a row that is gone, say: then only that one is erased.

    One of a batch has no name of its own for the workers: it is erased by section and primary key, and with it the
    pictures that other models or sites have under the same ones.

    Raises RequestError or PostersSettingsError before anything is written.
    """
    get_settings()
    if isinstance(instance, Poster):
        return _erase(Poster.objects.using(outbox.database()).filter(pk=instance.pk))
    poster_field = find_field(type(instance), field)
    check_saved(instance, "erase before the row is deleted, or give its Poster: erase_poster() also takes that")
    count = _erase(_posters_of(instance, poster_field))
    setattr(instance, poster_field.name, None)
    return count


def erase_job(job: Job) -> int:
    """Have every picture of a job deleted, unlink their rows, and return how many posters that were.

    Raises RequestError or PostersSettingsError before anything is written.
    """
    settings = get_settings()
    if not isinstance(job, Job):
        raise RequestError(f"erase_job() takes a Job, not a {type(job).__name__}; pass `poster.job`")
    with transaction.atomic(using=outbox.database()):
        posters = Poster.objects.using(outbox.database()).filter(job=job)
        count = _forget(posters)
        _send(settings.site, job.job_id, job_id=job.job_id)
    return count


aerase_poster = asynchronous(erase_poster)


aerase_job = asynchronous(erase_job)


def _posters_of(instance: models.Model, field: PosterField) -> models.QuerySet[Poster]:
    # The row may have asked as another model of its family: a parent, a child or a proxy.
    family = [model._meta.label_lower for model in apps.get_models() if field in model._meta.get_fields()]
    posters = Poster.objects.using(outbox.database()).filter(owner_model__in=family)
    return posters.filter(field_name=field.name, entity_id=str(instance.pk)).exclude(
        erased_generation__gte=F("generation")
    )


def _erase(posters: models.QuerySet[Poster]) -> int:
    site = get_settings().site
    with transaction.atomic(using=outbox.database()):
        for poster in posters.select_related("job").order_by("requested_at"):
            # The key is the job's, so that no request of it comes after.
            if poster.job.total_count == 1:
                _send(site, poster.job_id, job_id=poster.job_id)
            else:
                _send(site, poster.job_id, section=poster.section, entity_id=poster.entity_id)
        return _forget(posters)


def _forget(posters: models.QuerySet[Poster]) -> int:
    for label, name in sorted(set(posters.order_by().values_list("owner_model", "field_name"))):
        model = owner_model(label)
        if model is not None and name in {field.name for field in model._meta.get_fields()}:
            _unlink(model, name, list(posters.filter(owner_model=label, field_name=name).values_list("pk", flat=True)))
    return posters.update(**_FORGOTTEN)


def _unlink(model: type[models.Model], name: str, ids: list[uuid.UUID]) -> None:
    rows = model._base_manager.using(outbox.database())
    for start in range(0, len(ids), 500):
        rows.filter(**{f"{name}__in": ids[start : start + 500]}).update(**{name: None})


def _send(site: str, key: str, **what: Any) -> None:
    request = PosterEraseRequested(event_id=uuid.uuid4(), occurred_at=timezone.now(), source=site, **what)
    delivery.send_order(request, key=key)
