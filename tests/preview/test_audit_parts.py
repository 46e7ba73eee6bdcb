"""Parts of the audit: reports that are read again, and the comparison of pictures."""

import io
from pathlib import Path

import PIL.Image
import pytest

from posters.operations.errors import OperationError
from posters.operations.template_audit.picture_comparison import difference
from posters.operations.template_audit.template_audit_report import read_report


def encoded(image: PIL.Image.Image) -> bytes:
    """Return a PNG."""
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read: No such file"), ("[]", "is no report of `posters templates audit --json`")],
)
def test_a_report_that_cannot_be_read_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    """One sentence that names the file."""
    file = tmp_path / "report.json"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(OperationError, match=message):
        read_report(file)


def test_pictures_of_any_kind_are_compared() -> None:
    """By their pixels, transparency included, or by their bytes where they are PDFs."""
    opaque, clear = (encoded(PIL.Image.new("RGBA", (2, 2), (0, 0, 0, alpha))) for alpha in (255, 0))

    assert difference(opaque, opaque) is None
    assert difference(opaque, encoded(PIL.Image.new("RGB", (2, 2), (0, 0, 0)))) is None
    assert difference(opaque, clear) == "4 of 4 pixels differ, by up to 255 of 255"
    assert difference(b"%PDF-1", b"%PDF-2") == "the bytes of the PDF differ"
