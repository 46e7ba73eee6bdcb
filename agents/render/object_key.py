"""The object key of an image: the same input, renderer and assets have the same key."""

import hashlib
from urllib.parse import quote

from renderer.rendering import AssetUsage
from schemas.output import EXTENSIONS, Format, Output

NO_ASSETS = AssetUsage()


def image_digest(input_digest: str, output: Output, name: str) -> str:
    """Return the input digest of one image of a poster: the poster's digest, or another for each variant."""
    if output.variants is None:
        return input_digest
    return hashlib.sha256(f"{input_digest}\n{name}".encode()).hexdigest()


def object_digest(input_digest: str, renderer: str, usage: AssetUsage = NO_ASSETS) -> str:
    """Return the SHA-256, in hex, of everything that shapes the image.

    `renderer` is the fingerprint of the browser's build, our own steps and the font set. Every network asset adds the
    digest of its bytes, or why it is missing; they are sorted, so that the order of their responses does not matter.
    """
    digest = hashlib.sha256(f"{input_digest}\n{renderer}".encode())
    for line in sorted(
        f"\n{asset.url} {content if asset.ok else asset.reason}"
        for asset, content in zip(usage.assets, usage.contents, strict=True)
    ):
        digest.update(line.encode())
    return digest.hexdigest()


def object_key(section: str, entity_id: str, digest: str, image_format: Format) -> str:
    """Return `templates/<section>/<entity>_<digest>.<ext>`, the entity percent-encoded (RFC 3986, section 2.1)."""
    return f"templates/{section}/{quote(entity_id, safe='')}_{digest}.{EXTENSIONS[image_format]}"
