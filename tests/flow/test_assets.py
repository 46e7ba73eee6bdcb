"""Network assets through the whole system: fetched where allowed, reported where missing, and cached."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.flow.system import System
from tests.renderer.assets.site import png

TEMPLATE = '<p>{{ name }}<img src="{{ photo }}" width="100" height="100">'


class Photos(ThreadingHTTPServer):
    """A server with one photo that records the paths requested."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    """Answers with a picture: found or, with the same picture, not found."""

    server: Photos

    def do_GET(self) -> None:
        """Answer."""
        self.server.asked.append(self.path)
        body = png()
        self.send_response(200 if self.path.startswith("/photo") else 404)
        for name, value in (("Content-Type", "image/png"), ("Cache-Control", "max-age=600")):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def photos() -> Iterator[Photos]:
    """A running server."""
    with Photos() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_posters_with_photos(idle_system: System, photos: Photos) -> None:
    """Equal requests are one rendering and one fetch; what is missing or not allowed degrades, or fails if strict."""
    system = idle_system
    port = photos.server_port
    system.start_worker(POSTERS_ASSET_ALLOW=f"127.0.0.1:{port}")
    template = f"{system.upload(TEMPLATE).section}_latest"
    photo, missing, inside = (
        f"http://127.0.0.1:{port}/photo.png?size=1",
        f"http://127.0.0.1:{port}/missing.png",
        f"http://localhost:{port}/photo.png",
    )

    jobs = [system.request(template, {"name": "A", "photo": photo}) for _ in range(8)]
    first = [system.outcome(job) for job in jobs]
    later = system.outcome(system.request(template, {"name": "A", "photo": photo}))
    forced = system.outcome(system.request(template, {"name": "A", "photo": photo}, reuse=False))
    degraded = [system.outcome(system.request(template, {"name": "A", "photo": url})) for url in (missing, inside)]
    strict = system.outcome(system.request(template, {"name": "A", "photo": missing}, strict=True))

    assert {each.status for each in (*first, later, forced, *degraded)} == {"completed"}
    assert sorted(each.cached for each in first) == [False] + [True] * 7
    assert (later.cached, forced.cached) == (True, False)
    assert len({each.object_key for each in (*first, later, forced)}) == 1
    assert [(each.url, each.ok, each.status) for each in later.assets] == [(photo.partition("?")[0], True, 200)]
    assert [(each.degraded, each.assets[0].reason, each.assets[0].status) for each in degraded] == [
        (True, "asset_status", 404),
        (True, "asset_blocked", None),
    ]
    assert strict.status == "failed"
    assert strict.error is not None
    assert strict.error.code == "asset_status"
    assert missing in strict.error.message
    assert [each.url for each in strict.assets] == [missing]
    assert photos.asked == ["/photo.png?size=1", "/missing.png", "/missing.png"]
    assert system.stop_worker() == 0
