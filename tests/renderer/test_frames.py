"""Frames on demand, one at a time, and browsers that cannot draw on demand."""

import asyncio
from typing import Any, cast

import pytest

from renderer.browser import chromium
from renderer.browser.devtools import Answer, DevToolsError
from renderer.browser.devtools import Session as DevToolsSession
from renderer.engine import Engine
from renderer.page.frames import BeginFrameUnsupportedError, Frames
from tests.renderer.drawing import draw, image_url, page

pytestmark = pytest.mark.asyncio(loop_scope="session")

MIXED = page(f"<h1>Hello</h1><p style='color:#0a7'>مرحبا</p><img src='{image_url('red')}'>")
OUTPUTS: dict[str, Any] = {
    "variants": [
        {"name": "png"},
        {"name": "jpeg", "format": "jpeg"},
        {"name": "webp", "format": "webp"},
        {"name": "clear", "transparent": True},
        {"name": "twice", "scale": 2},
        {"name": "half", "scale": 0.5},
        {"name": "wide", "width": 901, "height": 333},
        {"name": "paper", "format": "pdf"},
    ]
}


class Session:
    """A browser whose answers the test gives."""

    def __init__(self) -> None:
        self.asked: list[Answer] = []

    def send(self, method: str, parameters: dict[str, Any]) -> Answer:
        """Return the answer to come."""
        assert method == "HeadlessExperimental.beginFrame"
        self.asked.append(asyncio.get_running_loop().create_future())
        return self.asked[-1]

    async def next(self) -> Answer:
        """Return what is to be answered next."""
        while not self.asked or self.asked[-1].done():  # noqa: ASYNC110 - it takes some turns of the loop
            await asyncio.sleep(0)
        return self.asked[-1]


def frames_of(session: Session, turn: asyncio.Lock) -> Frames:
    """Return the frames of a page of a browser with this turn."""
    return Frames(cast("DevToolsSession", session), turn)


async def test_a_cancelled_frame_keeps_its_turn_until_it_is_drawn() -> None:
    """Two frames at once crash the browser, so the next page's frame waits also for one that was cancelled."""
    session, turn = Session(), asyncio.Lock()
    cancelled = asyncio.ensure_future(frames_of(session, turn).draw())
    first = await session.next()
    cancelled.cancel()
    following = asyncio.ensure_future(frames_of(session, turn).draw())
    for _ in range(5):
        await asyncio.sleep(0)

    assert cancelled.cancelled()
    assert len(session.asked) == 1
    first.set_exception(DevToolsError("the page was closed"))
    (await session.next()).set_result({})
    await following


async def test_a_frame_without_a_picture_is_drawn_again() -> None:
    """The first frame of a page has none yet; one that never has any yields no bytes."""
    session = Session()
    picture = asyncio.ensure_future(frames_of(session, asyncio.Lock()).picture({"format": "png"}))
    answers: tuple[dict[str, str], ...] = ({}, {"screenshotData": "aGVsbG8="})
    for answer in answers:
        (await session.next()).set_result(answer)

    assert await picture == b"hello"


@pytest.mark.parametrize(
    ("answer", "error"),
    [("'HeadlessExperimental.beginFrame' wasn't found", BeginFrameUnsupportedError), ("Target crashed", DevToolsError)],
)
async def test_a_browser_that_refuses_is_told_apart(answer: str, error: type[Exception]) -> None:
    """Its answer to the first frame is that it has no such command; a page that crashed has another."""
    session = Session()
    beginning = asyncio.ensure_future(frames_of(session, asyncio.Lock()).begin())
    (await session.next()).set_exception(DevToolsError(answer))

    with pytest.raises(error, match=answer):
        await beginning


async def test_a_browser_without_frames_on_demand_yields_the_same_bytes(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every format, size and scale; it is started once more for that, and only for the first document."""
    wanted = await draw(engine, MIXED, **OUTPUTS)
    monkeypatch.setattr(chromium, "ON_DEMAND", ())
    other = Engine(concurrency=1)
    await other.start()
    drawn = [await draw(other, MIXED, **OUTPUTS) for _ in range(2)]
    await other.close()

    assert [image.name for image in wanted.images] == [each["name"] for each in OUTPUTS["variants"]]
    for each in drawn:
        assert [image.data for image in each.images] == [image.data for image in wanted.images]


async def test_what_a_script_does_in_a_frame_is_in_the_picture(engine: Engine) -> None:
    """Events of what has just been brought to rest come with the next frame, and may change what is seen."""
    script = "document.body.animate({opacity:[0,1]},9e3).onfinish=()=>document.body.style.background='red'"
    rendering = await draw(engine, page(f"<script>{script}</script>"), javascript=True)
    plain = await draw(engine, page("<body style='background:red'>"))

    assert rendering.images[0].data == plain.images[0].data


async def test_a_picture_of_an_old_frame_is_taken_again(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request for a frame can be faster than the page's notice that it has something to draw."""
    html = page("<p data-fit=shrink style='width:150px;height:50px;font-size:40px'>Many thanks for the service")
    right = (await draw(engine, html)).images[0].data
    pictures: list[bytes] = []
    draw_picture = Frames.picture

    async def picture(frames: Frames, parameters: dict[str, Any]) -> bytes:
        pictures.append(b"an old frame" if not pictures else await draw_picture(frames, parameters))
        return pictures[-1]

    monkeypatch.setattr(Frames, "picture", picture)
    late = (await draw(engine, html)).images[0].data
    prompt = (await draw(engine, html)).images[0].data

    assert late == prompt == right
    assert len(pictures) == 3
