"""Files of the site in the data of a poster: the absolute address of an image, or the image itself as `data:` address.

The workers fetch what an address names, without the cookies of any user. What only logged-in users may see is embedded.
"""

import base64
import mimetypes
from typing import Final
from urllib.parse import urljoin

from django.core.files.base import File
from django.db.models.fields.files import FieldFile

from .conf import EMBED_MAX_BYTES, get_settings
from .errors import RequestError

_ADVICE: Final = "make a smaller picture of it, for example a thumbnail"


def data_url(file: File, *, max_bytes: int = EMBED_MAX_BYTES) -> str | None:  # type: ignore[type-arg]
    """Return an image as `data:` address, None for an empty FileField.

    Raises RequestError where it is larger than `max_bytes`, is no image by its name, or cannot be read.
    """
    if not file:
        return None
    content_type = _image_type(file)
    if content_type is None:
        raise RequestError(f"the file {file.name!r} is no image by its name, so it cannot be embedded")
    try:
        size = file.size
        content = b"" if size > max_bytes else _read(file)
    except OSError as error:
        raise RequestError(f"the file {file.name!r} cannot be read: {error}") from error
    if size > max_bytes:
        raise RequestError(f"the file {file.name!r} has {size:,} bytes, {max_bytes:,} can be embedded; {_ADVICE}")
    return f"data:{content_type};base64,{base64.b64encode(content).decode()}"


def file_address(file: FieldFile, path: str) -> str | None:
    """Return what a template gets of a file: None if it is empty, a `data:` address if it is small, else its address.

    Raises RequestError, which names `path`, where the address is relative and `MEDIA_BASE_URL` is not set.
    """
    if not file:
        return None
    limit = get_settings().media_embed_max_bytes
    try:
        if limit and _image_type(file) is not None and file.size <= limit:
            return data_url(file, max_bytes=limit)
        return absolute_address(file.url)
    except OSError as error:
        raise RequestError(f"`{path}` is the file {file.name!r}, which cannot be read: {error}") from error
    except ValueError as error:
        raise RequestError(f"`{path}` is the file {file.name!r}: {error}") from error


def absolute_address(url: str) -> str:
    """Return the address with scheme and host: those of `MEDIA_BASE_URL` where it has none. Raises ValueError."""
    if url.startswith(("http://", "https://", "data:")):
        return url
    base = get_settings().media_base_url
    if url.startswith("//"):
        return ("http:" if base.startswith("http:") else "https:") + url
    if not base:
        raise ValueError(
            f"its address is {url!r}, which workers cannot fetch; "
            'set POSTERS["MEDIA_BASE_URL"] to the address of your site, or embed it: see MEDIA_EMBED_MAX_BYTES'
        )
    return urljoin(f"{base}/", url)


def _image_type(file: File) -> str | None:  # type: ignore[type-arg]
    content_type, encoding = mimetypes.guess_type(file.name or "")
    return content_type if encoding is None and content_type is not None and content_type.startswith("image/") else None


def _read(file: File) -> bytes:  # type: ignore[type-arg]
    was_closed = file.closed
    with_position = None if was_closed else file.tell()
    file.open("rb")
    try:
        return bytes(file.read())
    finally:
        if was_closed:
            file.close()
        else:
            file.seek(with_position or 0)
