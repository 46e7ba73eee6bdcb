"""What is asked of a browser is answered, or fails, whatever else it says meanwhile."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from renderer.browser.devtools import Answer, Connection, DevToolsError
from renderer.browser.pipe_driver import PipeTransport

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Browser:
    """The other end of both pipes."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands = os.fdopen(commands, "rb", 0)
        self._answers = os.fdopen(answers, "wb", 0)

    def told(self) -> list[dict[str, Any]]:
        """Return the commands that have come; there is at least one."""
        return [json.loads(command) for command in self._commands.read(65536).split(b"\0") if command]

    def say(self, *messages: dict[str, Any] | bytes) -> None:
        """Send messages, in one go."""
        whole = b"".join((each if isinstance(each, bytes) else json.dumps(each).encode()) + b"\0" for each in messages)
        self._answers.write(whole)

    def say_piece(self, piece: bytes) -> None:
        """Send a part of a message."""
        self._answers.write(piece)

    def end(self) -> None:
        """Close its pipes, as a process that ends does."""
        self._commands.close()
        self._answers.close()


@pytest_asyncio.fixture(loop_scope="session")
async def pair() -> AsyncIterator[tuple[Connection, Browser]]:
    """Both ends of a connection."""
    commands, writing = os.pipe()
    reading, answers = os.pipe()
    browser = Browser(commands, answers)
    devtools = await PipeTransport.open(reading, writing)
    yield devtools, browser
    devtools.close()
    browser.end()


async def failure(answer: Answer) -> str:
    """Return the message that an answer fails with."""
    with pytest.raises(DevToolsError) as raised:
        await answer
    return raised.value.message


async def test_each_command_gets_its_own_answer(pair: tuple[Connection, Browser]) -> None:
    """Answers may come in any order, with events between them."""
    devtools, browser = pair
    first = devtools.browser.send("Browser.getVersion")
    second = devtools.session("tab").send("Page.navigate", {"url": "about:blank"})
    asked = browser.told()
    browser.say(
        {"id": asked[1]["id"], "sessionId": "tab", "result": {"frameId": "f"}},
        {"method": "Page.loadEventFired", "sessionId": "tab", "params": {}},
        {"id": asked[0]["id"], "result": {"product": "Chromium"}},
    )

    assert [(each["method"], each["params"], each.get("sessionId")) for each in asked] == [
        ("Browser.getVersion", {}, None),
        ("Page.navigate", {"url": "about:blank"}, "tab"),
    ]
    assert (await first, await second) == ({"product": "Chromium"}, {"frameId": "f"})


async def test_an_event_is_heard_by_its_session_alone(pair: tuple[Connection, Browser]) -> None:
    """Neither another page's handler is called for it, nor one for another event, nor one of a session nobody has."""
    devtools, browser = pair
    heard: list[object] = []
    done = asyncio.Event()
    devtools.session("a").on("Page.crashed", lambda parameters: heard.append(("a", parameters)))
    devtools.session("b").on("Page.crashed", lambda parameters: heard.append(("b", parameters)))
    devtools.browser.on("Done", lambda _: done.set())
    browser.say(
        {"method": "Page.crashed", "sessionId": "b", "params": {"n": 1}},
        {"method": "Page.other", "sessionId": "a", "params": {"n": 2}},
        {"method": "Page.crashed", "sessionId": "c", "params": {"n": 3}},
        {"method": "Done"},
    )
    await done.wait()

    assert heard == [("b", {"n": 1})]


async def test_a_message_may_come_in_pieces(pair: tuple[Connection, Browser]) -> None:
    """A picture is longer than a pipe."""
    devtools, browser = pair
    answer = devtools.browser.send("Page.captureScreenshot")
    number = browser.told()[0]["id"]
    message = json.dumps({"id": number, "result": {"data": "x" * 100_000}}).encode() + b"\0"
    for start in range(0, len(message), 30_001):
        browser.say_piece(message[start : start + 30_001])
        await asyncio.sleep(0)

    assert len((await answer)["data"]) == 100_000


async def test_what_is_refused_says_why(pair: tuple[Connection, Browser]) -> None:
    """In the browser's own words."""
    devtools, browser = pair
    answer = devtools.browser.send("Emulation.setTimezoneOverride", {"timezoneId": "Moon"})
    browser.say({"id": browser.told()[0]["id"], "error": {"code": -32602, "message": "Invalid timezone id"}})

    assert await failure(answer) == "Invalid timezone id"


async def test_half_a_surrogate_pair_is_replaced(pair: tuple[Connection, Browser]) -> None:
    """A document may hold one; what it says ends neither the connection nor the event that tells of it."""
    devtools, browser = pair
    answer = devtools.browser.send("Runtime.evaluate")
    browser.say(b'{"id":%d,"result":{"value":"\\ud83d \\ud83c\\udf89 \\udf89"}}' % browser.told()[0]["id"])

    assert await answer == {"value": "\ufffd 🎉 \ufffd"}


async def test_what_nobody_waits_for_any_more_is_let_go(pair: tuple[Connection, Browser]) -> None:
    """Its answer comes, and goes nowhere."""
    devtools, browser = pair
    given_up, wanted = devtools.browser.send("A"), devtools.browser.send("B")
    given_up.cancel()
    asked = browser.told()
    browser.say({"id": asked[0]["id"], "result": {}}, {"id": asked[1]["id"], "result": {"b": 1}})

    assert await wanted == {"b": 1}


async def test_what_was_asked_of_a_page_that_closes_fails(pair: tuple[Connection, Browser]) -> None:
    """At once, and only that."""
    devtools, browser = pair
    closed, other = devtools.session("a").send("Page.navigate"), devtools.session("b").send("Page.navigate")
    asked = browser.told()
    browser.say({"method": "Target.detachedFromTarget", "params": {"sessionId": "a"}})

    assert await failure(closed) == "the page was closed"
    browser.say({"id": asked[1]["id"], "sessionId": "b", "result": {}})
    assert await other == {}


async def test_what_is_asked_of_a_browser_that_ends_fails(pair: tuple[Connection, Browser]) -> None:
    """Whether it was asked before or is asked after, and the end is told."""
    devtools, browser = pair
    ended = asyncio.Event()
    devtools.on_end(ended.set)
    before = devtools.browser.send("Browser.getVersion")
    browser.end()

    assert await failure(before) == "the browser ended"
    await ended.wait()
    assert "`Browser.close` cannot be sent" in await failure(devtools.browser.send("Browser.close"))


async def test_a_browser_that_ended_before_it_was_met_is_told_nothing() -> None:
    """A program that is no browser ends at once; nobody waits for its answer."""
    commands, writing = os.pipe()
    reading, answers = os.pipe()
    os.close(answers)
    connection = await PipeTransport.open(reading, writing)
    await asyncio.sleep(0)

    assert await failure(connection.browser.send("Browser.getVersion"))
    connection.close()
    os.close(commands)


async def test_closing_fails_what_waits(pair: tuple[Connection, Browser]) -> None:
    """Nobody is left waiting for a browser that is given up."""
    devtools, _ = pair
    waiting = devtools.browser.send("Browser.getVersion")
    devtools.close()

    assert await failure(waiting) == "the browser was closed"
