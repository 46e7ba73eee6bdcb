"""Client of Chromium's DevTools protocol: commands, answers, events and sessions, over any transport.

A transport carries whole JSON messages; `driver.py` lists those there are. Whatever the transport, a caller sees the
same sessions, the same errors and the same values. It is our own because a poster takes three commands, and those of
Playwright's API go through a second process (decision 21).
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any, Final, Protocol, cast

import orjson
import pybase64

_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")

Handler = Callable[[dict[str, Any]], None]
Answer = asyncio.Future[dict[str, Any]]


def decoded_bytes(text: str) -> bytes:
    """Return the bytes that an answer has as base64.

    Python's own decoder takes a hundred times longer, and of a rich poster's picture some milliseconds.
    """
    return pybase64.b64decode(text, validate=True)


def encoded_bytes(content: bytes) -> str:
    """Return bytes as a command takes them, in base64."""
    return pybase64.b64encode_as_string(content)


class DevToolsError(Exception):
    """The browser refused a command, or ended before it answered; `message` is its own."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Transport(Protocol):
    """Carries messages to one browser. It calls `Connection.received` for a message, `Connection.ended` at the end."""

    @property
    def is_open(self) -> bool:
        """Whether a message can still be written."""

    def write(self, message: bytes) -> None:
        """Send one message, after all those before it. Never raises and never waits."""

    def close(self) -> None:
        """Send and receive nothing more."""


class Session:
    """A session with one target, or with the browser itself."""

    def __init__(self, connection: "Connection", name: str | None) -> None:
        self._connection = connection
        self._name = name
        self._handlers: dict[str, Handler] = {}

    def send(self, method: str, parameters: dict[str, Any] | None = None) -> Answer:
        """Send a command at once and return the future of its answer, which may raise DevToolsError."""
        return self._connection.send(self._name, method, parameters)

    def tell(self, method: str, parameters: dict[str, Any] | None = None) -> None:
        """Send a command and ignore its answer; it may fail, because its target may have gone."""
        self.send(method, parameters).add_done_callback(lambda done: done.cancelled() or done.exception())

    def on(self, event: str, handler: Handler) -> None:
        """Call `handler` with the parameters of each event of this kind; one handler a kind."""
        self._handlers[event] = handler

    def dispatch(self, event: str, parameters: dict[str, Any]) -> None:
        """Call the handler of an event, if there is one."""
        if event in self._handlers:
            self._handlers[event](parameters)


class Connection:
    """The DevTools connection to one browser. Commands sent to a browser that has ended fail."""

    def __init__(self) -> None:
        self.browser = Session(self, None)
        self._numbers = count(1)
        self._waiting: dict[int, tuple[str | None, Answer]] = {}
        self._sessions: dict[str | None, Session] = {None: self.browser}
        self._transport: Transport | None = None
        self._end: Callable[[], None] | None = None

    def connect(self, transport: Transport) -> None:
        """Use this transport from now on; before, every command fails."""
        self._transport = transport

    def session(self, name: str) -> Session:
        """Return the session with this id, which `Target.attachToTarget` answered."""
        return self._sessions.setdefault(name, Session(self, name))

    def send(self, session: str | None, method: str, parameters: dict[str, Any] | None) -> Answer:
        """Send a command to a session and return the future of its answer."""
        answer: Answer = asyncio.get_running_loop().create_future()
        if self._transport is None or not self._transport.is_open:
            answer.set_exception(DevToolsError(f"the browser has ended; `{method}` cannot be sent"))
            return answer
        number = next(self._numbers)
        self._waiting[number] = session, answer
        answer.add_done_callback(lambda _: self._waiting.pop(number, None))
        command: dict[str, Any] = {"id": number, "method": method, "params": parameters or {}}
        if session is not None:
            command["sessionId"] = session
        self._transport.write(orjson.dumps(command))
        return answer

    def on_end(self, handler: Callable[[], None]) -> None:
        """Call `handler` once the transport has lost the browser."""
        self._end = handler

    def close(self) -> None:
        """Close the transport and fail what waits for an answer."""
        if self._transport is not None:
            self._transport.close()
        self._fail(self._waiting.values(), "the browser was closed")

    def received(self, message: bytes | str) -> None:
        """Handle one message of the browser."""
        decoded = _decoded(message)
        if "id" in decoded:
            self._answered(decoded)
            return
        parameters = decoded.get("params", {})
        if decoded["method"] == "Target.detachedFromTarget":
            self._detached(parameters["sessionId"])
        session = self._sessions.get(decoded.get("sessionId"))
        if session is not None:
            session.dispatch(decoded["method"], parameters)

    def ended(self) -> None:
        """Fail what waits for an answer: the browser has ended."""
        self._fail(self._waiting.values(), "the browser ended")
        if self._end is not None:
            self._end()

    def _answered(self, message: dict[str, Any]) -> None:
        _, answer = self._waiting.get(message["id"], (None, None))
        if answer is None or answer.done():
            return  # its caller has given up
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


def _decoded(message: bytes | str) -> dict[str, Any]:
    try:
        return cast("dict[str, Any]", orjson.loads(message))
    except orjson.JSONDecodeError:
        # A document may hold a lone surrogate. Chromium passes it on; orjson and our events cannot hold it.
        whole = json.dumps(json.loads(message), ensure_ascii=False)
        return cast("dict[str, Any]", orjson.loads(_LONE_SURROGATE.sub("\ufffd", whole)))
