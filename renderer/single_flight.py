"""Single flight: equal work under way is done once, and callers that ask for it meanwhile share the result."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Flight(Generic[T]):
    task: asyncio.Task[T]
    waiting: int = 0


class SingleFlight(Generic[T]):
    """Work under way, by key. A failure is shared; work whose callers have all been cancelled is cancelled."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, _Flight[T]] = {}

    def has(self, key: Hashable) -> bool:
        """Say whether work of this key is under way."""
        return key in self._flights

    async def join(self, key: Hashable, begin: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the result of the work of this key, beginning it unless it is under way. Raises what it raises."""
        while True:
            flight = self._flights.get(key) or self._begin(key, begin)
            flight.waiting += 1
            try:
                await asyncio.wait((flight.task,))
            finally:
                flight.waiting -= 1
                if not flight.waiting and not flight.task.done():
                    self._forget(key, flight)
                    flight.task.cancel()
            if not flight.task.cancelled():
                return flight.task.result()

    def _begin(self, key: Hashable, begin: Callable[[], Coroutine[Any, Any, T]]) -> _Flight[T]:
        flight = self._flights[key] = _Flight(asyncio.create_task(begin()))
        flight.task.add_done_callback(lambda _: self._forget(key, flight))
        return flight

    def _forget(self, key: Hashable, flight: _Flight[T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
