"""The queue of a render worker: lanes, the shares of sources in each of them, and the limit of posters in flight."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Final
from uuid import UUID

from agents.render.cost_kind import RenderHead, read_head
from agents.render.slow_templates import SlowTemplates
from renderer.concurrency_limit import ConcurrencyLimit, Permit
from renderer.cost_estimates import CostEstimates
from renderer.deficit_round_robin import DeficitRoundRobin, Source
from renderer.lane_policy import LanePolicy
from renderer.pool import QUANTUM_SECONDS
from schemas.fields import Priority
from schemas.topics import POSTER_RENDERS_BULK
from streams.delivery import Delivery
from streams.inbox import Partition

LANES: Final[tuple[Priority, ...]] = ("normal", "bulk")
LOOKUP_SECONDS: Final = 0.01
"""What a poster costs that is not drawn, because it is stored already or fails before."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    delivery: Delivery
    head: RenderHead


@dataclass(frozen=True, slots=True)
class _InFlight:
    permit: Permit
    payer: Source
    estimate: float
    is_limited: bool
    version_id: UUID | None


class Lanes:
    """The order in which waiting posters are rendered, and how many at once: what `limit` has room for.

    Bulk gets what normal posters leave, and at least a fifth of the turns. In a lane the sources have equal shares of
    the seconds that are drawn, or those of `weights`.
    """

    def __init__(
        self,
        limit: ConcurrencyLimit,
        costs: CostEstimates,
        slow: SlowTemplates,
        weights: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self._limit = limit
        self._costs = costs
        self._slow = slow
        self._waiting: dict[Priority, DeficitRoundRobin[_Waiting]] = {
            lane: DeficitRoundRobin(QUANTUM_SECONDS, weights) for lane in LANES
        }
        self._throttled: dict[tuple[Priority, Source], dict[UUID | None, deque[_Waiting]]] = {}
        """Posters of versions that are slow or unproven, while as many as allowed of their source are in flight."""
        self._in_flight: dict[Delivery, _InFlight] = {}
        self._limited_in_flight: Counter[Source] = Counter()
        self._policy = LanePolicy()

    def __len__(self) -> int:
        """Return 1 where a poster may begin now, else 0: whether another may after it, is known after it."""
        return int(any(map(self._can_begin, LANES)))

    def append(self, delivery: Delivery) -> None:
        """Add a poster to the lane of its topic."""
        head = read_head(delivery.value)
        self._waiting[_lane(delivery)].append(head.source, _Waiting(delivery, head))

    def popleft(self) -> Delivery:
        """Remove and return the next poster, which is then in flight. Raises IndexError where none may begin."""
        can_begin = {lane: self._can_begin(lane) for lane in LANES}
        waiting: dict[Priority, bool] = {"normal": can_begin["normal"], "bulk": bool(self._waiting["bulk"])}
        lane = self._policy.next(waiting, room_for_bulk=can_begin["bulk"]) or "normal"
        payer, next_one = self._waiting[lane].popleft(self._admits(lane))
        head, estimate = next_one.head, self._costs.estimate(next_one.head.cost_kind)
        self._waiting[lane].charge(payer, estimate)
        is_limited = self._slow.in_flight_max(head.template_version_id) is not None
        if is_limited:
            self._limited_in_flight[head.source] += 1
        permit = self._limit.acquire(lane, head.source)
        self._in_flight[next_one.delivery] = _InFlight(permit, payer, estimate, is_limited, head.template_version_id)
        return next_one.delivery

    def end(self, delivery: Delivery) -> None:
        """Release the permit of a poster that was handed out. What it cost was charged by `charge`."""
        ended = self._in_flight.pop(delivery, None)
        if ended is None:
            return
        permit = ended.permit
        self._waiting[permit.lane].charge(ended.payer, LOOKUP_SECONDS - ended.estimate)
        if ended.is_limited:
            self._limited_in_flight[permit.source] -= 1
            self._limited_in_flight += Counter()  # drops what is 0
            self._resume_throttled(permit.source, ended.version_id)
        self._limit.release(permit)

    def charge(self, lane: Priority, source: Source, seconds: float) -> None:
        """Have a source pay for the seconds that a poster of it has held a page."""
        self._waiting[lane].charge(source, seconds)

    def __iter__(self) -> Iterator[Delivery]:
        """Yield all waiting posters."""
        throttled = (group for groups in self._throttled.values() for group in groups.values())
        for waiting in chain(*throttled, *self._waiting.values()):
            yield waiting.delivery

    def remove(self, delivery: Delivery) -> None:
        """Remove a waiting poster."""
        self._drop(lambda waiting: waiting.delivery is delivery)

    def drop(self, partitions: Set[Partition]) -> None:
        """Remove the posters of these partitions."""
        self._drop(lambda waiting: (waiting.delivery.topic, waiting.delivery.partition) in partitions)

    def _drop(self, unwanted: Callable[[_Waiting], bool]) -> None:
        for lane in self._waiting.values():
            lane.drop(unwanted)
        for key, groups in list(self._throttled.items()):
            remaining = {
                version: deque(each for each in group if not unwanted(each)) for version, group in groups.items()
            }
            self._throttled[key] = {version: group for version, group in remaining.items() if group}
            if not self._limited_in_flight[key[1]]:
                self._resume_throttled(key[1], None)  # what was to be next may be among the removed

    def _can_begin(self, lane: Priority) -> bool:
        waiting = self._waiting[lane]
        for payer in waiting.sources:
            self._throttle(lane, payer)
        return waiting.can_pop(self._admits(lane))

    def _admits(self, lane: Priority) -> Callable[[Source], bool]:
        return lambda payer: self._limit.has_room(lane, payer)

    def _throttle(self, lane: Priority, payer: Source) -> None:
        """Take posters out of a source's queue until the next one may begin, as far as its template goes."""
        waiting = self._waiting[lane]
        while (first := waiting.head(payer)) is not None and self._is_throttled(first.head):
            waiting.remove(payer, first)
            groups = self._throttled.setdefault((lane, first.head.source), {})
            groups.setdefault(first.head.template_version_id, deque()).append(first)

    def _is_throttled(self, head: RenderHead) -> bool:
        allowed = self._slow.in_flight_max(head.template_version_id)
        return allowed is not None and self._limited_in_flight[head.source] >= allowed

    def _resume_throttled(self, source: Source, ended: UUID | None) -> None:
        """Put back to the front of its lane: one throttled poster, and all whose version has no limit any more.

        Of the versions that have throttled posters each is next in turn.
        """
        for lane in LANES:
            groups = self._throttled.pop((lane, source), {})
            if ended in groups and self._slow.in_flight_max(ended) is None:
                for waiting in reversed(groups.pop(ended)):
                    self._waiting[lane].appendleft(source, waiting)
            if groups:
                version = next(iter(groups))
                group = groups.pop(version)
                self._waiting[lane].appendleft(source, group.popleft())
                if group:
                    groups[version] = group
            if groups:
                self._throttled[lane, source] = groups


def _lane(delivery: Delivery) -> Priority:
    return "bulk" if delivery.topic == POSTER_RENDERS_BULK else "normal"
