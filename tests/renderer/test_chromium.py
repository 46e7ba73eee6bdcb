"""Which Chromium is used, and the error when there is none."""

from pathlib import Path

import pytest

from renderer.browser import chromium
from renderer.browser.chromium import find_chromium
from renderer.errors import BrowserNotFoundError


def installed(path: Path) -> Path:
    """Put a program there."""
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\x7fELF")
    path.chmod(0o755)
    return path


def test_the_package_comes_before_what_playwright_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets the distribution's security updates."""
    package = installed(tmp_path / "lib" / "headless_shell")
    installed(tmp_path / "cache" / "chromium_headless_shell-1200" / "chrome-linux" / "headless_shell")
    monkeypatch.setattr(chromium, "PACKAGED", (package,))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "cache"))

    assert find_chromium(None) == package


@pytest.mark.parametrize("name", ["headless_shell", "chrome-headless-shell"])
def test_the_newest_that_playwright_installed_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """By number, not by letter; both names that it has had are known."""
    newest = installed(tmp_path / "chromium_headless_shell-1200" / "chrome-headless-shell-linux64" / name)
    installed(tmp_path / "chromium_headless_shell-999" / "chrome-linux" / name)
    monkeypatch.setattr(chromium, "PACKAGED", ())
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))

    assert find_chromium(None) == newest


def test_without_any_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And names the setting for one that is elsewhere."""
    monkeypatch.setattr(chromium, "PACKAGED", ())
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))

    with pytest.raises(BrowserNotFoundError, match=r"POSTERS_CHROMIUM, install the package chromium-headless-shell"):
        find_chromium(None)


def test_a_setting_that_names_no_program_is_refused(tmp_path: Path) -> None:
    """A typing error must not end in another browser than the one that was meant."""
    with pytest.raises(BrowserNotFoundError, match="no executable file"):
        find_chromium(str(tmp_path / "chromium"))
