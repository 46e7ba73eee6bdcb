"""The example site in a real browser: served by a separate process on the test's database."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page, sync_playwright

from django_tests.site import Site, until
from renderer.browser.chromium import find_chromium
from tests.parts.ports import free_port

PICTURE = "https://cdn.test/poster.svg"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="1080" height="1080"><rect width="1080" height="1080"/></svg>'


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


@contextmanager
def admin_page(
    site: Site, chromium: Browser, *, scheme: Literal["light", "dark"], locale: str = "en"
) -> Iterator[Page]:
    """Give a page of a superuser of the site; an error in a script fails the block at its end."""
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    errors: list[str] = []
    with served(site) as address:
        context = chromium.new_context(base_url=address, color_scheme=scheme, locale=locale)
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": address}
        context.add_cookies([cookie])  # type: ignore[list-item]
        context.route(PICTURE, lambda route: route.fulfill(body=SVG, content_type="image/svg+xml"))
        opened = context.new_page()
        opened.on("pageerror", lambda error: errors.append(str(error)))
        yield opened
        context.close()
    assert errors == []


def write_html(page: Page, html: str) -> None:
    """Replace what stands in the code editor."""
    page.click(".CodeMirror-lines")
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(html)


def overflow(page: Page) -> list[str]:
    """Return which of the page and its containers are wider inside than outside."""
    found: list[str] = page.evaluate(
        """() => [document.documentElement, ...document.querySelectorAll("#main, #content, .results, .form-row, table")]
            .filter((element) => element.scrollWidth > element.clientWidth + 1)
            .map(({tagName, className, scrollWidth, clientWidth}) =>
                `${tagName}.${className} ${scrollWidth} > ${clientWidth}`)"""
    )
    return found


def keep(page: Page, name: str, artefacts: Path) -> None:
    """Save a screenshot of the page for review."""
    artefacts.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=artefacts / f"{name}.png", full_page=True)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
