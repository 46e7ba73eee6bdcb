"""An HTTP proxy before the S3 server that answers in its place: errors, silence, refusals."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any, Literal, Self

Mood = Literal["well", "some errors", "slow down", "silent", "forbidden"]
RETRY_AFTER_SECONDS = 2
SOME = 0.3
_ANSWERS: dict[Mood, tuple[int, str]] = {
    "some errors": (500, "InternalError"),
    "slow down": (503, "SlowDown"),
    "forbidden": (403, "AccessDenied"),
}


class StorageProxy(ThreadingHTTPServer):
    """Passes requests on as they are, signatures included, unless its mood says otherwise."""

    daemon_threads = True

    def __init__(self, upstream: int, random: Random) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.random = random
        self.mood: Mood = "well"
        self.refused = 0
        self.goes_on = threading.Event()
        self.goes_on.set()

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def set(self, mood: Mood) -> None:
        """Change how requests are answered from now on; silence ends for those that wait in it."""
        self.mood = mood
        if mood == "silent":
            self.goes_on.clear()
        else:
            self.goes_on.set()

    def handle_error(self, *_: Any) -> None:
        """Say nothing: clients that give up are part of it."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StorageProxy

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        mood = self.server.mood
        if mood == "silent":
            self.server.refused += 1
            self.server.goes_on.wait()
            self.close_connection = True
        elif mood == "well" or (mood == "some errors" and self.server.random.random() > SOME):
            self._pass_on(body)
        else:
            self._refuse(*_ANSWERS[mood])

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815 - the library's names

    def _refuse(self, status: int, code: str) -> None:
        self.server.refused += 1
        body = (
            b"" if self.command == "HEAD" else f"<Error><Code>{code}</Code><Message>told to</Message></Error>".encode()
        )
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        if status == http.client.SERVICE_UNAVAILABLE:
            self.send_header("Retry-After", str(RETRY_AFTER_SECONDS))
        self.end_headers()
        self.wfile.write(body)

    def _pass_on(self, body: bytes) -> None:
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=60)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() != "expect":
                    upstream.putheader(name, value)
            upstream.endheaders(body)
            answer = upstream.getresponse()
            content = answer.read()
        finally:
            upstream.close()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        # An answer to HEAD says how long a body would be that does not come.
        self.send_header("Content-Length", answer.getheader("Content-Length") or str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
