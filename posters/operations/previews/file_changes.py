"""Saves of files as the operating system reports them, whichever way an editor saves."""

import os
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from watchfiles import Change, awatch

STEP_MILLISECONDS: Final = 10
"""Reports are collected until this long without another one: an editor's save is several of them."""
DEBOUNCE_MILLISECONDS: Final = 50
"""And no longer than this, so that a file that is written all the time is seen as well."""


async def file_changes(files: Sequence[Path]) -> AsyncGenerator[None]:
    """Yield after every save of one of the files, from the first request for a change on.

    Saves between two requests yield once. Files are watched through their directories: an editor may write a new file
    and rename it, and whoever watches the old one sees nothing any more. A file may also appear later, and a link may
    lead to another file later.
    """
    places = _places(files)
    while True:
        watched, directories = places
        saves = awatch(
            *directories,
            watch_filter=partial(_is_save, watched),
            debounce=DEBOUNCE_MILLISECONDS,
            step=STEP_MILLISECONDS,
            recursive=False,
        )
        async for _ in saves:
            yield
            if (now := _places(files)) != places:
                places = now
                break
        else:
            return
        # A link leads elsewhere now. What was saved there until this watch began is not missed.
        yield


def _is_save(watched: set[str], change: Change, path: str) -> bool:
    return change != Change.deleted and path in watched


def _places(files: Sequence[Path]) -> tuple[set[str], list[str]]:
    """Return the paths of the files, with and without links resolved, and the directories that hold them."""
    absolute = [Path(os.path.normpath(Path.cwd() / file)) for file in files]
    paths = {*absolute, *(file.resolve() for file in files)}
    return {str(path) for path in paths}, sorted({str(path.parent) for path in paths if path.parent.is_dir()})
