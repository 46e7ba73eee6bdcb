"""The circuit breaker: while the storage is unavailable one caller probes it, nothing fails, the role takes nothing."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from agents.storage.breaker import FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS, BreakingStore
from agents.storage.port import (
    ObjectMetadata,
    StorageDeniedError,
    StorageRefusedError,
    StorageUnavailableError,
    StoredObject,
)
from agents.storage.s3 import S3Store
from streams.inbox import Inbox, pause_switch
from tests.parts import Bucket
from tests.streams.deliveries import delivery


class Flaky:
    """A store that fails for as long as `error` is set, and counts its calls."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked = 0
        self.at_once = 0
        self.most_at_once = 0

    async def open(self) -> None:
        """Nothing."""

    async def close(self) -> None:
        """Nothing."""

    async def check(self) -> None:
        """Nothing."""

    def url(self, key: str) -> str:
        """Return an address."""
        return f"mem://{key}"

    async def put(self, key: str, body: bytes, content_type: str, metadata: ObjectMetadata) -> StoredObject:
        """Keep, or raise."""
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0)
            if self.error is not None:
                raise self.error
        finally:
            self.at_once -= 1
        return StoredObject(key=key, size_bytes=len(body), metadata=metadata)

    async def find(self, key: str) -> StoredObject | None:
        """Find nothing."""
        return None

    async def keys(self, prefix: str) -> AsyncIterator[str]:
        """List nothing."""
        nothing: tuple[str, ...] = ()
        for key in nothing:
            yield key

    async def delete(self, key: str) -> None:
        """Delete nothing."""

    async def get(self, key: str) -> bytes:
        """Return something."""
        return b""


class BreakerHarness:
    """A breaker over a flaky store, the inbox that it pauses, and its delays; time is counted, not spent."""

    def __init__(self) -> None:
        self.flaky = Flaky()
        self.inbox = Inbox(["poster-renders"], cap=8)
        self.slept: list[float] = []
        self.available_after: int | None = None
        self.store = BreakingStore(self.flaky, pause_switch(self.inbox), sleep=self.sleep, jitter=lambda: 0.0)

    async def sleep(self, seconds: float) -> None:
        """Let time pass; the storage may be back then."""
        self.slept.append(seconds)
        await asyncio.sleep(0)
        if self.available_after is not None and len(self.slept) >= self.available_after:
            self.flaky.error = None

    def puts(self, count: int) -> list[asyncio.Task[StoredObject]]:
        """Put some objects at the same time."""
        return [
            asyncio.create_task(self.store.put(str(n), b"", "image/png", ObjectMetadata(sha256="0")))
            for n in range(count)
        ]


async def test_one_caller_probes() -> None:
    """After the first failures there is one call at a time, with growing delays, and then everything is stored."""
    harness = BreakerHarness()
    harness.flaky.error = StorageUnavailableError("503")
    harness.available_after = 8
    tasks = harness.puts(5)
    for _ in range(6):
        await asyncio.sleep(0)
    first, harness.flaky.most_at_once, paused = harness.flaky.asked, 0, harness.inbox.pause_reasons
    stored = await asyncio.gather(*tasks)

    assert first <= 8
    assert paused == ("503",)
    assert harness.flaky.most_at_once == 1
    assert harness.slept[:4] == [FIRST_DELAY_SECONDS, 1.0, 2.0, 4.0]
    assert max(harness.slept) == LONGEST_DELAY_SECONDS
    assert len(stored) == 5
    assert harness.inbox.pause_reasons == ()
    assert harness.flaky.asked <= 5 + 8 + 5


async def test_retry_after_is_respected() -> None:
    """Retry-After is the shortest delay."""
    harness = BreakerHarness()
    harness.flaky.error = StorageUnavailableError("429", retry_after=30.0)
    harness.available_after = 2
    await asyncio.gather(*harness.puts(1))

    assert harness.slept == [30.0, 30.0]


async def test_a_cancelled_caller_does_not_leave_the_role_paused() -> None:
    """Once the last waiting poster is cancelled the role resumes, and its next poster probes."""
    harness = BreakerHarness()
    harness.flaky.error = StorageUnavailableError("503")
    tasks = harness.puts(2)
    for _ in range(6):
        await asyncio.sleep(0)
    before = harness.inbox.pause_reasons
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    paused = harness.inbox.pause_reasons
    harness.inbox.deliver(delivery(0), lambda: None)
    await harness.inbox.take(1)
    harness.flaky.error = None
    await asyncio.gather(*harness.puts(1))

    assert before == ("503",)
    assert paused == ()


async def test_a_refused_object_is_an_answer() -> None:
    """What the storage says of one object does not pause the others."""
    harness = BreakerHarness()
    harness.flaky.error = StorageRefusedError("too long a key")
    with pytest.raises(StorageRefusedError):
        await harness.store.put("k", b"", "image/png", ObjectMetadata(sha256="0"))

    assert harness.inbox.pause_reasons == ()


@pytest.fixture
async def closed(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[S3Store]:
    """A real bucket, opened with credentials that its server does not know."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a-stranger")
    store = S3Store(bucket.name, "")
    await store.open()
    yield store
    await store.close()


async def test_wrong_credentials_are_no_posters_fault(closed: S3Store) -> None:
    """A real server that refuses us counts as unavailable until somebody corrects the settings."""
    with pytest.raises(StorageDeniedError, match="posters doctor"):
        await closed.put("k", b"x", "image/png", ObjectMetadata(sha256="0"))


async def test_a_missing_bucket_is_no_posters_fault(bucket: Bucket) -> None:
    """So is a bucket that is not there."""
    store = S3Store(f"{bucket.name}-gone", "")
    await store.open()
    with pytest.raises(StorageDeniedError):
        await store.put("k", b"x", "image/png", ObjectMetadata(sha256="0"))
    await store.close()


async def test_what_was_damaged_on_its_way_is_not_kept(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real server that gets other bytes than were sent refuses them, and they are sent again."""
    store = S3Store(bucket.name, "")
    await store.open()
    with monkeypatch.context() as damaging:
        # The sum of an empty body, so that what arrives does not fit it.
        damaging.setattr("agents.storage.s3.checksum", lambda _: "1B2M2Y8AsgTpgAmY7PhCfg==")
        with pytest.raises(StorageUnavailableError):
            await store.put("k", b"x", "image/png", ObjectMetadata(sha256="0"))
    missing = await store.find("k")
    kept = await store.put("k", b"x", "image/png", ObjectMetadata(sha256="0"))
    await store.close()

    assert missing is None
    assert kept.size_bytes == 1


async def test_a_stored_value_can_be_read(bucket: Bucket) -> None:
    """What is put comes back; what was never put is refused."""
    store = S3Store(bucket.name, "prefix")
    await store.open()
    await store.put("a/b", b"\x00\xff", "application/octet-stream", ObjectMetadata(sha256="0"))
    read = await store.get("a/b")
    with pytest.raises(StorageRefusedError, match="a/c"):
        await store.get("a/c")
    await store.close()

    assert read == b"\x00\xff"
