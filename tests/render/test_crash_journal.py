"""The crash journal believes and follows nothing that somebody else prepared."""

import logging
import os
from pathlib import Path
from uuid import UUID

import pytest

from agents.render.crash_journal import CrashJournal
from renderer.errors import RenderError

POSTER = UUID(int=1)


def is_on(journal: CrashJournal, directory: Path) -> bool:
    """Say whether the journal notes a poster in progress."""
    with journal.entry(POSTER):
        return any(path.stat().st_size for path in directory.iterdir())


def link(directory: Path, elsewhere: Path) -> None:
    """Make a link to a directory of this user."""
    elsewhere.mkdir(mode=0o700)
    directory.symlink_to(elsewhere)


def writable_by_all(directory: Path, _: Path) -> None:
    """Make a directory that everybody may write to."""
    directory.mkdir()
    directory.chmod(0o777)


def writable_by_the_group(directory: Path, _: Path) -> None:
    """Make a directory that a group may write to."""
    directory.mkdir()
    directory.chmod(0o770)


def a_file(directory: Path, _: Path) -> None:
    """Make a file in the directory's place."""
    directory.write_text("")


@pytest.mark.parametrize("prepare", [link, writable_by_all, writable_by_the_group, a_file])
def test_a_directory_that_others_prepared_is_refused(
    prepare: object, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The journal is off, the log says so, nothing is written or removed, and posters are rendered without it."""
    directory, elsewhere = tmp_path / "journal", tmp_path / "elsewhere"
    assert callable(prepare)
    prepare(directory, elsewhere)
    journal = CrashJournal(directory)
    with caplog.at_level(logging.WARNING):
        journal.open()

    with journal.entry(POSTER):
        written = [path for place in (directory, elsewhere) if place.is_dir() for path in place.iterdir()]
    assert written == []
    assert "the crash journal is off" in caplog.text


def test_a_directory_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its files would decide which posters fail."""
    directory = tmp_path / "journal"
    directory.mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: directory.stat().st_uid + 1)
    journal = CrashJournal(directory)
    with caplog.at_level(logging.WARNING):
        journal.open()

    assert not is_on(journal, directory)
    assert "belongs to another user" in caplog.text


def test_files_that_are_links_are_neither_read_nor_written(tmp_path: Path) -> None:
    """A link in the place of a poster's file counts as no crash, and its target stays as it is."""
    directory, target = tmp_path / "journal", tmp_path / "target"
    journal = CrashJournal(directory)
    journal.open()
    with journal.entry(POSTER):
        (name,) = (path.name for path in directory.iterdir())
    target.write_text("9 999999.1")
    (directory / name).symlink_to(target)

    with journal.entry(POSTER):
        pass

    assert target.read_text() == "9 999999.1"


def test_old_files_are_removed_and_links_are_not_followed(tmp_path: Path) -> None:
    """Only regular files of the directory itself."""
    directory, target = tmp_path / "journal", tmp_path / "target"
    directory.mkdir(mode=0o700)
    for path in (target, directory / "old", directory / "new"):
        path.write_text("1 1.1")
    (directory / "link").symlink_to(target)
    for path in (target, directory / "old"):
        os.utime(path, (0, 0))

    CrashJournal(directory).open()

    assert sorted(path.name for path in directory.iterdir()) == ["link", "new"]
    assert target.exists()


def test_a_directory_of_our_own_is_used(tmp_path: Path) -> None:
    """A poster whose worker died twice is given up."""
    directory = tmp_path / "deeper" / "journal"
    unfinished = []
    for number in range(2):
        dead = CrashJournal(directory, worker=f"99999{number}.1")
        dead.open()
        unfinished.append(dead.entry(POSTER))
        unfinished[-1].__enter__()
    journal = CrashJournal(directory)
    journal.open()

    with pytest.raises(RenderError), journal.entry(POSTER):
        pass
    assert is_on(journal, directory)
