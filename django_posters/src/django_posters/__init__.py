"""Posterstream for Django: request a poster image of a row, and get its URL back."""

from importlib import import_module
from typing import TYPE_CHECKING

from .errors import PostersError, RequestError
from .fields import PosterField
from .signals import job_finished, poster_erased, poster_finished

if TYPE_CHECKING:
    from .requests import (
        acancel_job,
        aerase_job,
        aerase_poster,
        arequest_poster,
        arequest_posters,
        cancel_job,
        erase_job,
        erase_poster,
        request_poster,
        request_posters,
    )

__all__ = [
    "PosterField",
    "PostersError",
    "RequestError",
    "acancel_job",
    "aerase_job",
    "aerase_poster",
    "arequest_poster",
    "arequest_posters",
    "cancel_job",
    "erase_job",
    "erase_poster",
    "job_finished",
    "poster_erased",
    "poster_finished",
    "request_poster",
    "request_posters",
]

# These need the models, which cannot be imported before Django's app registry is ready.
_LAZY = frozenset(
    {
        "acancel_job",
        "aerase_job",
        "aerase_poster",
        "arequest_poster",
        "arequest_posters",
        "cancel_job",
        "erase_job",
        "erase_poster",
        "request_poster",
        "request_posters",
    }
)


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(import_module(".requests", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
