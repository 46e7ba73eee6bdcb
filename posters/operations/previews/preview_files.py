"""Where the pictures of a preview go: each is replaced in place, so that a viewer never sees half of one."""

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Final

from posters.operations.errors import OperationError
from posters.operations.previews.contact_sheet import contact_sheet
from renderer.rendering import Image
from schemas.output import EXTENSIONS, Format

_FORMATS: Final[dict[str, Format]] = {f".{suffix}": name for name, suffix in EXTENSIONS.items()} | {".jpeg": "jpeg"}
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|%]')
"""Characters of a variant's name that cannot stand in a file name on every system."""


def default_out(template: Path, image_format: Format) -> Path:
    """Return where the picture of a template goes if nobody says: for `card.html` `card.preview.png`, beside it."""
    return template.with_name(f"{template.stem}.preview.{EXTENSIONS[image_format]}")


def write_pictures(images: Sequence[Image], template: Path, out: Path | None) -> list[Path]:
    """Write the images and return their files, the one to look at first.

    `out` is a file, a directory (each image gets a file of its own in it) or None, which is the file `default_out`.
    Where several images go to one file, it becomes their contact sheet, and each gets a file beside it that is named
    for its variant. Raises OperationError where a file cannot be written, or its name is that of another format.
    """
    if out is not None and (out.is_dir() or os.fspath(out).endswith(os.sep)):
        return _each(images, out / default_out(template, images[0].format).name)
    if len(images) == 1:
        target = default_out(template, images[0].format) if out is None else out
        _check_format(target, images[0].format)
        return [_replace(target, images[0].data)]
    target = default_out(template, "png") if out is None else out
    sheet = _sheet(images, target)
    return [_replace(target, sheet), *_each(images, target)]


def _each(images: Sequence[Image], target: Path) -> list[Path]:
    if len(images) == 1:
        return [_replace(target, images[0].data)]
    return [_replace(_of_variant(image, target), image.data) for image in images]


def _of_variant(image: Image, target: Path) -> Path:
    name = _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", image.name)
    return target.with_name(f"{target.stem}-{name}.{EXTENSIONS[image.format]}")


def _check_format(target: Path, image_format: Format) -> None:
    named = _FORMATS.get(target.suffix.lower())
    if named == image_format:
        return
    right = target.with_suffix(f".{EXTENSIONS[image_format]}").name
    ask = f', or ask for --output \'{{"format": "{named}"}}\'' if named else ""
    raise OperationError(f"the picture is a {image_format}, and {target} has another suffix; name it {right}{ask}")


def _sheet(images: Sequence[Image], target: Path) -> bytes:
    """Return the contact sheet in the format that the file's name says."""
    image_format = _FORMATS.get(target.suffix.lower())
    if image_format is None or image_format == "pdf":
        right = target.with_suffix(".png").name
        raise OperationError(f"{target} is to be a contact sheet, which is a png, jpeg or webp; name it {right}")
    places = [
        (f"{image.name}  {image.width}x{image.height} {image.format}", None if image.format == "pdf" else image.data)
        for image in images
    ]
    content = BytesIO()
    contact_sheet(places).save(content, image_format)
    return content.getvalue()


def _replace(target: Path, content: bytes) -> Path:
    """Write a file in one step: whoever reads it at any time gets the whole old or the whole new content."""
    real = Path(os.path.realpath(target))  # a link stays a link
    temporary = real.with_name(f".{real.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(real)
    except OSError as error:
        raise OperationError(f"{target} cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    return target
