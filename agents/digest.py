"""What makes two posters equal."""

import hashlib
from collections.abc import Mapping
from typing import Any

from schemas.codec import canonical
from schemas.output import Output


def template_fingerprint(html_sha256: str, *, javascript: bool) -> str:
    """Return what of a template version shapes the image, apart from what `output` says."""
    return f"{html_sha256}+javascript" if javascript else html_sha256


def input_digest(fingerprint: str, custom_data: Mapping[str, Any], output: Output) -> str:
    """Return the SHA-256, in hex, of what shapes the image before any browser: template, data, resolved output."""
    digest = hashlib.sha256(fingerprint.encode())
    digest.update(b"\n")
    digest.update(canonical(custom_data))
    digest.update(b"\n")
    digest.update(canonical(output))
    return digest.hexdigest()
