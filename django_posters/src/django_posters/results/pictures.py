"""The last good picture: a poster shows that of an earlier one of its row until its own is there.

The columns are copied, so that a page needs no further query; `picture_of` says whose picture it is.
"""

import uuid
from collections.abc import Collection, Iterable
from typing import Any, Final

from django.db import models

from django_posters.database import database_alias
from django_posters.models import Poster, Status

PICTURE: Final = ("url", "object_key", "sha256", "size_bytes", "width", "height", "format", "image_data")
NO_PICTURE: Final[dict[str, Any]] = {"url": "", "object_key": "", "sha256": "", "image_data": [], "picture_of": None}
_CHUNK_SIZE: Final = 500


def picture_of(earlier: Poster | None) -> dict[str, Any]:
    """Return the columns with which a new poster of the row shows the picture of an earlier one, if that has any."""
    if earlier is None or not earlier.stored_url:
        return {}
    return {name: getattr(earlier, name) for name in PICTURE} | {"picture_of": earlier.picture_of or earlier.pk}


def of_same_row(poster: Poster) -> models.QuerySet[Poster]:
    """Return all posters of the row, requested for the same PosterField."""
    posters = Poster.objects.using(database_alias()).filter(entity_id=poster.entity_id, owner_model=poster.owner_model)
    return posters.filter(field_name=poster.field_name)


def show_in_newer(completed: Poster) -> None:
    """Let newer posters of the row show this picture, unless they have one of their own or of a newer poster."""
    newer = of_same_row(completed).filter(requested_at__gt=completed.requested_at, erased_generation=None)
    waiting = newer.exclude(status=Status.COMPLETED).filter(models.Q(url="") | models.Q(picture_of__isnull=False))
    shown = dict(waiting.values_list("pk", "picture_of"))
    if not shown:
        return
    sources = of_same_row(completed).filter(pk__in=[source for source in shown.values() if source is not None])
    later = set(sources.filter(requested_at__gt=completed.requested_at).values_list("pk", flat=True))
    outdated = [pk for pk, source in shown.items() if source not in later]
    # Its own outcome may have arrived in between.
    Poster.objects.using(database_alias()).filter(pk__in=outdated).exclude(status=Status.COMPLETED).update(
        **picture_of(completed)
    )


def show_latest(ended: Poster) -> None:
    """Let a poster without a picture of its own show that of the latest earlier one which completed."""
    if ended.picture_of is None and ended.stored_url:
        return
    earlier = of_same_row(ended).filter(requested_at__lt=ended.requested_at, status=Status.COMPLETED, picture_of=None)
    shown = picture_of(earlier.exclude(url="").order_by("-requested_at").first())
    if shown and ended.erased_generation is None:
        Poster.objects.using(database_alias()).filter(pk=ended.pk).exclude(status=Status.COMPLETED).update(**shown)


def forget_pictures(ids: Collection[uuid.UUID]) -> None:
    """Clear the pictures of these erased posters where newer posters of their rows show them."""
    for chunk in _chunks(list(ids)):
        Poster.objects.using(database_alias()).filter(picture_of__in=chunk).update(**NO_PICTURE)


def _chunks(ids: list[uuid.UUID]) -> Iterable[list[uuid.UUID]]:
    return (ids[start : start + _CHUNK_SIZE] for start in range(0, len(ids), _CHUNK_SIZE))
