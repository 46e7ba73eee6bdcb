"""From a request to the records it leads to: find the template, expand to posters, check and pin, build the events.

Plain functions of the request, the template catalog and the cancellations; no Kafka.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from agents.cancellations import Cancellations
from agents.digest import input_digest
from agents.events import (
    PinnedPosterEvents,
    PosterEvents,
    PosterIdentity,
    job_cancellation,
    pinned_id,
)
from agents.intake.batch_parts import BatchParts
from agents.intake.catalog import Catalog, CatalogVersion
from agents.ownership import OWN, EarlyCancel, Grant
from agents.quotas import Allowance
from schemas.codec import ContractError, decode_poster
from schemas.codes import ErrorCode
from schemas.outcomes import PosterWarning
from schemas.output import Output, OutputError, parse_output, resolve_output
from schemas.placeholders import PlaceholderSet
from schemas.references import parse_reference
from schemas.renders import PosterPinned
from schemas.requests import (
    BatchPoster,
    BatchRequested,
    JobCancelRequested,
    JobReplayRequested,
    PosterEraseRequested,
    PosterRequested,
    Request,
    batch_priority,
)
from schemas.salvage import salvage
from streams.delivery import Delivery, Headers, Record
from streams.printable import printable
from streams.records import event_headers
from streams.replay import replay_generation

NAMED_MAX: Final = 20
NAME_MAX: Final = 64
"""How many names of unknown data a warning has, and how many characters of each."""


class UnknownTemplateError(Exception):
    """The catalog does not hold the template of a request yet; it may arrive within seconds."""

    def __init__(self, template_id: str) -> None:
        super().__init__(template_id)
        self.template_id = template_id


class RefusedError(Exception):
    """The poster cannot be rendered; the message is for whoever requested it."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.message = message


@dataclass(frozen=True, slots=True)
class MissingTemplate:
    """Stands for the template of a request that names none; `reason` is for whoever requested it."""

    reason: str


class RequestHandler:
    """Turns requests into records. Its state: the catalog, the cancelled jobs and the latest parts of batches."""

    def __init__(self, catalog: Catalog, cancellations: Cancellations, now: Callable[[], datetime]) -> None:
        self._catalog = catalog
        self._cancellations = cancellations
        self._parts = BatchParts()
        self._now = now

    def handle(
        self,
        request: Request,
        delivery: Delivery,
        *,
        grant: Grant = OWN,
        allowance: Allowance | None = None,
        final: bool = False,
    ) -> Iterator[Record]:
        """Return the records that an admitted request leads to; each is built when the iterator reaches it.

        Posters beyond the `allowance` fail with `quota`; where none is left, whether there is a template or not.
        Raises UnknownTemplateError, at once, where its template is not in the catalog, unless this is the `final` try:
        then every poster of it fails with `template_not_found`.
        """
        requested_at, generation, headers = delivery.timestamp, replay_generation(delivery), event_headers(delivery)
        match request:
            case JobCancelRequested():
                if grant.standing == "unknown":
                    return iter(())  # recorded; it is in force if the same source requests the job
                return iter([self._cancel(request, requested_at, headers)])
            case PosterEraseRequested() | JobReplayRequested():
                return iter(())  # the sink carries them out: it knows which posters there are
            case PosterRequested() | BatchRequested():
                if grant.is_erased_for(requested_at) or self._cancellations.covers(request.job_id, generation):
                    return iter(())
                early_cancel = grant.cancel_of(generation)
                if early_cancel is not None:
                    return iter([self._cancel_early(request, early_cancel, headers)])
                nothing_is_made = allowance is not None and allowance.posters == 0
                template = self._find_template(request, requested_at, final or nothing_is_made)
                posters = self._expand(request, generation)
                if allowance is not None:
                    posters = _within(allowance, posters)
                if grant.erased_indexes:
                    posters = (each for each in posters if each.poster_index not in grant.erased_indexes)
                return self._pin_all(posters, template, requested_at, headers)

    def knows(self, template_id: str, at: datetime) -> bool:
        """Return whether the catalog holds the template that a request of the time `at` names."""
        try:
            reference = parse_reference(template_id)
        except ValueError:
            return True  # its answer does not depend on the catalog
        return self._catalog.find(reference, at) is not None

    def reject(self, delivery: Delivery, reason: str, code: ErrorCode = "invalid_request") -> list[Record]:
        """Return the failure of a request that cannot be handled, none where not even its job can be read."""
        salvaged = salvage(delivery.value)
        if salvaged is None:
            return []
        poster = PosterIdentity(
            job_id=salvaged.job_id,
            poster_index=0,
            entity_id=salvaged.entity_id,
            generation=replay_generation(delivery),
            metadata=salvaged.metadata,
            source=salvaged.source,
        )
        events = PosterEvents(poster=poster, now=self._now(), headers=event_headers(delivery))
        return events.records_of_refusal(code, reason)

    def _expand(self, request: PosterRequested | BatchRequested, generation: int) -> Iterator["RequestedPoster"]:
        """Return the posters of a request. Those of a part that contradicts an earlier one have a `problem`.

        What an earlier part has requested is left out, so that a poster has one outcome.
        """
        posters = expand(request, generation)
        # A replay requests a choice of posters, as parts of their own.
        if isinstance(request, BatchRequested) and generation == 0:
            contradiction = self._parts.add(request)
            if contradiction is not None:
                reason, known = contradiction.reason, contradiction.known
                return (replace(each, problem=reason) for each in posters if each.poster_index not in known)
        return posters

    def _find_template(
        self, request: PosterRequested | BatchRequested, at: datetime, final: bool
    ) -> CatalogVersion | MissingTemplate:
        template_id = request.template_id
        try:
            reference = parse_reference(template_id)
        except ValueError as error:
            return MissingTemplate(str(error))
        version = self._catalog.find(reference, at)
        if version is not None:
            if version.is_private and version.owner != request.source:
                return MissingTemplate(f"the section `{version.section}` is private to another source")
            return version
        if not final:
            raise UnknownTemplateError(template_id)
        return MissingTemplate(f"there is no template `{template_id}`")

    def _pin_all(
        self,
        posters: Iterator["RequestedPoster"],
        template: CatalogVersion | MissingTemplate,
        requested_at: datetime,
        headers: Headers,
    ) -> Iterator[Record]:
        now = self._now()
        for poster in posters:
            try:
                pinned = pin(poster, template, requested_at, now)
            except RefusedError as error:
                identity = poster.identity(None if isinstance(template, MissingTemplate) else template)
                refused = PosterEvents(poster=identity, now=now, headers=headers)
                yield from refused.records_of_refusal(error.code, error.message)
            else:
                queued = PinnedPosterEvents(poster=pinned, now=now, headers=headers)
                yield from queued.records_to_render()

    def _cancel_early(self, request: PosterRequested | BatchRequested, cancel: EarlyCancel, headers: Headers) -> Record:
        """Return the cancellation of a job whose cancel came before it, now that its owner is known."""
        self._cancellations.add(request.job_id, 0)
        return job_cancellation(
            request.job_id, 0, at=cancel.requested_at, source=request.source, reason=cancel.reason, headers=headers
        )

    def _cancel(self, request: JobCancelRequested, requested_at: datetime, headers: Headers) -> Record:
        # Only the sink knows whether the job was replayed; it publishes the generation to the same topic. Its record
        # must not be lowered by a cancel that is read again.
        up_to = max(0, self._cancellations.up_to(request.job_id))
        # Requests of the job may be in the same chunk, before this process reads its own record back.
        self._cancellations.add(request.job_id, up_to)
        return job_cancellation(
            request.job_id,
            up_to,
            at=requested_at,
            source=request.source,
            reason=request.reason,
            headers=headers,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedPoster:
    """One poster of a request, with what the request states for all of them.

    `problem` is set where the poster could not be read; its other fields are then defaults. `over_quota` says why it is
    not made although it could be.
    """

    request: PosterRequested | BatchRequested
    poster_index: int
    generation: int
    entity_id: str
    custom_data: dict[str, Any]
    metadata: dict[str, Any]
    outputs: tuple[dict[str, Any] | None, ...]
    problem: str | None = None
    over_quota: str | None = None

    def identity(self, version: CatalogVersion | None) -> PosterIdentity:
        """Return what events repeat of the poster."""
        return PosterIdentity(
            job_id=self.request.job_id,
            poster_index=self.poster_index,
            entity_id=self.entity_id,
            generation=self.generation,
            template_version_id=version.template_id if version else None,
            section=version.section if version else None,
            template_version=version.version if version else None,
            metadata=self.metadata,
            source=self.request.source,
        )


def expand(request: PosterRequested | BatchRequested, generation: int = 0) -> Iterator[RequestedPoster]:
    """Yield the posters of a request in the order of their index. A bad poster of a batch has a `problem`."""
    if isinstance(request, PosterRequested):
        yield RequestedPoster(
            request=request,
            poster_index=0,
            generation=generation,
            entity_id=request.entity_id,
            custom_data=request.custom_data,
            metadata=request.metadata,
            outputs=(request.output,),
        )
        return
    for index, raw in enumerate(request.posters, start=request.first_index):
        try:
            poster, problem = decode_poster(raw), None
        except ContractError as error:
            poster, problem = BatchPoster(), str(error)
        yield RequestedPoster(
            request=request,
            poster_index=index,
            generation=generation,
            entity_id=poster.entity_id,
            custom_data=poster.custom_data,
            metadata=request.metadata if poster.metadata is None else poster.metadata,
            outputs=(poster.output, request.output),
            problem=problem,
        )


def _within(allowance: Allowance, posters: Iterator[RequestedPoster]) -> Iterator[RequestedPoster]:
    """Yield the posters, those marked that are over the quota of their source: an index always gets the same answer."""
    for poster in posters:
        first = poster.request.first_index if isinstance(poster.request, BatchRequested) else 0
        is_allowed = poster.poster_index - first < allowance.posters
        yield poster if is_allowed else replace(poster, over_quota=allowance.reason)


def pin(
    poster: RequestedPoster, template: CatalogVersion | MissingTemplate, requested_at: datetime, now: datetime
) -> PosterPinned:
    """Return the poster pinned to a template version. Raises RefusedError, also where the template is missing.

    `requested_at` is the broker's time of the request; `now` decides whether its deadline has passed.
    """
    if poster.over_quota is not None:
        raise RefusedError("quota", poster.over_quota)
    if isinstance(template, MissingTemplate):
        raise RefusedError("template_not_found", template.reason)
    if poster.problem is not None:
        raise RefusedError("invalid_request", poster.problem)
    deadline = poster.request.deadline
    if deadline is not None and deadline <= now:
        raise RefusedError("expired", f"the deadline {deadline.isoformat()} had passed before it was rendered")
    warnings = _check_data(poster.custom_data, template.placeholders)
    try:
        output = _output(poster, template)
    except OutputError as error:
        raise RefusedError(error.code, error.message) from None
    return _pinned(poster, template, output, warnings, requested_at, now)


def _check_data(data: dict[str, Any], expected: PlaceholderSet) -> list[PosterWarning]:
    """Return a warning where the template does not use some of the data. Raises RefusedError."""
    check = expected.check(data)
    reason = check.refusal
    if reason is not None:
        raise RefusedError("template_data", reason)
    return [_unknown_data(check.unknown)] if check.unknown else []


def _unknown_data(names: Sequence[str]) -> PosterWarning:
    shown = ", ".join(f"`{printable(name[:NAME_MAX])}`" for name in names[:NAMED_MAX])
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return PosterWarning(code="unknown_data", message=f"the template does not use {shown}{more}")


def _output(poster: RequestedPoster, version: CatalogVersion) -> Output:
    if not any(poster.outputs):
        return version.resolved
    return resolve_output(*(parse_output(layer) for layer in poster.outputs), version.output, version.size)


def _pinned(
    poster: RequestedPoster,
    version: CatalogVersion,
    output: Output,
    warnings: list[PosterWarning],
    requested_at: datetime,
    now: datetime,
) -> PosterPinned:
    request = poster.request
    data = version.placeholders.filled(poster.custom_data)
    return PosterPinned(
        event_id=pinned_id(request.job_id, poster.poster_index, poster.generation, 1),
        occurred_at=now,
        source=request.source,
        job_id=request.job_id,
        poster_index=poster.poster_index,
        entity_id=poster.entity_id,
        template_version_id=version.template_id,
        section=version.section,
        template_version=version.version,
        custom_data=data,
        metadata=poster.metadata,
        output=output,
        strict=request.strict,
        reuse=request.reuse,
        deadline=request.deadline,
        lane=request.priority if isinstance(request, PosterRequested) else batch_priority(request),
        generation=poster.generation,
        requested_at=requested_at,
        input_digest=input_digest(version.fingerprint, data, output),
        warnings=warnings,
    )
