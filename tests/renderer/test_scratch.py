"""Directories that browsers left behind are removed; what somebody else prepared under their names is left alone."""

import fcntl
import os
import tempfile
from pathlib import Path

import pytest

from renderer.browser.scratch import LOCK, PREFIX, Scratch, remove_orphans


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def orphan(directory: Path) -> Path:
    """Make a directory whose browser is gone."""
    directory.mkdir(mode=0o700)
    (directory / LOCK).touch()
    (directory / "profile").touch()
    return directory


def test_orphans_go_and_directories_in_use_stay(temporary: Path) -> None:
    """The lock says which is which."""
    left = orphan(temporary / f"{PREFIX}left")
    used = Scratch()

    assert remove_orphans() == 1
    assert not left.exists()
    assert used.path.exists()
    used.remove()


def test_links_are_not_followed(temporary: Path) -> None:
    """Neither a link in a directory's place nor one in the place of its lock leads to anything that is removed."""
    target = orphan(temporary / "elsewhere")
    (temporary / f"{PREFIX}link").symlink_to(target)
    with_link = temporary / f"{PREFIX}lock"
    with_link.mkdir()
    (with_link / LOCK).symlink_to(target / LOCK)

    assert remove_orphans() == 0
    assert (target / "profile").exists()
    assert with_link.exists()


def test_a_fifo_in_the_place_of_a_lock_stops_nothing(temporary: Path) -> None:
    """Opening it does not wait for a writer."""
    directory = temporary / f"{PREFIX}fifo"
    directory.mkdir()
    os.mkfifo(directory / LOCK)
    with open(os.open(directory / LOCK, os.O_RDWR | os.O_NONBLOCK)) as held:  # noqa: PTH123 - a descriptor
        fcntl.flock(held, fcntl.LOCK_EX)
        assert remove_orphans() == 0


def test_directories_of_another_user_stay(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where this user could remove them."""
    left = orphan(temporary / f"{PREFIX}left")
    monkeypatch.setattr(os, "geteuid", lambda: left.stat().st_uid + 1)

    assert remove_orphans() == 0
    assert left.exists()
