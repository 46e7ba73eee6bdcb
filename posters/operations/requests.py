"""Request posters: builds the events of one poster or a batch, and collects their outcomes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from posters.operations.batch_file import read_posters, split
from posters.operations.errors import OperationError
from schemas.codec import ContractError, decode, encode
from schemas.envelope import Envelope
from schemas.outcomes import PosterOutcome
from schemas.output import OutputError, parse_output, resolve_output
from schemas.references import parse_reference
from schemas.requests import BatchRequested, PosterRequested


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOptions:
    """What one poster and a batch have in common.

    `priority` None: by the size of the batch. `source` None: requests without one are a site of their own.
    """

    job_id: str
    template_id: str
    metadata: dict[str, Any]
    output: dict[str, Any] | None
    priority: str | None
    occurred_at: datetime
    source: str | None = None
    strict: bool = False

    def check(self) -> None:
        """Raise OperationError where intake would refuse the template's name or the output."""
        try:
            parse_reference(self.template_id)
            resolve_output(parse_output(self.output))
        except OutputError as error:
            raise OperationError(error.message) from error
        except ValueError as error:
            raise OperationError(str(error)) from error

    def fields(self) -> dict[str, Any]:
        """Return the fields of an event."""
        return {
            "occurred_at": self.occurred_at,
            "source": self.source,
            "job_id": self.job_id,
            "template_id": self.template_id,
            "metadata": self.metadata,
            "output": self.output,
            "priority": self.priority,
            "strict": self.strict,
        }


def poster_request(data: dict[str, Any], entity_id: str, options: RequestOptions) -> Envelope:
    """Return the event that requests one poster. Raises OperationError where the contract refuses it."""
    fields = {**options.fields(), "priority": options.priority or "normal"}
    return _checked(PosterRequested, entity_id=entity_id, custom_data=data, **fields)


def batch_requests(path: Path, options: RequestOptions) -> list[Envelope]:
    """Return the events that request the posters of a file as one job. Raises OperationError that names the line."""
    parts = split(read_posters(path))
    total = sum(len(part) for part in parts)
    first_index = 0
    events: list[Envelope] = []
    for number, posters in enumerate(parts, start=1):
        events.append(
            _checked(
                BatchRequested,
                posters=posters,
                part=number,
                parts=len(parts),
                first_index=first_index,
                total_count=total,
                **options.fields(),
            )
        )
        first_index += len(posters)
    return events


def poster_count(events: Sequence[Envelope]) -> int:
    """Return how many posters the events request."""
    return sum(len(event.posters) if isinstance(event, BatchRequested) else 1 for event in events)


def collect_outcomes(
    values: Iterator[bytes], job_id: str, total: int, on_progress: Callable[[int], None]
) -> list[PosterOutcome]:
    """Return the first outcome of each of the job's posters, by index, once there are `total` or `values` ends.

    `on_progress` gets how many there are, at each new one.
    """
    outcomes: dict[int, PosterOutcome] = {}
    for value in values:
        outcome = _outcome(value)
        if outcome is not None and outcome.job_id == job_id:
            outcomes.setdefault(outcome.poster_index, outcome)
            on_progress(len(outcomes))
        if len(outcomes) == total:
            break
    return [outcomes[index] for index in sorted(outcomes)]


def _outcome(value: bytes) -> PosterOutcome | None:
    try:
        return decode(value, PosterOutcome)
    except ContractError:
        return None


def _checked(kind: type[Envelope], **fields: Any) -> Envelope:
    try:
        # Refuse here what the broker would take and intake would refuse later.
        return decode(encode(kind(event_id=uuid4(), **fields)), kind)
    except ValueError as error:
        raise OperationError(str(error)) from error
