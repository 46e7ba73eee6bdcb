"""Admission: which requests may be handled, decided in one round trip for all that arrive together.

A request is read, and its job claimed, before anything is published of it: nothing is published under a job of another
source, an answer to an unreadable request included.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

from agents.events import salvaged_id
from agents.ownership import OWN, SOURCE_MISMATCH, Grant, JobCommand, JobOwners, job_command, may_replay
from agents.quotas import Allowance, Quotas, counted_request
from schemas.codec import REQUEST_CLASSES, ContractError, decode
from schemas.requests import BatchRequested, PosterRequested, Request
from schemas.salvage import salvage
from schemas.topics import POSTER_REPLAYS
from streams.delivery import Delivery
from streams.replay import replay_generation
from streams.retry import retry_while_unavailable
from streams.time_slices import TimeSlices

INVALID: Final = "invalid_request"
REPLAY_REFUSED: Final = "replay_refused"
REFUSALS: Final = frozenset({SOURCE_MISMATCH, REPLAY_REFUSED})
"""Reasons for which a request that could be read becomes a dead letter.

A request that cannot be read, and names another source's job, has `source_mismatch` as well. So a reason alone does not
tell whether a record could be read.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A request that may be handled; where its source's quota is used up, not for all of its posters."""

    delivery: Delivery
    request: Request
    grant: Grant
    allowance: Allowance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A request that becomes a dead letter, `reason` a code and `error` a sentence.

    `answered`: its failure is published as well, because its job is that of its sender. `kind`: what it asked for.
    """

    delivery: Delivery
    reason: str
    error: str
    answered: bool
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A request, or why there is none, and what it asks of a job."""

    delivery: Delivery
    request: Request | None
    error: str
    command: JobCommand | None


class Admission:
    """Reads requests and decides which may be handled.

    `replay_header`: generations on `poster-requests` count. `quotas`: posters are counted; None where no quota is set.
    """

    def __init__(self, owners: JobOwners, *, replay_header: bool = True, quotas: Quotas | None = None) -> None:
        self._owners = owners
        self._quotas = quotas
        self._replay_header = replay_header

    async def admit(self, deliveries: Sequence[Delivery]) -> list[Admitted | Rejected]:
        """Return the decision on each record, in their order. While the database is unavailable this waits."""
        requests, slices = list[_Read](), TimeSlices()
        for delivery in deliveries:
            requests.append(_read(delivery))
            await slices.end_slice_if_due()
        grants = await self._grants([each.command for each in requests if each.command is not None])
        decisions = [self._decide(each, next(grants) if each.command is not None else OWN) for each in requests]
        return decisions if self._quotas is None else await _limited(decisions, self._quotas)

    async def may_answer(self, delivery: Delivery) -> bool:
        """Return whether the failure of this record may be published: its job is that of its sender."""
        command = _read(delivery).command or _salvaged_command(delivery)
        if command is None:
            return False
        grant = next(await self._grants([command]))
        return grant.standing == "own" and self._replay_problem(delivery, grant) is None

    async def _grants(self, commands: Sequence[JobCommand]) -> Iterator[Grant]:
        return iter(await retry_while_unavailable(lambda: self._owners.claim(commands)))

    def _decide(self, each: _Read, grant: Grant) -> Admitted | Rejected:
        kind = each.command.kind if each.command is not None else "erase"
        refusal = grant.refusal(each.command) if each.command is not None else None
        if refusal is not None:
            error = refusal if each.request is not None else f"{refusal}; {each.error}"
            return Rejected(delivery=each.delivery, reason=SOURCE_MISMATCH, error=error, answered=False, kind=kind)
        replay_problem = self._replay_problem(each.delivery, grant)
        if each.request is None:
            answered = each.command is not None and replay_problem is None
            return Rejected(delivery=each.delivery, reason=INVALID, error=each.error, answered=answered, kind=kind)
        if replay_problem is not None:
            return Rejected(
                delivery=each.delivery, reason=REPLAY_REFUSED, error=replay_problem, answered=False, kind=kind
            )
        return Admitted(delivery=each.delivery, request=each.request, grant=grant)

    def _replay_problem(self, delivery: Delivery, grant: Grant) -> str | None:
        """Return why a record does not count as a replay, None where it does or is none."""
        generation = replay_generation(delivery)
        if generation == 0:
            return None
        if not may_replay(generation, delivery.topic, by_header=self._replay_header):
            return f"replays are read from {POSTER_REPLAYS} only; see POSTERS_REPLAY_HEADER"
        if not grant.allows_generation(generation):
            return f"generation {generation} does not follow {grant.recorded}, the recorded one"
        return None


async def _limited(decisions: list[Admitted | Rejected], quotas: Quotas) -> list[Admitted | Rejected]:
    """Return the decisions, with what the quotas allow of each request. While the database is unavailable this waits.

    Where the job is erased or its cancel came first, nothing is made of a request, and it does not count.
    """
    counted = {}
    for number, each in enumerate(decisions):
        if isinstance(each, Admitted) and isinstance(each.request, PosterRequested | BatchRequested):
            is_cancelled = each.grant.cancel_of(replay_generation(each.delivery)) is not None
            if not is_cancelled and not each.grant.is_erased_for(each.delivery.timestamp):
                counted[number] = counted_request(each.request, each.delivery)
    allowances = await retry_while_unavailable(lambda: quotas.allow(list(counted.values())))
    limited = list(decisions)
    for number, allowance in zip(counted, allowances, strict=True):
        each = limited[number]
        if allowance is not None and isinstance(each, Admitted):
            limited[number] = replace(each, allowance=allowance)
    return limited


def _read(delivery: Delivery) -> _Read:
    generation = replay_generation(delivery)
    try:
        request = _decode(delivery)
    except ContractError as error:
        command = _salvaged_command(delivery)
        return _Read(delivery=delivery, request=None, error=str(error), command=command)
    command = job_command(request, delivery.timestamp, generation)
    return _Read(delivery=delivery, request=request, error="", command=command)


def _decode(delivery: Delivery) -> Request:
    return cast("Request", decode(delivery.value, *REQUEST_CLASSES))


def _salvaged_command(delivery: Delivery) -> JobCommand | None:
    """Return what a request that cannot be decoded asks for, None where that cannot be read."""
    salvaged = salvage(delivery.value)
    if salvaged is None:
        return None
    return JobCommand(
        job_id=salvaged.job_id,
        source=salvaged.source,
        kind="request",
        event_id=salvaged.event_id or salvaged_id(delivery.topic, delivery.partition, delivery.offset),
        requested_at=delivery.timestamp,
        generation=replay_generation(delivery),
    )
