"""Requests for posters: create, batch, cancel, erase and retry them, in the caller's transaction."""

from .batch import arequest_posters, request_posters
from .cancellation import acancel_job, cancel_job
from .erasure import aerase_job, aerase_poster, erase_job, erase_poster
from .single import arequest_poster, request_poster

__all__ = [
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
]
