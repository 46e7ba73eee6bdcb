"""Capture of requested posters: reads the events that a test writes into the outbox."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, overload

from django.db.models.signals import post_save

from django_posters.contract.codec import ContractError, decode, decode_poster
from django_posters.contract.requests import BatchRequested, JobReplayRequested, PosterRequested
from django_posters.database import database_alias
from django_posters.models import FINISHED, OutboxEvent, Poster

from .captured_poster import CapturedPoster


class CapturedPosters(Sequence[CapturedPoster]):
    """The requested posters, in order, without those whose transaction was rolled back."""

    def __init__(self) -> None:
        self._data: dict[tuple[str, int], dict[str, Any]] = {}

    def add(self, value: bytes) -> None:
        """Record the posters that an event requests."""
        try:
            request = decode(value, PosterRequested, BatchRequested, JobReplayRequested)
        except ContractError:  # a template command, a cancellation or an erasure
            return
        if isinstance(request, PosterRequested):
            self._data[request.job_id, 0] = request.custom_data
        elif isinstance(request, BatchRequested):
            for index, raw in enumerate(request.posters, start=request.first_index):
                self._data[request.job_id, index] = decode_poster(raw).custom_data
        elif isinstance(request, JobReplayRequested):
            posters = Poster.objects.using(database_alias()).filter(job_id=request.job_id).exclude(status__in=FINISHED)
            if request.poster_index is not None:
                posters = posters.filter(poster_index=request.poster_index)
            for index in posters.order_by("poster_index").values_list("poster_index", flat=True):
                # The event does not repeat the data of the request.
                self._data.setdefault((request.job_id, index), {})

    @overload
    def __getitem__(self, index: int) -> CapturedPoster: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[CapturedPoster]: ...

    def __getitem__(self, index: int | slice) -> CapturedPoster | Sequence[CapturedPoster]:
        return self._captured()[index]

    def __iter__(self) -> Iterator[CapturedPoster]:
        return iter(self._captured())

    def __len__(self) -> int:
        return len(self._captured())

    def __repr__(self) -> str:
        return f"<CapturedPosters: {', '.join(str(captured.poster) for captured in self)}>"

    def _captured(self) -> list[CapturedPoster]:
        jobs = {job_id for job_id, _ in self._data}
        rows = Poster.objects.using(database_alias()).filter(job_id__in=jobs)
        posters = {(poster.job_id, poster.poster_index): poster for poster in rows}
        return [CapturedPoster(posters[place], data) for place, data in self._data.items() if place in posters]


@contextmanager
def capture_posters() -> Iterator[CapturedPosters]:
    """Give the posters that are requested inside the block. They stay queued until the test applies a result."""
    captured = CapturedPosters()

    def record(instance: OutboxEvent, **_: Any) -> None:
        captured.add(bytes(instance.value))

    post_save.connect(record, sender=OutboxEvent, weak=False)
    try:
        yield captured
    finally:
        post_save.disconnect(record, sender=OutboxEvent)
