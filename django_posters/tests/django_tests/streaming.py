"""Clients of progress streams, connected to the ASGI application in this process."""

import asyncio
import json
from types import TracebackType
from typing import Any, Final, Self

from django.core.handlers.asgi import ASGIHandler

TIMEOUT_SECONDS: Final = 120


class FollowingPage:
    """An async context manager: a client of a job's stream, which disconnects at the exit unless its stream ended."""

    def __init__(self, application: ASGIHandler, job_id: str, *, last_event_id: str = "") -> None:
        self.job_id = job_id
        self.status = 0
        self.heard: list[str] = []
        """The received frames: events and comments."""
        self._application = application
        self._headers = [(b"host", b"localhost")]
        if last_event_id:
            self._headers.append((b"last-event-id", last_event_id.encode()))
        self._asked = False
        self._gone = asyncio.Event()
        self._reads = asyncio.Event()
        self._reads.set()
        self._heard_more = asyncio.Condition()

    @property
    def told(self) -> list[dict[str, Any]]:
        """The progress of each event so far."""
        events = [frame for frame in self.heard if not frame.startswith(":")]
        return [json.loads(event.split("data: ")[1]) for event in events]

    async def hears(self, count: int) -> None:
        """Return when this many frames have been received."""
        async with asyncio.timeout(TIMEOUT_SECONDS), self._heard_more:
            await self._heard_more.wait_for(lambda: len(self.heard) >= count)

    def stall(self) -> None:
        """Stop reading, so that the server's sends block."""
        self._reads.clear()

    async def ends(self) -> None:
        """Return when the stream has ended."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await asyncio.shield(self._serving)

    async def leave(self) -> None:
        """Disconnect, and return when the server has finished the request."""
        self._gone.set()
        await self.ends()

    async def __aenter__(self) -> Self:
        path = f"/posters/jobs/{self.job_id}/events/"
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": self._headers}
        self._serving = asyncio.create_task(self._application(scope, self._receive, self._send))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.leave()

    async def _receive(self) -> dict[str, Any]:
        if self._asked:
            await self._gone.wait()
            return {"type": "http.disconnect"}
        self._asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _send(self, message: dict[str, Any]) -> None:
        await self._reads.wait()
        async with self._heard_more:
            self.status = message.get("status", self.status)
            if message.get("body"):
                self.heard.append(message["body"].decode())
            self._heard_more.notify_all()
