"""The requests of every poster: sent without the client's machinery, to the same effect; the client does the rest."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from agents.storage.port import CACHE_CONTROL, ObjectMetadata, StorageUnavailableError, StoredObject
from agents.storage.s3 import S3Store
from agents.storage.s3_quick import LARGEST_BYTES
from tests.faults.storage_proxy import RETRY_AFTER_SECONDS, StorageProxy
from tests.parts import Bucket

METADATA = ObjectMetadata(sha256="0", width=640, height=480)
KEY = "templates/cards/row%2F1 ü~(1)_a.png"


@pytest.fixture
def by_client() -> list[str]:
    """The names of the client's operations, as it sends them."""
    return []


@pytest.fixture
async def store(proxy: StorageProxy, bucket: Bucket, by_client: list[str]) -> AsyncIterator[S3Store]:
    """A store that has looked for an object."""
    store = S3Store(bucket.name, "some/prefix")
    await store.open()
    assert await store.find("nothing") is None

    def note(event_name: str, **_: Any) -> None:
        by_client.append(event_name.rpartition(".")[2])

    store._client.meta.events.register("before-send.s3", note)
    yield store
    await store.close()


async def test_an_object_is_that_of_the_client(store: S3Store, bucket: Bucket, by_client: list[str]) -> None:
    """Bytes, metadata and headers are those that a client of S3 reads, and the client sent none of the requests."""
    assert await store.find(KEY) is None
    kept = await store.put(KEY, b"x", "image/png", METADATA)
    again = await store.put(KEY, b"another", "image/png", METADATA)

    assert again == kept == await store.find(KEY) == StoredObject(key=KEY, size_bytes=1, metadata=METADATA)
    assert by_client == []
    read = bucket.client().get_object(Bucket=bucket.name, Key=f"some/prefix/{KEY}")
    assert read["Body"].read() == b"x"
    assert (read["ContentType"], read["CacheControl"]) == ("image/png", CACHE_CONTROL)
    assert read["Metadata"] == METADATA.to_strings()


async def test_a_large_object_is_announced_by_the_client(store: S3Store, by_client: list[str]) -> None:
    """The storage may refuse it before it is sent."""
    body = bytes(LARGEST_BYTES + 1)
    kept = await store.put(KEY, body, "image/png", METADATA)

    assert kept == await store.find(KEY)
    assert by_client == ["PutObject"]


async def test_an_unexpected_answer_is_the_clients(store: S3Store, proxy: StorageProxy, by_client: list[str]) -> None:
    """It asks once more; from then on it asks alone, until an object is looked for and the storage answers."""
    proxy.set("slow down")
    for _ in range(2):
        with pytest.raises(StorageUnavailableError) as unavailable:
            await store.put(KEY, b"x", "image/png", METADATA)
        assert unavailable.value.retry_after == RETRY_AFTER_SECONDS
    assert (proxy.refused, by_client) == (3, ["PutObject", "PutObject"])
    proxy.set("well")
    await store.find(KEY)
    await store.put(KEY, b"x", "image/png", METADATA)

    assert by_client == ["PutObject", "PutObject", "HeadObject"]


async def test_without_a_credential_scope_the_client_sends_all(store: S3Store, by_client: list[str]) -> None:
    """A bucket whose requests are signed in another way is served as well."""
    quick = store._quick
    quick._address = ""
    quick._sent = (f"http://nowhere/{KEY}", "AWS4-ECDSA-P256-SHA256 Credential=key/20261130/s3/aws4_request,")
    quick.learn(KEY)

    assert not quick.ready
    await store.put(KEY, b"x", "image/png", METADATA)
    assert by_client == ["PutObject"]
