"""A proxy before an S3 server that refuses, changes or leaves out what other stores do."""

import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer in place of the server's."""

    status: int
    body: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def error(cls, status: int, code: str, more: str = "", *headers: tuple[str, str]) -> Self:
        """Return an error as S3 words it."""
        body = f"<Error><Code>{code}</Code><Message>as configured</Message>{more}</Error>"
        return cls(status=status, body=body, headers=headers)


@dataclass(slots=True, kw_only=True)
class Request:
    """A request that the proxy may refuse, or change before it is forwarded."""

    method: str
    path: str
    headers: dict[str, str]

    @property
    def is_list(self) -> bool:
        """Whether it lists the bucket."""
        return self.method == "GET" and "list-type" in self.path


Store = Callable[[Request], Answer | None]
"""Returns the store's own answer, None where the server's is passed on; may change the request."""


class StoreProxy(ThreadingHTTPServer):
    """Forwards requests to a server on 127.0.0.1 unless `store` answers. `hidden`: headers that answers lose."""

    daemon_threads = True

    def __init__(self, upstream: int, store: Store, hidden: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.store = store
        self.hidden = hidden

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, *_: Any) -> None:
        """Log nothing: clients that disconnect are expected."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StoreProxy

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(
            method=self.command,
            path=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
        )
        answer = self.server.store(request)
        if answer is None:
            self._forward(request, body)
        else:
            content = b"" if self.command == "HEAD" else answer.body.encode()
            self._send(answer.status, [*answer.headers, ("Content-Length", str(len(content)))], content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815 - the library's names

    def _forward(self, request: Request, body: bytes) -> None:
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=60)
        upstream.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():
            if name != "expect":
                upstream.putheader(name, value)
        upstream.endheaders(body)
        answer = upstream.getresponse()
        content = answer.read()
        dropped = ("transfer-encoding", "connection", "content-length")
        headers = [
            (name, value)
            for name, value in answer.getheaders()
            if name.lower() not in dropped and not (self.server.hidden and name.lower().startswith(self.server.hidden))
        ]
        # The Content-Length of a HEAD response is that of the body it omits.
        length = answer.getheader("Content-Length") or str(len(content))
        upstream.close()
        self._send(answer.status, [*headers, ("Content-Length", length)], content)

    def _send(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Log nothing."""
