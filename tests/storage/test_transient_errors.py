"""How often a request is sent: on a transient error, with a Retry-After, and where the storage refuses us."""

from collections.abc import AsyncIterator
from random import Random

import pytest

from agents.storage.port import ObjectMetadata, StorageDeniedError, StorageUnavailableError
from agents.storage.s3 import ATTEMPTS, FIRST_DELAY_SECONDS, S3Store
from tests.faults.storage_proxy import RETRY_AFTER_SECONDS, StorageProxy
from tests.parts import Bucket

METADATA = ObjectMetadata(sha256="0")


@pytest.fixture
def pauses() -> list[float]:
    """The delays between two attempts."""
    return []


@pytest.fixture
async def store(proxy: StorageProxy, bucket: Bucket, pauses: list[float]) -> AsyncIterator[S3Store]:
    """A store behind the proxy, whose delays take no time."""

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    store = S3Store(bucket.name, "", sleep=sleep, jitter=lambda: 0.5)
    await store.open()
    yield store
    await store.close()


async def test_a_retry_after_is_not_retried(store: S3Store, proxy: StorageProxy, pauses: list[float]) -> None:
    """The seconds go to the circuit breaker, and nothing is sent before their end."""
    proxy.set("slow down")
    with pytest.raises(StorageUnavailableError) as unavailable:
        await store.put("k", b"x", "image/png", METADATA)

    assert unavailable.value.retry_after == RETRY_AFTER_SECONDS
    assert (proxy.refused, pauses) == (1, [])


async def test_a_denial_is_not_retried(store: S3Store, proxy: StorageProxy) -> None:
    """A person has to act first."""
    proxy.set("forbidden")
    with pytest.raises(StorageDeniedError):
        await store.find("k")

    assert proxy.refused == 1


async def test_a_transient_error_is_retried_a_few_times(
    store: S3Store, proxy: StorageProxy, pauses: list[float]
) -> None:
    """The delay doubles; an error that stays is up to the circuit breaker."""
    proxy.random = Never()
    proxy.set("some errors")
    with pytest.raises(StorageUnavailableError):
        await store.put("k", b"x", "image/png", METADATA)
    refused = proxy.refused
    proxy.set("well")
    kept = await store.put("k", b"x", "image/png", METADATA)

    assert refused == ATTEMPTS
    assert pauses == [FIRST_DELAY_SECONDS * 0.75, FIRST_DELAY_SECONDS * 1.5]
    assert kept.size_bytes == 1
    assert await store.get("k") == b"x"


class Never(Random):
    """Dice that always show an error."""

    def random(self) -> float:
        """Return the least."""
        return 0.0
