"""`python strict_moto.py PORT ACCESS_KEY`: moto as an S3 server that also refuses what S3 refuses."""

import base64
import hashlib
import io
import sys
from collections.abc import Callable, Iterable
from typing import Any, Final

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

MAX_KEY_BYTES: Final = 1024
"""Bytes of an object key; the limit of S3."""


class StrictServer:
    """Refuses unknown credentials, bodies that do not match their digest, and keys that are too long."""

    def __init__(self, server: Callable[..., Iterable[bytes]], access_key: str) -> None:
        self._server = server
        self._access_key = access_key

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        """Answer a WSGI request."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        refusal = self._refusal(environ, body)
        if refusal is None:
            return self._server(environ, start_response)
        status, code = refusal
        start_response(status, [("Content-Type", "application/xml")])
        return [f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()]

    def _refusal(self, environ: dict[str, Any], body: bytes) -> tuple[str, str] | None:
        if f"Credential={self._access_key}/" not in environ.get("HTTP_AUTHORIZATION", ""):
            return "403 Forbidden", "InvalidAccessKeyId"
        digest = environ.get("HTTP_CONTENT_MD5")
        if digest and digest != base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode():
            return "400 Bad Request", "BadDigest"
        _, _, key = environ["PATH_INFO"].removeprefix("/").partition("/")
        return ("400 Bad Request", "KeyTooLongError") if len(key.encode("latin-1")) > MAX_KEY_BYTES else None


if __name__ == "__main__":
    port, access_key = sys.argv[1:]
    moto = DomainDispatcherApplication(create_backend_app)
    run_simple("127.0.0.1", int(port), StrictServer(moto, access_key), threaded=True)
