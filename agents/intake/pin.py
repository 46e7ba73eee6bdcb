"""One poster of a request against one template version: pinned, or refused before any browser."""

from dataclasses import dataclass
from datetime import datetime

from agents.digest import input_digest
from agents.intake.catalog import CatalogVersion
from agents.intake.requested_posters import RequestedPoster
from schemas.codes import ErrorCode
from schemas.envelope import fact_id
from schemas.output import Output, OutputError, parse_output, resolve_output
from schemas.renders import PosterPinned


class RefusedError(Exception):
    """The poster cannot be made; the message is for who asked for it."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A poster to render, and the names in its data that the template does not know."""

    poster: PosterPinned
    unknown: tuple[str, ...]


def pin(wanted: RequestedPoster, version: CatalogVersion, requested_at: datetime, now: datetime) -> Pinned:
    """Return the pinned poster. Raises RefusedError.

    `requested_at` is the broker's time of the request; `now` decides whether its deadline has passed.
    """
    if wanted.problem is not None:
        raise RefusedError("invalid_request", wanted.problem)
    if wanted.deadline is not None and wanted.deadline <= now:
        raise RefusedError("expired", f"the deadline {wanted.deadline.isoformat()} had passed before it was rendered")
    unknown = _check_data(wanted, version)
    try:
        output = _output(wanted, version)
    except OutputError as error:
        raise RefusedError(error.code, error.message) from None
    return Pinned(poster=_pinned(wanted, version, output, requested_at, now), unknown=unknown)


def _output(wanted: RequestedPoster, version: CatalogVersion) -> Output:
    if not any(wanted.outputs):
        return version.resolved
    return resolve_output(*(parse_output(layer) for layer in wanted.outputs), version.output, version.size)


def _check_data(wanted: RequestedPoster, version: CatalogVersion) -> tuple[str, ...]:
    check = version.placeholders.check(wanted.custom_data)
    if check.missing:
        raise RefusedError("template_data", f"missing required data: {', '.join(check.missing)}")
    if check.wrong:
        raise RefusedError("template_data", "; ".join(f"`{name}` {reason}" for name, reason in check.wrong))
    return tuple(check.unknown)


def _pinned(
    wanted: RequestedPoster, version: CatalogVersion, output: Output, requested_at: datetime, now: datetime
) -> PosterPinned:
    data = version.placeholders.filled(wanted.custom_data)
    return PosterPinned(
        event_id=fact_id("poster.pinned", wanted.job_id, wanted.poster_index, wanted.generation, 1),
        occurred_at=now,
        source=wanted.source,
        job_id=wanted.job_id,
        poster_index=wanted.poster_index,
        entity_id=wanted.entity_id,
        template_version_id=version.template_id,
        section=version.section,
        template_version=version.version,
        custom_data=data,
        metadata=wanted.metadata,
        output=output,
        strict=wanted.strict,
        reuse=wanted.reuse,
        deadline=wanted.deadline,
        lane=wanted.lane,
        generation=wanted.generation,
        requested_at=requested_at,
        input_digest=input_digest(version.fingerprint, data, output),
    )
