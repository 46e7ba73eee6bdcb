"""The last good picture: a poster shows that of an earlier one of its row until its own is there.

The columns are copied, so that a page needs no further query; `picture_of` says whose picture it is.
"""

import uuid
from collections.abc import Collection, Iterable
from typing import Any, Final

from django.db import models

from django_posters.database import database_alias
from django_posters.models import Poster, Status
from django_posters.owners import labels_of_row

PICTURE: Final = ("url", "object_key", "sha256", "size_bytes", "width", "height", "format", "image_data")
NO_PICTURE: Final[dict[str, Any]] = {"url": "", "object_key": "", "sha256": "", "image_data": [], "picture_of": None}
_CHUNK_SIZE: Final = 500
_ATTEMPTS: Final = 10
"""Each failed one means that another process has just shown another picture."""


def picture_of(earlier: Poster | None, entity_id: str) -> dict[str, Any]:
    """Return the columns with which a new poster of this row shows the picture of an earlier one, if that has any."""
    if earlier is None or not earlier.stored_url or earlier.entity_id != entity_id:
        return {}
    return {name: getattr(earlier, name) for name in PICTURE} | {"picture_of": earlier.picture_of or earlier.pk}


def of_same_row(poster: Poster) -> models.QuerySet[Poster]:
    """Return all posters of the row, requested for the same PosterField by whichever of its models."""
    labels = labels_of_row(poster.owner_model, poster.field_name)
    posters = Poster.objects.using(database_alias()).filter(entity_id=poster.entity_id, owner_model__in=labels)
    return posters.filter(field_name=poster.field_name)


def show_in_newer(completed: Poster) -> None:
    """Let newer posters of the row show this picture, unless they have one of their own or of a newer poster."""
    newer = of_same_row(completed).filter(requested_at__gt=completed.requested_at)
    show_latest_of(newer.exclude(status=Status.COMPLETED).values_list("pk", flat=True))


def show_latest_of(ids: Iterable[uuid.UUID]) -> None:
    """Let each of these posters show the latest picture of its row, as `show_latest()` does."""
    for chunk in _chunks(list(ids)):
        for poster in Poster.objects.using(database_alias()).filter(pk__in=chunk):
            show_latest(poster)


def show_latest(poster: Poster) -> None:
    """Let a poster without a picture of its own show that of the latest earlier one of its row which has one.

    Other processes may do so at the same time, with posters that completed meanwhile: in the end it is the latest one.
    """
    mine = Poster.objects.using(database_alias()).filter(pk=poster.pk)
    for _ in range(_ATTEMPTS):
        if poster.has_own_picture or poster.status == Status.COMPLETED or poster.erased_generation is not None:
            return
        earlier = of_same_row(poster).filter(requested_at__lt=poster.requested_at, picture_of=None)
        latest = earlier.exclude(url="").order_by("-requested_at").first()
        # A replay of that one may have brought it another picture.
        if latest is None or (latest.pk, latest.stored_url) == (poster.picture_of, poster.stored_url):
            return
        # Not where its own outcome, another picture or an erasure has arrived in between.
        unchanged = mine.exclude(status=Status.COMPLETED).filter(picture_of=poster.picture_of, erased_generation=None)
        if unchanged.update(**picture_of(latest, poster.entity_id)):
            if not earlier.filter(pk=latest.pk).exclude(url="").exists():
                forget_pictures([latest.pk])
            return
        found = mine.first()
        if found is None:
            return
        poster = found


def forget_pictures(ids: Collection[uuid.UUID]) -> None:
    """Clear the pictures of these erased posters where newer posters of their rows show them."""
    for chunk in _chunks(list(ids)):
        Poster.objects.using(database_alias()).filter(picture_of__in=chunk).update(**NO_PICTURE)


def _chunks(ids: list[uuid.UUID]) -> Iterable[list[uuid.UUID]]:
    return (ids[start : start + _CHUNK_SIZE] for start in range(0, len(ids), _CHUNK_SIZE))
