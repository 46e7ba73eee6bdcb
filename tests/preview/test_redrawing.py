"""Drawing again: once for each change, with none missed, and whichever way an editor saves."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from posters.operations.previews.file_changes import file_changes
from posters.operations.previews.redrawing import redraw

SECONDS = 20.0


class Changes:
    """Changes that a test makes; like a watch of files, it sees none before it is asked for one."""

    def __init__(self) -> None:
        self.watching = asyncio.Event()
        self._queue: asyncio.Queue[bool] = asyncio.Queue()

    def save(self, *, last: bool = False) -> None:
        """A file is saved, or it was the last time."""
        if self.watching.is_set():
            self._queue.put_nowait(not last)

    async def __aiter__(self) -> AsyncIterator[None]:
        """Yield once for all saves since the last one."""
        self.watching.set()
        while await self._queue.get():
            while not self._queue.empty() and self._queue._queue[0]:  # type: ignore[attr-defined]
                self._queue.get_nowait()
            yield


async def test_it_draws_at_once_and_after_each_change() -> None:
    """There is a picture before the first save, and a new one after every save."""
    changes, drawn = Changes(), 0

    async def draw() -> None:
        nonlocal drawn
        drawn += 1
        changes.save(last=drawn == 3)

    await redraw(draw, aiter(changes))

    assert drawn == 3


async def test_a_save_while_it_reads_the_files_is_drawn() -> None:
    """The watch is in place when the files are read, so no save can fall between the two."""
    changes = Changes()
    watching = []

    async def draw() -> None:
        watching.append(changes.watching.is_set())
        changes.save(last=len(watching) == 2)

    await redraw(draw, aiter(changes))

    assert watching == [True, True]


async def test_saves_while_it_draws_are_one_more_drawing() -> None:
    """Somebody who saves faster than it draws gets the last state, without a queue of old ones."""
    changes, drawn = Changes(), 0

    async def draw() -> None:
        nonlocal drawn
        drawn += 1
        if drawn == 1:
            for _ in range(5):
                changes.save()
        else:
            changes.save(last=True)

    await redraw(draw, aiter(changes))

    assert drawn == 2


async def test_a_drawing_without_an_end_gives_way_to_the_next_save() -> None:
    """Somebody who corrects a template that never ends gets the picture of the corrected one."""
    changes, drawn, ended = Changes(), 0, 0

    async def draw() -> None:
        nonlocal drawn, ended
        drawn += 1
        changes.save(last=drawn == 2)
        if drawn == 1:
            try:
                await asyncio.Event().wait()
            finally:
                ended += 1

    await asyncio.wait_for(redraw(draw, aiter(changes), superseded_seconds=0.01), SECONDS)

    assert (drawn, ended) == (2, 1)


async def test_the_last_drawing_is_finished() -> None:
    """The end of the changes is none, so it does not end the drawing."""
    changes, drawn = Changes(), 0

    async def draw() -> None:
        nonlocal drawn
        changes.save(last=True)
        await asyncio.sleep(0.1)
        drawn += 1

    await redraw(draw, aiter(changes), superseded_seconds=0.0)

    assert drawn == 1


async def test_an_error_ends_the_watch() -> None:
    """What drawing does not handle itself reaches the caller, and nothing goes on watching."""
    changes = Changes()

    async def draw() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await redraw(draw, aiter(changes))

    assert asyncio.all_tasks() == {asyncio.current_task()}


def in_place(file: Path) -> None:
    """Write the file as `nano` does."""
    file.write_text("new", encoding="utf-8")


def by_rename(file: Path) -> None:
    """Write a new file and rename it, as many editors do."""
    new = file.with_suffix(".new")
    new.write_text("new", encoding="utf-8")
    new.replace(file)


def by_backup(file: Path) -> None:
    """Rename the old file and write a new one, as vim may do."""
    file.rename(file.with_suffix(".bak"))
    file.write_text("new", encoding="utf-8")


@pytest.mark.parametrize("save", [in_place, by_rename, by_backup])
async def test_a_save_is_seen_whichever_way_an_editor_saves(tmp_path: Path, save: Callable[[Path], None]) -> None:
    """Twice in a row, so that a watch that is lost with the old file is found out."""
    file = tmp_path / "card.html"
    file.write_text("old", encoding="utf-8")
    changes = file_changes([file])
    for _ in range(2):
        change = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0)
        save(file)
        await asyncio.wait_for(change, SECONDS)
    await changes.aclose()


async def test_other_files_are_no_changes(tmp_path: Path) -> None:
    """The picture is written beside the template, and must not cause the next one."""
    file, picture, data = tmp_path / "card.html", tmp_path / "card.preview.png", tmp_path / "later.json"
    file.write_text("old", encoding="utf-8")
    changes = file_changes([file, data])
    change = asyncio.ensure_future(anext(changes))
    await asyncio.sleep(0)
    picture.write_bytes(b"png")
    done, _ = await asyncio.wait([change], timeout=0.3)
    assert not done

    data.write_text("{}", encoding="utf-8")
    await asyncio.wait_for(change, SECONDS)
    await changes.aclose()


async def test_the_file_behind_a_link_is_watched(tmp_path: Path) -> None:
    """An editor that resolves links saves in another directory."""
    real, link = tmp_path / "shared" / "card.html", tmp_path / "card.html"
    real.parent.mkdir()
    real.write_text("old", encoding="utf-8")
    link.symlink_to(real)
    changes = file_changes([link])
    change = asyncio.ensure_future(anext(changes))
    await asyncio.sleep(0)
    by_rename(real)
    await asyncio.wait_for(change, SECONDS)
    await changes.aclose()
