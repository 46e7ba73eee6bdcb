"""Ask Posterstream for a picture of a Django row, and get its URL back."""

from importlib import import_module
from typing import TYPE_CHECKING

from .errors import PostersError, RequestError
from .fields import PosterField
from .signals import job_finished, poster_erased, poster_finished

if TYPE_CHECKING:
    from .batches import arequest_posters, request_posters
    from .cancelling import acancel_job, cancel_job
    from .erasing import aerase_job, aerase_poster, erase_job, erase_poster
    from .requests import arequest_poster, request_poster

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

# These stand on the models, which can be imported only once Django's app registry is filled.
_LATER = {
    "acancel_job": ".cancelling",
    "aerase_job": ".erasing",
    "aerase_poster": ".erasing",
    "arequest_poster": ".requests",
    "arequest_posters": ".batches",
    "cancel_job": ".cancelling",
    "erase_job": ".erasing",
    "erase_poster": ".erasing",
    "request_poster": ".requests",
    "request_posters": ".batches",
}


def __getattr__(name: str) -> object:
    if name in _LATER:
        return getattr(import_module(_LATER[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
