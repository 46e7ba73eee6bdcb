"""The Playwright driver: Playwright launches the same Chromium with the same flags and carries the same messages.

Playwright's CDP sessions cannot address sessions of pages and workers that we attach to ourselves. So the connection is
a second session with the browser target, attached without `flatten`: each of its messages, for whichever session,
travels as one string through Playwright's session with the browser. Playwright knows of no page, and the messages are
those of the pipe, byte for byte.
"""

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from playwright.async_api import Browser, CDPSession, Error, Playwright, async_playwright

from renderer.browser import processes
from renderer.browser.devtools import Connection, DevToolsError
from renderer.browser.driver import BrowserCommand, LaunchError

RELEASE_SECONDS: Final = 3.0
_ERRORS_SHOWN: Final = 600
_starting: Final = asyncio.Lock()
"""One Playwright starts at a time: the environment that it inherits is the process's."""


@dataclass(frozen=True, slots=True)
class PlaywrightProcess:
    """A Chromium started by a Playwright of its own, so that the end of a driver costs one browser."""

    connection: Connection
    group: int
    playwright: Playwright
    driver_process: int | None
    """The process of Playwright's driver, where the kernel says which it is."""

    def last_errors(self) -> str:
        """Return nothing: Playwright puts the browser's errors into its own."""
        return ""

    async def release(self) -> None:
        """End Playwright's Node process; it is killed after 3 seconds."""
        await _stop(self.playwright, self.driver_process)


class PlaywrightTransport:
    """Messages to the browser target, each in a command or an event of Playwright's session with the browser."""

    def __init__(self, connection: Connection, outer: CDPSession, session: str) -> None:
        self._connection = connection
        self._outer = outer
        self._session = session
        self._sending: set[asyncio.Task[Any]] = set()
        self.is_open = True

    @classmethod
    async def open(cls, browser: Browser) -> Connection:
        """Return a connection through a browser of Playwright. Raises Playwright's Error."""
        outer = await browser.new_browser_cdp_session()
        target = await outer.send("Target.getTargetInfo")
        attached = await outer.send(
            "Target.attachToTarget", {"targetId": target["targetInfo"]["targetId"], "flatten": False}
        )
        connection = Connection()
        transport = cls(connection, outer, attached["sessionId"])
        outer.on("Target.receivedMessageFromTarget", transport._received)
        browser.on("disconnected", transport._ended)
        connection.connect(transport)
        return connection

    def write(self, message: bytes) -> None:
        """Send one message; tasks start in the order in which they are made, and so messages keep theirs."""
        wrapped = {"sessionId": self._session, "message": message.decode()}
        sending = asyncio.ensure_future(self._outer.send("Target.sendMessageToTarget", wrapped))
        self._sending.add(sending)
        sending.add_done_callback(self._sent)

    def close(self) -> None:
        """Send nothing more. The browser does not end with it."""
        self.is_open = False

    def _sent(self, sending: asyncio.Task[Any]) -> None:
        self._sending.discard(sending)
        if not sending.cancelled() and sending.exception() is not None:
            self._ended()  # the session, the browser or the Node process is gone

    def _received(self, event: dict[str, Any]) -> None:
        # From the loop: Playwright would raise an error of a handler in whoever calls it next.
        asyncio.get_running_loop().call_soon(self._connection.received, event["message"])

    def _ended(self, _: Browser | None = None) -> None:
        self.is_open = False
        self._connection.ended()


async def launch(command: BrowserCommand) -> PlaywrightProcess:
    """Have Playwright start Chromium with exactly these arguments, and connect to it. Raises LaunchError."""
    try:
        playwright, node = await _start(command.scratch)
    except (Error, OSError) as error:
        raise LaunchError(f"Playwright's driver did not start: {error}") from error
    try:
        return await _launch(playwright, node, command)
    except BaseException as error:
        await asyncio.shield(_stop(playwright, node))
        if isinstance(error, Error | DevToolsError):
            raise LaunchError(" ".join(error.message.split())[-_ERRORS_SHOWN:]) from error
        raise


async def _start(scratch: Path) -> tuple[Playwright, int | None]:
    """Start Playwright's Node process, with `scratch` for its temporary files; return both, if the process is known.

    It makes a directory for each browser there, and does not always live to remove it. It inherits our environment,
    and there is no other way to set one for it.
    """
    async with _starting:
        before, ours = processes.children(os.getpid()), os.environ.get("TMPDIR")
        os.environ["TMPDIR"] = str(scratch)
        starting = asyncio.ensure_future(async_playwright().start())
        try:
            playwright = await asyncio.shield(starting)
        except asyncio.CancelledError:
            # Only a Playwright that has started can be stopped.
            if (await asyncio.wait((starting,), timeout=RELEASE_SECONDS))[0] and starting.exception() is None:
                await _stop(starting.result(), _only(processes.children(os.getpid()) - before))
            raise
        finally:
            if ours is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = ours
        return playwright, _only(processes.children(os.getpid()) - before)


def _only(started: set[int]) -> int | None:
    """Return the process that was started; None where others were started at the same time."""
    return next(iter(started)) if len(started) == 1 else None


async def _launch(playwright: Playwright, node: int | None, command: BrowserCommand) -> PlaywrightProcess:
    browser = await playwright.chromium.launch(
        executable_path=command.binary,
        args=command.arguments,
        ignore_default_args=True,
        env=dict(command.environment),
        artifacts_dir=command.scratch,
        # Signals are the worker's to handle, which finishes its posters first.
        handle_sighup=False,
        handle_sigint=False,
        handle_sigterm=False,
    )
    connection = await PlaywrightTransport.open(browser)
    group = await _browser_process(connection)
    return PlaywrightProcess(connection, group, playwright, processes.parent(group) or node)


async def _browser_process(connection: Connection) -> int:
    listed = await connection.browser.send("SystemInfo.getProcessInfo")
    return next(cast("int", each["id"]) for each in listed["processInfo"] if each["type"] == "browser")


async def _stop(playwright: Playwright, node: int | None) -> None:
    """End Playwright and its Node process, which removes what it wrote."""
    stopping = asyncio.ensure_future(playwright.stop())
    done, _ = await asyncio.wait((stopping,), timeout=RELEASE_SECONDS)
    if not done and node is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(node, signal.SIGKILL)
    await asyncio.wait((stopping,), timeout=RELEASE_SECONDS)
