"""Apply what came of the posters, so that duplicates, repeats and reordering change nothing."""

from typing import Any

from django.apps import apps
from django.db import models, transaction
from django.db.models import Q

from . import outbox
from .contract.outcomes import PosterOutcome
from .models import Poster
from .signals import poster_finished

_UNFINISHED = (Poster.Status.QUEUED, Poster.Status.PROCESSING)


def apply(outcome: PosterOutcome) -> None:
    """Write the outcome into its poster's row and, once that is committed, send `poster_finished`.

    The first outcome of a generation counts, a later generation more than an earlier one; whatever else comes changes
    nothing. The signal is sent again if the process died before it had been sent.
    """
    posters = Poster.objects.using(outbox.database()).filter(job_id=outcome.job_id, poster_index=outcome.poster_index)
    if outcome.status == "erased":
        posters.filter(generation__lte=outcome.generation).update(url="", object_key="", sha256="")
        return
    same_generation = Q(generation=outcome.generation, status__in=_UNFINISHED)
    with transaction.atomic(using=outbox.database()):
        posters.filter(Q(generation__lt=outcome.generation) | same_generation).update(**_columns(outcome))
    poster = posters.filter(announced=False, status__in=Poster.FINISHED).first()
    if poster is not None:
        # Django logs what a receiver raises.
        poster_finished.send_robust(sender=_owner_model(poster), poster=poster)
        posters.filter(generation=poster.generation).update(announced=True)


def _columns(outcome: PosterOutcome) -> dict[str, Any]:
    return {
        "status": outcome.status,
        "url": outcome.url or "",
        "object_key": outcome.object_key or "",
        "sha256": outcome.sha256 or "",
        "size_bytes": outcome.size_bytes,
        "width": outcome.width,
        "height": outcome.height,
        "format": outcome.format or "",
        "template_version": outcome.template_version,
        "error_code": outcome.error.code if outcome.error else "",
        "error_message": outcome.error.message if outcome.error else "",
        "warnings": [{"code": warning.code, "message": warning.message} for warning in outcome.warnings],
        "attempt": outcome.attempt,
        "generation": outcome.generation,
        "generation_time_ms": outcome.generation_time_ms,
        "finished_at": outcome.occurred_at,
        "announced": False,
    }


def _owner_model(poster: Poster) -> type[models.Model]:
    try:
        return apps.get_model(poster.owner_model)
    except LookupError:  # the model was renamed or removed while the poster was being made
        return Poster
