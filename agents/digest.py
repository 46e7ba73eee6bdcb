"""Digests of what shapes an image: two posters with the same input digest are equal."""

import hashlib
from collections.abc import Mapping
from typing import Any

from schemas.codec import canonical
from schemas.output import Output


def template_fingerprint(html_sha256: str, *, javascript: bool) -> str:
    """Return the part of a template version that shapes the image; its output defaults are in the resolved output."""
    return f"{html_sha256}+javascript" if javascript else html_sha256


def input_digest(fingerprint: str, custom_data: Mapping[str, Any], output: Output) -> str:
    """Return the SHA-256, in hex, of the input of a rendering: template, data, resolved output."""
    digest = hashlib.sha256(fingerprint.encode())
    digest.update(b"\n")
    digest.update(canonical(custom_data))
    digest.update(b"\n")
    digest.update(canonical(output))
    return digest.hexdigest()
