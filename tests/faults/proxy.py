"""A TCP proxy that can go silent, refuse, or be slow: a network with faults in it."""

import contextlib
import socket
import threading
from typing import Literal

from tests.parts import free_port

Mode = Literal["ok", "black hole", "refuse"]
CHUNK = 65_536


class Proxy:
    """Passes connections on to a port of this machine. `set` may be called at any time and holds for open ones."""

    def __init__(self, upstream: int) -> None:
        self.port = free_port()
        self.latency = 0.0
        self._upstream = upstream
        self._mode: Mode = "ok"
        self._passing = threading.Event()
        self._passing.set()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def set(self, mode: Mode) -> None:
        """Change what happens to bytes and connections: pass them on, swallow them, or break them."""
        self._mode = mode
        if mode == "black hole":
            self._passing.clear()
        else:
            self._passing.set()
        if mode == "refuse":
            self.reset()

    def reset(self) -> None:
        """Break every open connection."""
        for connection in list(self._open):
            _close(connection)

    def close(self) -> None:
        """End."""
        self._passing.set()
        _close(self._listener)
        self.reset()

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
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                self._passing.wait()
                if self.latency:
                    threading.Event().wait(self.latency)
                target.sendall(data)
        for connection in (source, target):
            self._open.discard(connection)
            _close(connection)


def _close(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
