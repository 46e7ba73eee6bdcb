"""A request as it came from the broker → the records that answer it."""

from collections.abc import Callable, Iterator
from datetime import datetime

from agents.cancellations import Cancellations, call_off
from agents.intake import answer
from agents.intake.catalog import Catalog, CatalogVersion
from agents.intake.pin import RefusedError, pin
from agents.intake.requested_posters import expand
from schemas.references import TemplateReference, parse_reference
from schemas.requests import BatchRequested, JobCancelRequested, PosterEraseRequested, PosterRequested, Request
from streams.delivery import Delivery, Record
from streams.records import event_headers
from streams.replay import replay_generation


class UnknownTemplateError(Exception):
    """The catalog does not hold the template of a request yet; it may arrive within seconds."""


class RequestHandler:
    """Turns requests into records; all it remembers is the catalog and what is cancelled."""

    def __init__(self, catalog: Catalog, cancellations: Cancellations, now: Callable[[], datetime]) -> None:
        self._catalog = catalog
        self._cancellations = cancellations
        self._now = now

    def accept(self, request: Request, delivery: Delivery, *, final: bool = False) -> list[Record]:
        """Return the records that answer the request.

        Raises UnknownTemplateError where its template is not in the catalog, unless this is the `final` try: then
        every poster of it fails with `template_not_found`.
        """
        return list(self.answers(request, delivery, final=final))

    def answers(self, request: Request, delivery: Delivery, *, final: bool = False) -> Iterator[Record]:
        """Return the same as `accept`, at once, and make each record when it is asked for. Raises the same, at once."""
        match request:
            case JobCancelRequested():
                return iter([self._cancelled(request, delivery)])
            case PosterEraseRequested():
                return iter(())  # the sink's business: it knows which posters there are
            case PosterRequested() | BatchRequested():
                if self._cancellations.covers(request.job_id, replay_generation(delivery)):
                    return iter(())
                return self._posters(request, delivery, self._find(request.template_id, delivery.timestamp, final))

    def _posters(
        self,
        request: PosterRequested | BatchRequested,
        delivery: Delivery,
        found: tuple[CatalogVersion | None, RefusedError | None],
    ) -> Iterator[Record]:
        now = self._now()
        headers = event_headers(delivery)
        version, refusal = found
        for wanted in expand(request, replay_generation(delivery)):
            try:
                if version is None:
                    raise refusal or RefusedError("template_not_found", f"there is no template `{request.template_id}`")
                yield from answer.queued(pin(wanted, version, delivery.timestamp, now), now, headers)
            except RefusedError as error:
                yield from answer.refused(wanted, error, version, now, headers)

    def _find(self, template_id: str, at: datetime, final: bool) -> tuple[CatalogVersion | None, RefusedError | None]:
        try:
            reference: TemplateReference = parse_reference(template_id)
        except ValueError as error:
            return None, RefusedError("template_not_found", str(error))
        version = self._catalog.find(reference, at)
        if version is None and not final:
            raise UnknownTemplateError(template_id)
        return version, None

    def _cancelled(self, request: JobCancelRequested, delivery: Delivery) -> Record:
        # Whether the job was replayed since, the sink knows, and says so in the same topic; that is not taken back.
        up_to = max(0, self._cancellations.up_to(request.job_id))
        # Requests of the job may be in the same chunk: they need not wait until the topic has told us.
        self._cancellations.add(request.job_id, up_to)
        return call_off(
            request.job_id,
            up_to,
            at=delivery.timestamp,
            source=request.source,
            reason=request.reason,
            headers=event_headers(delivery),
        )
