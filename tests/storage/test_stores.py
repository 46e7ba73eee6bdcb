"""Both adapters pass the same tests: files in a directory, and objects in a bucket."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.storage.files import FileStore
from agents.storage.port import ObjectMetadata, ObjectStore, StorageRefusedError, StorageUnavailableError, StoredObject
from agents.storage.s3 import S3Store
from streams.errors import SettingsError
from tests.parts import Bucket

BODY = b"a picture"
METADATA = ObjectMetadata(sha256=hashlib.sha256(BODY).hexdigest(), width=640, height=480)
KEY = f"templates/cards/row%2F1_{'a' * 64}.png"


@pytest.fixture(params=["files", "s3", "s3 with a prefix"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    """An empty store."""
    if request.param == "files":
        store: ObjectStore = FileStore(tmp_path)
    else:
        bucket: Bucket = request.getfixturevalue("bucket")
        store = S3Store(bucket.name, "some/prefix" if "prefix" in request.param else "")
    await store.open()
    yield store
    await store.close()


async def put(store: ObjectStore, key: str, body: bytes = BODY) -> StoredObject:
    """Keep an object."""
    metadata = ObjectMetadata(sha256=hashlib.sha256(body).hexdigest(), width=640, height=480)
    return await store.put(key, body, "image/png", metadata)


async def test_an_object_is_found_with_its_size(store: ObjectStore) -> None:
    """Digest, bytes and pixels come back as they were given; nothing is found under another key."""
    kept = await put(store, KEY)

    assert kept == await store.find(KEY) == StoredObject(key=KEY, size_bytes=len(BODY), metadata=METADATA)
    assert await store.find(KEY.replace("row", "other")) is None


async def test_the_first_object_stays(store: ObjectStore) -> None:
    """A second object under a key changes nothing, and whoever brings it learns what is kept."""
    first = await put(store, KEY)

    assert await put(store, KEY, b"another picture") == first == await store.find(KEY)


async def test_keys_are_listed_by_their_beginning(store: ObjectStore) -> None:
    """Every key that begins so is listed whole, however long it is, and no other."""
    long = "templates/cards/" + "%C3%A4" * 28 + "_" + "b" * 64 + ".png"
    for key in (KEY, KEY.replace(".png", ".jpg"), long, KEY.replace("cards", "other")):
        await put(store, key)

    assert sorted([key async for key in store.keys("templates/cards/row%2F1_")]) == [KEY.replace(".png", ".jpg"), KEY]
    assert [key async for key in store.keys("templates/cards/%C3%A4")] == [long]
    assert [key async for key in store.keys("templates/none/x")] == []


async def test_what_is_deleted_is_gone(store: ObjectStore) -> None:
    """A deleted object is neither found nor listed, deleting it again is no error, and the key is free again."""
    await put(store, KEY)
    await store.delete(KEY)
    await store.delete(KEY)

    assert await store.find(KEY) is None
    assert [key async for key in store.keys("templates/")] == []
    assert (await put(store, KEY, b"another")).metadata.sha256 == hashlib.sha256(b"another").hexdigest()


async def test_an_object_that_somebody_else_put_is_replaced(bucket: Bucket) -> None:
    """What has no metadata of ours is not found, and gives way to what has them."""
    client = bucket.client()
    client.put_object(Bucket=bucket.name, Key=KEY, Body=b"strange")
    store = S3Store(bucket.name, "")
    await store.open()

    assert await store.find(KEY) is None
    assert (await put(store, KEY)).metadata == METADATA
    assert client.get_object(Bucket=bucket.name, Key=KEY)["Body"].read() == BODY
    await store.close()


async def test_a_file_that_is_not_whole_is_replaced(tmp_path: Path) -> None:
    """A file whose bytes are not those of its metadata is not found, and gives way."""
    store = FileStore(tmp_path)
    await put(store, KEY)
    file = tmp_path / KEY
    file.write_bytes(b"half a pic")

    assert await store.find(KEY) is None
    assert (await put(store, KEY)).metadata == METADATA
    assert file.read_bytes() == BODY


async def test_a_check_finds_what_would_stop_us(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket that is missing, one that takes nothing from us, an address that is none; a good bucket stays empty."""
    good, missing = S3Store(bucket.name, "prefix"), S3Store(f"{bucket.name}-2", "")
    await good.open()
    await missing.open()
    await good.check()

    assert [key async for key in good.keys("")] == []
    with pytest.raises(StorageRefusedError, match="there is no bucket"):
        await missing.check()
    monkeypatch.setattr("agents.storage.s3_check.CHECK_KEY", "x" * 2_000)
    with pytest.raises((StorageRefusedError, StorageUnavailableError)):
        await good.check()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nowhere")
    with pytest.raises(SettingsError, match="nowhere"):
        await S3Store(bucket.name, "").open()
    await good.close()
    await missing.close()
