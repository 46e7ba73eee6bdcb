"""Scratch directories: private, deleted after a crash, and nobody else's is touched."""

import fcntl
import os
import stat
from pathlib import Path

import pytest

from renderer.browser.scratch import LOCK, PREFIX, Scratch, remove_orphans


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory for temporary files that only this test uses."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def orphan(directory: Path, mode: int = 0o700) -> Path:
    """Make what a worker that crashed leaves behind, with a file in it."""
    directory.mkdir()
    directory.chmod(mode)
    (directory / LOCK).touch()
    (directory / "profile").touch()
    return directory


def test_a_directory_is_private() -> None:
    """Whatever the umask, only its user may look into it; it is gone after its removal, which may come twice."""
    before = os.umask(0)
    try:
        scratch = Scratch()
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (scratch.path, scratch.path / LOCK)]
    scratch.remove()
    scratch.remove()

    assert modes == [0o700, 0o600]
    assert not scratch.path.exists()


def test_an_orphan_is_removed_and_a_directory_in_use_is_not(temporary: Path) -> None:
    """The lock tells them apart."""
    left, used = orphan(temporary / f"{PREFIX}left"), Scratch()

    assert remove_orphans() == 1
    assert not left.exists()
    assert (used.path / LOCK).exists()
    used.remove()


def test_links_are_not_followed(temporary: Path) -> None:
    """Neither a link in place of a directory nor one in place of its lock leads to anything that is deleted."""
    elsewhere = orphan(temporary / "elsewhere")
    (temporary / f"{PREFIX}link").symlink_to(elsewhere)
    linked = orphan(temporary / f"{PREFIX}lock")
    (linked / LOCK).unlink()
    (linked / LOCK).symlink_to(elsewhere / LOCK)

    assert remove_orphans() == 0
    assert (elsewhere / "profile").exists()
    assert (linked / "profile").exists()


def test_a_fifo_in_place_of_a_lock_stops_nothing(temporary: Path) -> None:
    """Opening it does not wait for a writer."""
    directory = temporary / f"{PREFIX}fifo"
    directory.mkdir(mode=0o700)
    os.mkfifo(directory / LOCK)
    with open(os.open(directory / LOCK, os.O_RDWR | os.O_NONBLOCK)) as held:  # noqa: PTH123 - a descriptor
        fcntl.flock(held, fcntl.LOCK_EX)
        assert remove_orphans() == 0


def test_a_link_inside_an_orphan_is_deleted_and_its_target_is_not(temporary: Path) -> None:
    """A page cannot make one, but whoever writes into the directory could."""
    elsewhere = orphan(temporary / "elsewhere")
    (orphan(temporary / f"{PREFIX}left") / "link").symlink_to(elsewhere)

    assert remove_orphans() == 1
    assert (elsewhere / "profile").exists()


def test_what_others_made_is_left_alone(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Directories that others may write to, files, directories without a lock, and those of another user."""
    shared = orphan(temporary / f"{PREFIX}shared", 0o777)
    (temporary / f"{PREFIX}file").touch()
    (temporary / f"{PREFIX}empty").mkdir(mode=0o700)
    assert remove_orphans() == 0
    foreign = orphan(temporary / f"{PREFIX}foreign")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    assert remove_orphans() == 0
    assert all(directory.exists() for directory in (shared, foreign))
    assert len(list(temporary.iterdir())) == 4
