"""Saves of files as the operating system reports them, whichever way an editor saves."""

import os
from collections.abc import AsyncGenerator, Sequence
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
    and rename it, and whoever watches the old one sees nothing any more. A file may also appear later.
    """
    watched, directories = _places(files)
    saves = awatch(
        *directories,
        watch_filter=lambda change, path: change != Change.deleted and path in watched,
        debounce=DEBOUNCE_MILLISECONDS,
        step=STEP_MILLISECONDS,
        recursive=False,
    )
    async for _ in saves:
        yield


def _places(files: Sequence[Path]) -> tuple[set[str], list[str]]:
    """Return the paths of the files, with and without links resolved, and the directories that hold them."""
    absolute = [Path(os.path.normpath(Path.cwd() / file)) for file in files]
    paths = {*absolute, *(file.resolve() for file in files)}
    return {str(path) for path in paths}, sorted({str(path.parent) for path in paths if path.parent.is_dir()})
