"""From a request to its posters, each with what the request says for all of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from schemas.codec import ContractError, decode_poster
from schemas.fields import Priority
from schemas.requests import BatchPoster, BatchRequested, PosterRequested, batch_priority


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedPoster:
    """One poster of a request; `problem` is set, and the rest a guess, where it could not be read."""

    job_id: str
    poster_index: int
    entity_id: str
    custom_data: dict[str, Any]
    metadata: dict[str, Any]
    outputs: tuple[dict[str, Any] | None, ...]
    strict: bool
    reuse: bool
    lane: Priority
    deadline: datetime | None
    source: str | None
    generation: int = 0
    problem: str | None = None


def expand(request: PosterRequested | BatchRequested, generation: int = 0) -> Iterator[RequestedPoster]:
    """Yield the posters of a request in the order of their index. A bad poster of a batch has a `problem`."""
    for wanted in _posters(request):
        yield replace(wanted, generation=generation) if generation else wanted


def _posters(request: PosterRequested | BatchRequested) -> Iterator[RequestedPoster]:
    if isinstance(request, PosterRequested):
        yield _wanted(request, 0, request.entity_id, request.custom_data, request.metadata, (request.output,), None)
        return
    for position, raw in enumerate(request.posters):
        index = request.first_index + position
        try:
            poster, problem = decode_poster(raw), None
        except ContractError as error:
            poster, problem = BatchPoster(), str(error)
        metadata = request.metadata if poster.metadata is None else poster.metadata
        outputs = (poster.output, request.output)
        yield _wanted(request, index, poster.entity_id, poster.custom_data, metadata, outputs, problem)


def _wanted(
    request: PosterRequested | BatchRequested,
    index: int,
    entity_id: str,
    custom_data: dict[str, Any],
    metadata: dict[str, Any],
    outputs: tuple[dict[str, Any] | None, ...],
    problem: str | None,
) -> RequestedPoster:
    return RequestedPoster(
        job_id=request.job_id,
        poster_index=index,
        entity_id=entity_id,
        custom_data=custom_data,
        metadata=metadata,
        outputs=outputs,
        strict=request.strict,
        reuse=request.reuse,
        lane=request.priority if isinstance(request, PosterRequested) else batch_priority(request),
        deadline=request.deadline,
        source=request.source,
        problem=problem,
    )
