"""Stores that refuse what Amazon's takes: `setup` and `doctor` say what to change, and the workers retry or pause."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from agents.settings import Settings
from agents.storage.open_store import object_store
from agents.storage.port import ObjectMetadata, StorageDeniedError, StorageUnavailableError
from agents.storage.s3 import S3Store
from posters.operations.errors import OperationError
from posters.operations.setup import check_storage
from streams.errors import SettingsError, UnavailableError
from tests.compatibility.cases import tried
from tests.compatibility.store_proxy import Answer, Request, Store, StoreProxy
from tests.parts import Bucket, ObjectServer

METADATA: Final = ObjectMetadata(sha256="0", width=1, height=1)
PAGE: Final = "<!doctype html><title>Sign in</title><p>This network wants you to sign in.<br>"
SERVER: Final = "versitygw behind a proxy that refuses"
OpenProxy = Callable[..., Any]


@pytest.fixture
def proxied(object_server: ObjectServer, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> OpenProxy:
    """Puts a proxy that behaves as a store before the server: `with proxied(store)`."""

    @contextmanager
    def open_proxy(store: Store, hidden: str = "") -> Iterator[str]:
        with StoreProxy(object_server.port, store, hidden) as proxy:
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.server_port}")
            yield bucket.storage_url

    return open_proxy


async def advice(url: str) -> str:
    """Return what setup and doctor say of a storage."""
    with pytest.raises((OperationError, UnavailableError)) as raised:
        await check_storage(Settings(storage_url=url))
    return str(raised.value)


def refuses(refused: Callable[[Request], bool], answer: Answer) -> Store:
    """Return a store that answers some requests so."""
    return lambda request: answer if refused(request) else None


NOT_IMPLEMENTED: Final = Answer.error(501, "NotImplemented")
DENIED: Final = Answer.error(403, "AccessDenied")


async def test_the_usual_store_works(bucket: Bucket) -> None:
    """A server with everything that the workers need passes, and nothing stays in the bucket."""
    await check_storage(Settings(storage_url=bucket.storage_url))

    assert "Contents" not in bucket.client().list_objects_v2(Bucket=bucket.name)
    tried("s3", "versitygw")


async def test_a_store_without_conditional_put(proxied: OpenProxy, bucket: Bucket) -> None:
    """Whether it refuses the condition or ignores it, the sentence says that it has to honour it."""
    for answer in (NOT_IMPLEMENTED, Answer.error(400, "InvalidArgument"), Answer(status=501)):
        with proxied(refuses(lambda request: "if-none-match" in request.headers, answer)) as url:
            sentence = await advice(url)
            assert "If-None-Match" in sentence
            assert "refuses it" in sentence

    def ignore(request: Request) -> None:
        if request.method == "PUT":
            bucket.client().delete_object(Bucket=bucket.name, Key=request.path.rpartition("/")[2])

    with proxied(ignore) as url:
        sentence = await advice(url)

    assert "If-None-Match" in sentence
    assert "ignores it" in sentence
    assert "Contents" not in bucket.client().list_objects_v2(Bucket=bucket.name)
    tried("unconditional", SERVER)


@pytest.mark.parametrize(
    ("key", "refused", "right"),
    [
        ("no-head", lambda request: request.method == "HEAD", "s3:GetObject"),
        ("no-head", lambda request: request.method == "GET" and not request.is_list, "s3:GetObject"),
        ("no-list", lambda request: request.is_list, "s3:ListBucket"),
        ("no-list", lambda request: request.path.endswith("-missing"), "s3:ListBucket"),
        ("no-delete", lambda request: request.method == "DELETE", "s3:DeleteObject"),
    ],
)
async def test_a_missing_right(proxied: OpenProxy, key: str, refused: Callable[[Request], bool], right: str) -> None:
    """The sentence names the right to grant; HEAD, whose errors have no body, is no exception."""
    with proxied(refuses(refused, DENIED)) as url:
        assert f"grant {right}" in await advice(url)
    tried(key, SERVER)


async def test_a_store_that_cannot_list(proxied: OpenProxy) -> None:
    """What a store lacks is named, with its own words."""
    with proxied(refuses(lambda request: request.is_list, NOT_IMPLEMENTED)) as url:
        sentence = await advice(url)

    assert "listing objects: 501 NotImplemented as configured; this storage lacks the operation" in sentence


async def test_a_gateway_that_drops_metadata(proxied: OpenProxy) -> None:
    """Without metadata no object would be found again."""
    with proxied(lambda _: None, hidden="x-amz-meta") as url:
        assert "does not keep the metadata" in await advice(url)
    tried("no-metadata", SERVER)


async def test_clock_and_region(proxied: OpenProxy) -> None:
    """A clock that is wrong, and a bucket elsewhere, as both of Amazon's answers say it."""
    with proxied(lambda _: Answer.error(403, "RequestTimeTooSkewed")) as url:
        assert "NTP" in await advice(url)
    for answer in (
        Answer.error(301, "PermanentRedirect", "", ("x-amz-bucket-region", "eu-central-1")),
        Answer.error(400, "AuthorizationHeaderMalformed", "<Region>eu-central-1</Region>"),
    ):
        with proxied(lambda _, answer=answer: answer) as url:
            assert "set AWS_REGION=eu-central-1" in await advice(url)
    tried("clock", SERVER)
    tried("region", SERVER)


async def opened(url: str) -> S3Store:
    """Return an open store whose delays take no time."""

    async def sleep(_: float) -> None:
        """Time passes at once."""

    store = S3Store(url.removeprefix("s3://"), "", sleep=sleep)
    await store.open()
    return store


async def test_errors_without_xml(proxied: OpenProxy) -> None:
    """An error page, an empty error and a sign-in page are what their status says: unavailable, or refused."""
    for answer, error in (
        (Answer(status=502, body=PAGE), StorageUnavailableError),
        (Answer(status=503), StorageUnavailableError),
        (Answer(status=403, body=PAGE), StorageDeniedError),
        (Answer(status=404, body="no such page"), StorageDeniedError),
    ):
        with proxied(lambda _, answer=answer: answer) as url:
            store = await opened(url)
            with pytest.raises(error):
                await store.put("k", b"x", "image/png", METADATA)
            await store.close()
            assert await advice(url)
    for body in (PAGE, '<?xml version="1.0"?><ListBucketResult><Contents>'):
        answer = Answer(status=200, body=body)
        with proxied(refuses(lambda request: request.is_list, answer)) as url:
            store = await opened(url)
            with pytest.raises(StorageUnavailableError):
                await anext(store.keys(""))
            await store.close()
            assert "AWS_ENDPOINT_URL" in await advice(url)
    tried("no-xml", SERVER)


async def test_503_and_501(proxied: OpenProxy) -> None:
    """An overloaded store is retried; one that lacks an operation pauses rendering, and doctor names the operation."""
    answers = [Answer.error(503, "SlowDown")] * 2
    with proxied(lambda _: answers.pop() if answers else None) as url:
        store = await opened(url)
        stored = await store.put("k", b"x", "image/png", METADATA)
        await store.close()
    with proxied(lambda _: NOT_IMPLEMENTED) as url:
        store = await opened(url)
        with pytest.raises(StorageDeniedError):
            await store.put("k", b"x", "image/png", METADATA)
        await store.close()
        sentence = await advice(url)

    assert stored.size_bytes == 1
    assert "this storage lacks the operation" in sentence
    tried("unavailable", SERVER)


async def test_a_store_that_wants_the_bucket_as_host(
    proxied: OpenProxy, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Addressed by path it says what to add to the setting; with that, everything works and URLs are of that form."""
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **named: resolve(
            "127.0.0.1" if host and "store.test" in str(host) else host, *rest, **named
        ),
    )

    def store(request: Request) -> Answer | None:
        if request.headers["host"].startswith(f"{bucket.name}."):
            return VIRTUAL.get(request.method, Answer(status=200))
        return Answer.error(403, "SecondLevelDomainForbidden")

    with proxied(store) as url:
        assert "?addressing=virtual" in await advice(url)

        port = os.environ["AWS_ENDPOINT_URL"].rpartition(":")[2]
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://store.test:{port}")
        virtual = object_store(f"{url}/posters?addressing=virtual")
        await virtual.open()
        kept = await virtual.put("k", b"x", "image/png", METADATA)
        found = await virtual.find("k")
        address = virtual.url("a b")
        await virtual.close()

    assert kept.size_bytes == 1
    assert found is not None
    assert address == f"http://{bucket.name}.store.test:{port}/posters/a%20b"
    with pytest.raises(SettingsError, match="addressing=virtual"):
        object_store(f"{url}?addressing=host")
    tried("virtual", SERVER)


VIRTUAL: Final = {
    "HEAD": Answer(
        status=200,
        headers=(("x-amz-meta-sha256", "0"), ("x-amz-meta-width", "1"), ("x-amz-meta-height", "1")),
    )
}
