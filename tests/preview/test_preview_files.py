"""Files of previews: their names, their contact sheet, and how they are replaced."""

import io
import os
from pathlib import Path

import PIL.Image
import pytest

from posters.operations.errors import OperationError
from posters.operations.previews.contact_sheet import GAP, SIDE, contact_sheet
from posters.operations.previews.preview_files import write_pictures
from renderer.rendering import Image
from schemas.output import Format


def image(name: str = "default", image_format: Format = "png", size: tuple[int, int] = (40, 20)) -> Image:
    """Return a red image."""
    content = io.BytesIO()
    if image_format == "pdf":
        content.write(b"%PDF-1.4")
    else:
        PIL.Image.new("RGB", size, "red").save(content, image_format)
    return Image(name=name, data=content.getvalue(), width=size[0], height=size[1], format=image_format)


VARIANTS = [image("square"), image("a/b", "jpeg"), image("print", "pdf")]


@pytest.mark.parametrize(
    ("images", "out", "names"),
    [
        ([image()], None, ["card.preview.png"]),
        ([image(image_format="jpeg")], None, ["card.preview.jpg"]),
        ([image()], "picture.png", ["picture.png"]),
        ([image(image_format="jpeg")], "picture.JPEG", ["picture.JPEG"]),
        ([image()], "made/", ["made/card.preview.png"]),
        (VARIANTS, "made/", [f"made/card.preview-{name}" for name in ("square.png", "a%2Fb.jpg", "print.pdf")]),
        (VARIANTS, "p.webp", ["p.webp", "p-square.png", "p-a%2Fb.jpg", "p-print.pdf"]),
        (
            VARIANTS,
            None,
            ["card.preview.png", *(f"card.preview-{name}" for name in ("square.png", "a%2Fb.jpg", "print.pdf"))],
        ),
    ],
)
def test_files_are_named_for_the_template_the_variant_and_the_format(
    tmp_path: Path, images: list[Image], out: str | None, names: list[str]
) -> None:
    """One image goes to one file; several go to one each, with a contact sheet where a file is named."""
    (tmp_path / "made").mkdir()
    place = None if out is None else Path(f"{tmp_path}/{out}")

    written = write_pictures(images, tmp_path / "card.html", place)

    assert [str(file.relative_to(tmp_path)) for file in written] == names
    assert [file.read_bytes() for file in written[-len(images) :]] == [each.data for each in images]
    found = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {Path(name).name for name in names}


def test_a_contact_sheet_shows_every_variant_whole() -> None:
    """Each variant keeps its shape within its place; a PDF has a blank one."""
    sheet = contact_sheet([("wide", image(size=(40, 20)).data), ("pdf", None), (None, image(size=(30, 3000)).data)])

    assert sheet.size[0] == GAP + 3 * (SIDE + GAP)
    assert sheet.getpixel((GAP, GAP + SIDE // 2)) == (255, 0, 0)
    assert sheet.getpixel((GAP, GAP)) != (255, 0, 0)
    assert sheet.getpixel((GAP + 2 * (SIDE + GAP) + SIDE // 2, GAP)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("images", "out", "advice"),
    [
        ([image()], "p.jpg", """name it p.png, or ask for --output '{"format": "jpeg"}'"""),
        ([image()], "p", "name it p.png"),
        ([image()], "card.html", "name it card.png"),
        (VARIANTS, "p.pdf", "contact sheet, which is a png, jpeg or webp; name it p.png"),
        ([image()], "missing/p.png", "cannot be written: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_the_picture_is_refused(
    tmp_path: Path, images: list[Image], out: str, advice: str
) -> None:
    """The error says what to name it, and nothing is written, least of all over the template."""
    template = tmp_path / "card.html"
    template.write_text("<p>", encoding="utf-8")

    with pytest.raises(OperationError) as refused:
        write_pictures(images, template, tmp_path / out)

    assert advice in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["card.html"]
    assert template.read_text(encoding="utf-8") == "<p>"


def test_a_picture_is_replaced_in_one_step(tmp_path: Path) -> None:
    """Whoever has the old picture open keeps it, a link stays a link, and the file can be read like any other."""
    real, link = tmp_path / "real.png", tmp_path / "link.png"
    real.write_bytes(b"old")
    link.symlink_to(real)
    with real.open("rb") as viewer:
        write_pictures([image()], tmp_path / "card.html", link)

        assert viewer.read() == b"old"
    assert link.is_symlink()
    assert real.read_bytes() == image().data
    mask = os.umask(0)
    os.umask(mask)
    assert real.stat().st_mode & 0o777 == 0o666 & ~mask
