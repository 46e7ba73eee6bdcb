"""Graceful shutdown while a poster is in flight that takes longer than the drain timeout."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.flow.system import System
from tests.renderer.assets.site import png

DRAIN_SECONDS = 2.0
LEAVING_SECONDS = 5.0
"""How long a worker may take beyond its drain: for commits, and for leaving the group."""
TEMPLATE = '<p>{{ name }}<img src="{{ photo }}" width="100" height="100">'


class SlowPhotos(ThreadingHTTPServer):
    """A server that does not answer until `open` is set."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = threading.Event()
        self.open = threading.Event()


class Handler(BaseHTTPRequestHandler):
    """Answers with a picture, late."""

    server: SlowPhotos

    def do_GET(self) -> None:
        """Answer."""
        self.server.asked.set()
        self.server.open.wait(120)
        body = png()
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def photos() -> Iterator[SlowPhotos]:
    """A running server."""
    with SlowPhotos() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.open.set()
        server.shutdown()
        thread.join()


def test_what_does_not_end_in_time_is_taken_over_by_the_next_worker(idle_system: System, photos: SlowPhotos) -> None:
    """With a rendering of a minute in flight the worker ends with code 0 in time; the next one makes the poster.

    Being interrupted does not count as an attempt.
    """
    system = idle_system
    settings = {
        "POSTERS_ASSET_ALLOW": f"127.0.0.1:{photos.server_port}",
        "POSTERS_RENDER_TIMEOUT": "100",  # of which assets may take 60
        "POSTERS_DRAIN_TIMEOUT": f"{DRAIN_SECONDS:g}",
    }
    system.start_worker(**settings)
    template = f"{system.upload(TEMPLATE).section}_latest"
    url = f"http://127.0.0.1:{photos.server_port}/photo.png"
    job = system.request(template, {"name": "A", "photo": url})
    assert photos.asked.wait(60)
    began = time.monotonic()
    code = system.stop_worker()
    seconds = time.monotonic() - began
    photos.open.set()
    system.start_worker(**settings)
    outcome = system.outcome(job)

    assert code == 0
    assert DRAIN_SECONDS <= seconds < DRAIN_SECONDS + LEAVING_SECONDS
    assert (outcome.status, outcome.attempt, outcome.degraded) == ("completed", 1, False)
