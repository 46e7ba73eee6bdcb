"""The metadata of objects stays readable for as long as the objects exist."""

import hashlib
from pathlib import Path

import pytest

from agents.storage.files import FileStore
from agents.storage.port import ObjectMetadata, StoredObject
from agents.storage.s3 import S3Store
from schemas.codes import WarningCode
from schemas.outcomes import PosterWarning
from tests.parts import Bucket

BODY = b"a picture"
DIGEST = hashlib.sha256(BODY).hexdigest()
METADATA = ObjectMetadata(
    sha256="ab" * 32,
    width=640,
    height=480,
    warnings=(
        PosterWarning(code="missing_glyphs", message='no font has “ä”, 🎉 or \\ "x"\n'),
        PosterWarning(code="asset_invalid", message="x/é"),
    ),
)
STRINGS = {
    "sha256": "ab" * 32,
    "width": "640",
    "height": "480",
    "warnings": (
        r'[{"code": "missing_glyphs", "message": "no font has \u201c\u00e4\u201d, \ud83c\udf89 or \\ \"x\"\n"}, '
        r'{"code": "asset_invalid", "message": "x/\u00e9"}]'
    ),
}


def test_metadata_is_written_byte_for_byte_as_before() -> None:
    """S3 has the strings that it always had, in ASCII, and no `warnings` where there are none."""
    assert METADATA.to_strings() == STRINGS
    assert all(string.isascii() for string in METADATA.to_strings().values())
    assert ObjectMetadata(sha256="0").to_strings() == {"sha256": "0", "width": "0", "height": "0"}


def test_long_warnings_are_cut_to_what_s3_accepts() -> None:
    """Every code stays, whatever the messages are made of; what fits is left as it is."""
    codes: tuple[WarningCode, ...] = ("text_truncated", "missing_glyphs", "font_missing", "hyphenation_missing")
    for character, length in (("x", 100), ("x", 5000), ("🎉", 300)):
        warnings = tuple(PosterWarning(code=code, message=character * length) for code in codes)
        strings = ObjectMetadata(sha256="0", warnings=warnings).to_strings()
        read = ObjectMetadata.from_strings(strings)

        assert len(strings["warnings"]) < 1_800
        assert read is not None
        assert tuple(warning.code for warning in read.warnings) == codes
        assert all(warning.message for warning in read.warnings)
        assert read.warnings == warnings or length > 100


def test_stored_metadata_is_read_back() -> None:
    """What any release has written means what it meant; strings that are not ours mean nothing."""
    assert ObjectMetadata.from_strings(STRINGS) == METADATA
    assert ObjectMetadata.from_strings({"sha256": "0", "width": "1", "height": "2"}) == ObjectMetadata(
        sha256="0", width=1, height=2
    )


@pytest.mark.parametrize(
    "strings",
    [{}, {"sha256": "0"}, {**STRINGS, "width": "wide"}, {**STRINGS, "warnings": '[{"code": "nonsense"}]'}],
    ids=["none", "no size", "no number", "no warnings of ours"],
)
def test_incomplete_metadata_is_none(strings: dict[str, str]) -> None:
    """An object that somebody else put has no metadata of ours."""
    assert ObjectMetadata.from_strings(strings) is None


async def test_an_object_of_an_earlier_release_is_found_in_a_bucket(bucket: Bucket) -> None:
    """A real server hands back the strings as they were put."""
    bucket.client().put_object(Bucket=bucket.name, Key="k", Body=BODY, Metadata=STRINGS)
    store = S3Store(bucket.name, "")
    await store.open()
    found = await store.find("k")
    await store.close()

    assert found == StoredObject(key="k", size_bytes=len(BODY), metadata=METADATA)


async def test_an_object_of_an_earlier_release_is_found_in_a_directory(tmp_path: Path) -> None:
    """A file beside the object, as the standard library's encoder wrote it, is read and listed."""
    (tmp_path / "k").write_bytes(BODY)
    (tmp_path / ".k.json").write_bytes(
        rb'{"key": "k", "sha256": "SHA", "width": "640", "height": "480", '
        rb'"warnings": "[{\"code\": \"asset_invalid\", \"message\": \"x/\\u00e9\"}]"}'.replace(b"SHA", DIGEST.encode())
    )
    store = FileStore(tmp_path)
    metadata = ObjectMetadata(
        sha256=DIGEST, width=640, height=480, warnings=(PosterWarning(code="asset_invalid", message="x/é"),)
    )

    assert await store.find("k") == StoredObject(key="k", size_bytes=len(BODY), metadata=metadata)
    assert [key async for key in store.keys("")] == ["k"]


@pytest.mark.parametrize("text", ["x" * 5_000, "🎉" * 900, '"\\' * 900])
def test_long_warnings_are_shortened_to_what_a_storage_takes(text: str) -> None:
    """S3 refuses an object with more than 2 KB of metadata; short messages stay whole."""
    given = (
        PosterWarning(code="script_error", message=text),
        PosterWarning(code="missing_glyphs", message="short"),
        PosterWarning(code="text_truncated", message=text),
    )
    strings = ObjectMetadata(sha256="0" * 64, width=1, height=1, warnings=given).to_strings()
    read = ObjectMetadata.from_strings(strings)

    assert sum(len(name) + len(value) for name, value in strings.items()) < 1_800
    assert read is not None
    assert [warning.code for warning in read.warnings] == [warning.code for warning in given]
    assert read.warnings[1].message == "short"
    assert read.warnings[0].message.endswith("…")
    assert len(read.warnings[0].message) > 50
