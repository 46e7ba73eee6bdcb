"""Chromium's DevTools protocol over a pair of pipes: commands and their answers, and events."""

import asyncio
import contextlib
import fcntl
import json
import os
import re
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any, Final, Self, cast

import orjson

PIPE_BYTES: Final = 1024 * 1024
"""A picture comes in few pieces then. Whoever may not have that much gets what the kernel gives by itself."""
_SET_PIPE_SIZE: Final = getattr(fcntl, "F_SETPIPE_SZ", None)
_END: Final = b"\0"
_HALF: Final = re.compile("[\ud800-\udfff]")

Handler = Callable[[dict[str, Any]], None]
Answer = asyncio.Future[dict[str, Any]]


class DevToolsError(Exception):
    """The browser refused a command, or did not live to answer it; `message` is its own."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Session:
    """What is said to one target, or to the browser itself."""

    def __init__(self, connection: "DevTools", name: str | None) -> None:
        self._connection = connection
        self._name = name
        self._handlers: dict[str, Handler] = {}

    def send(self, method: str, parameters: dict[str, Any] | None = None) -> Answer:
        """Send a command, at once, and return its answer to wait for, which may raise DevToolsError."""
        return self._connection.send(self._name, method, parameters)

    def tell(self, method: str, parameters: dict[str, Any] | None = None) -> None:
        """Send a command that needs no answer, and may fail: its target may have gone."""
        self.send(method, parameters).add_done_callback(lambda done: done.cancelled() or done.exception())

    def on(self, event: str, handler: Handler) -> None:
        """Call `handler` with the parameters of each such event; one handler for each kind."""
        self._handlers[event] = handler

    def heard(self, event: str, parameters: dict[str, Any]) -> None:
        """Pass an event on."""
        if event in self._handlers:
            self._handlers[event](parameters)


class DevTools(asyncio.Protocol):
    """One browser's end of the protocol. What is asked when the browser has ended, or ends, fails."""

    def __init__(self) -> None:
        self.browser = Session(self, None)
        self._numbers = count(1)
        self._waiting: dict[int, tuple[str | None, Answer]] = {}
        self._sessions: dict[str | None, Session] = {None: self.browser}
        self._pieces: list[bytes] = []
        self._reading: asyncio.ReadTransport | None = None
        self._writing: asyncio.WriteTransport | None = None
        self._end: Callable[[], None] | None = None

    @classmethod
    async def connect(cls, reading: int, writing: int) -> Self:
        """Return the protocol over two descriptors of pipes, which it closes in the end."""
        loop = asyncio.get_running_loop()
        connection = cls()
        if _SET_PIPE_SIZE is not None:
            with contextlib.suppress(PermissionError):
                fcntl.fcntl(reading, _SET_PIPE_SIZE, PIPE_BYTES)
        connection._reading, _ = await loop.connect_read_pipe(lambda: connection, os.fdopen(reading, "rb", 0))
        connection._writing, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(writing, "wb", 0))
        return connection

    def session(self, name: str) -> Session:
        """Return the session of this name, which `Target.attachToTarget` answered."""
        return self._sessions.setdefault(name, Session(self, name))

    def send(self, session: str | None, method: str, parameters: dict[str, Any] | None) -> Answer:
        """Send a command to a session and return its answer to wait for."""
        answer: Answer = asyncio.get_running_loop().create_future()
        if self._writing is None or self._writing.is_closing():
            answer.set_exception(DevToolsError(f"the browser has ended; it cannot be told `{method}`"))
            return answer
        number = next(self._numbers)
        self._waiting[number] = session, answer
        answer.add_done_callback(lambda _: self._waiting.pop(number, None))
        command: dict[str, Any] = {"id": number, "method": method, "params": parameters or {}}
        if session is not None:
            command["sessionId"] = session
        self._writing.write(orjson.dumps(command) + _END)
        return answer

    def on_end(self, handler: Callable[[], None]) -> None:
        """Call `handler` once the browser has closed its pipe, which it does when it ends."""
        self._end = handler

    def close(self) -> None:
        """Close both pipes, which ends the browser as well."""
        for transport in (self._reading, self._writing):
            if transport is not None:
                transport.close()
        self._fail(self._waiting.values(), "the browser was closed")

    def data_received(self, data: bytes) -> None:
        """Take what the browser says, piece by piece."""
        *ended, rest = data.split(_END)
        for piece in ended:
            self._pieces.append(piece)
            message = b"".join(self._pieces)
            self._pieces.clear()
            self._received(_decoded(message))
        if rest:
            self._pieces.append(rest)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail whatever waits: the browser has ended."""
        if self._writing is not None:
            self._writing.close()
        self._fail(self._waiting.values(), "the browser ended")
        if self._end is not None:
            self._end()

    def _received(self, message: dict[str, Any]) -> None:
        if "id" in message:
            self._answered(message)
            return
        parameters = message.get("params", {})
        if message["method"] == "Target.detachedFromTarget":
            self._detached(parameters["sessionId"])
        session = self._sessions.get(message.get("sessionId"))
        if session is not None:
            session.heard(message["method"], parameters)

    def _answered(self, message: dict[str, Any]) -> None:
        _, answer = self._waiting.get(message["id"], (None, None))
        if answer is None or answer.done():
            return  # nobody waits for it any more
        if "error" in message:
            answer.set_exception(DevToolsError(message["error"]["message"]))
        else:
            answer.set_result(message["result"])

    def _detached(self, name: str) -> None:
        self._sessions.pop(name, None)
        self._fail([each for each in self._waiting.values() if each[0] == name], "the page was closed")

    def _fail(self, waiting: Iterable[tuple[str | None, Answer]], message: str) -> None:
        for _, answer in list(waiting):
            if not answer.done():
                answer.set_exception(DevToolsError(message))


def _decoded(message: bytes) -> dict[str, Any]:
    try:
        return cast("dict[str, Any]", orjson.loads(message))
    except orjson.JSONDecodeError:
        # A document may hold half of a surrogate pair, which Chromium passes on, and no event can.
        whole = json.dumps(json.loads(message), ensure_ascii=False)
        return cast("dict[str, Any]", orjson.loads(_HALF.sub("\ufffd", whole)))
