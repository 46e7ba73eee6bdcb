"""The example site in a real browser: served by a separate process on the test's database."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from django_tests.site import Site, until
from renderer.browser.chromium import find_chromium
from tests.parts.ports import free_port


@contextmanager
def served(site: Site) -> Iterator[str]:
    """Serve the site until the end of the block; give its URL."""
    port = free_port()
    site.start("runserver", f"127.0.0.1:{port}", "--noreload", "--skip-checks")
    until(lambda: _answers(port))
    yield f"http://127.0.0.1:{port}"


@contextmanager
def browser() -> Iterator[Browser]:
    """Give the browser that renders posters, to open pages."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=find_chromium(None))
        try:
            yield opened
        finally:
            opened.close()


def keep(page: Page, name: str, artefacts: Path) -> None:
    """Save a screenshot of the page for review."""
    artefacts.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=artefacts / f"{name}.png", full_page=True)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
