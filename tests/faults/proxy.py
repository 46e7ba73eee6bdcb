"""A TCP proxy with network faults: dropped data, refused connections, latency, limited bandwidth."""

import contextlib
import queue
import socket
import threading
import time
from typing import Final, Literal

from tests.parts.ports import free_port

Mode = Literal["ok", "black hole", "drop requests", "drop responses", "refuse"]
CHUNK: Final = 65_536
CHUNKS_IN_FLIGHT: Final = 64
_SILENT: Final[dict[Mode, tuple[bool, bool]]] = {
    "black hole": (True, True),
    "drop requests": (True, False),
    "drop responses": (False, True),
}


class Proxy:
    """Forwards connections to a local port. `set` may be called at any time and applies to open connections too.

    `latency` is in seconds each way; `bytes_a_second` limits a connection each way, 0: unlimited.
    """

    def __init__(self, upstream: int) -> None:
        self.port = free_port()
        self.latency = 0.0
        self.bytes_a_second = 0.0
        self._upstream = upstream
        self._mode: Mode = "ok"
        self._passing = (threading.Event(), threading.Event())
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.set("ok")
        threading.Thread(target=self._accept, daemon=True).start()

    def set(self, mode: Mode) -> None:
        """Forward data, hold it back in one or both directions, or close and refuse connections."""
        self._mode = mode
        for passing, silent in zip(self._passing, _SILENT.get(mode, (False, False)), strict=True):
            (passing.clear if silent else passing.set)()
        if mode == "refuse":
            self.reset()

    def reset(self) -> None:
        """Close every open connection."""
        for connection in list(self._open):
            _close(connection)

    def close(self) -> None:
        """Stop."""
        self.set("refuse")
        _close(self._listener)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._mode == "refuse":
                _close(client)
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._upstream))
            except OSError:
                _close(client)
                continue
            self._open |= {client, server}
            for source, target, passing in zip((client, server), (server, client), self._passing, strict=True):
                line: queue.Queue[tuple[float, bytes]] = queue.Queue(CHUNKS_IN_FLIGHT)
                threading.Thread(target=self._read, args=(source, line), daemon=True).start()
                threading.Thread(target=self._write, args=(line, source, target, passing), daemon=True).start()

    def _read(self, source: socket.socket, line: "queue.Queue[tuple[float, bytes]]") -> None:
        data = b"something"
        while data:
            try:
                data = source.recv(CHUNK)
            except OSError:
                data = b""
            line.put((time.monotonic() + self.latency, data))

    def _write(
        self,
        line: "queue.Queue[tuple[float, bytes]]",
        source: socket.socket,
        target: socket.socket,
        passing: threading.Event,
    ) -> None:
        with contextlib.suppress(OSError):
            while True:
                due, data = line.get()
                if not data:
                    break
                time.sleep(max(0.0, due - time.monotonic()))
                if self.bytes_a_second:
                    time.sleep(len(data) / self.bytes_a_second)
                passing.wait()
                target.sendall(data)
        for connection in (source, target):
            self._open.discard(connection)
            _close(connection)


def _close(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
