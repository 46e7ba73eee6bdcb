"""An HTTP proxy for the S3 server that can answer in its place: errors, no answer, access denied."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any, Literal, Self

Mode = Literal["well", "some errors", "slow down", "silent", "forbidden"]
RETRY_AFTER_SECONDS = 2
SOME = 0.3
_ANSWERS: dict[Mode, tuple[int, str]] = {
    "some errors": (500, "InternalError"),
    "slow down": (503, "SlowDown"),
    "forbidden": (403, "AccessDenied"),
}


class StorageProxy(ThreadingHTTPServer):
    """Forwards requests unchanged, signatures included, unless its mode is another."""

    daemon_threads = True

    def __init__(self, upstream: int, random: Random) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.random = random
        self.mode: Mode = "well"
        self.refused = 0
        self.answering = threading.Event()
        self.answering.set()

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def set(self, mode: Mode) -> None:
        """Change how requests are answered from now on, and release those that wait for an answer."""
        self.mode = mode
        if mode == "silent":
            self.answering.clear()
        else:
            self.answering.set()

    def handle_error(self, *_: Any) -> None:
        """Log nothing: clients that disconnect are expected."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StorageProxy

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        mode = self.server.mode
        if mode == "silent":
            self.server.refused += 1
            self.server.answering.wait()
            self.close_connection = True
        elif mode == "well" or (mode == "some errors" and self.server.random.random() > SOME):
            self._forward(body)
        else:
            self._refuse(*_ANSWERS[mode])

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815 - the library's names

    def _refuse(self, status: int, code: str) -> None:
        self.server.refused += 1
        body = (
            b"" if self.command == "HEAD" else f"<Error><Code>{code}</Code><Message>injected</Message></Error>".encode()
        )
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        if status == http.client.SERVICE_UNAVAILABLE:
            self.send_header("Retry-After", str(RETRY_AFTER_SECONDS))
        self.end_headers()
        self.wfile.write(body)

    def _forward(self, body: bytes) -> None:
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
        # The Content-Length of a HEAD response is that of the body it omits.
        self.send_header("Content-Length", answer.getheader("Content-Length") or str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Log nothing."""
