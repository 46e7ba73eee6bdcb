"""Object storage in an S3-compatible bucket."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Mapping
from contextlib import AsyncExitStack, suppress
from functools import cache, partial
from itertools import islice
from typing import Any, Final, Literal
from urllib.parse import quote, urlsplit

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.loaders import create_loader
from botocore.parsers import ResponseParserError

from agents.storage.port import (
    CACHE_CONTROL,
    ObjectMetadata,
    StorageDeniedError,
    StorageRefusedError,
    StorageUnavailableError,
    StoredObject,
)
from agents.storage.s3_check import check_bucket, checksum, code, status
from agents.storage.s3_quick import EXISTS, LARGEST_BYTES, MISSING, QuickRequests, UnexpectedAnswerError
from streams.errors import SettingsError
from streams.retry import Backoff, Sleep

Addressing = Literal["path", "virtual"]

CONNECT_SECONDS: Final = 2.0
READ_SECONDS: Final = 10.0
PUT_SECONDS: Final = 40.0
"""Limit for a whole upload: a link that accepts a few bytes now and then would never reach the limit of a read."""
CONNECTIONS: Final = 16
USER_AGENT: Final = "posterstream"
ATTEMPTS: Final = 3
"""Of one call, for a transient error; what lasts longer is up to the circuit breaker."""
FIRST_DELAY_SECONDS: Final = 0.5
LONGEST_RETRY_AFTER_SECONDS: Final = 300.0
_UNAVAILABLE: Final = frozenset({408, 429, 500, 502, 503, 504, 507})
_DENIED: Final = frozenset({301, 401, 403, 404, 405, 407, 501})
_DENIED_CODES: Final = frozenset({"ExpiredToken", "InvalidToken", "AuthorizationHeaderMalformed", "InvalidBucketName"})
"""Answers of a storage that refuses us and not an object: credentials, rights, clock, bucket. A person has to act."""
_ERRORS: Final = (ClientError, BotoCoreError, ResponseParserError, OSError)
"""What a call of botocore raises. The third one: an answer that is no S3, such as a page of a proxy."""
_DAMAGED_CODES: Final = frozenset({"BadDigest", "IncompleteBody", "RequestTimeout"})
"""Answers of a storage that received other bytes than were sent."""


@cache
def _model_loader() -> Any:
    """Return the loader of S3's API model: loading takes a fifth of a second, and is done once for a process."""
    return create_loader()


class S3Store:
    """Stores objects under `prefix` of `bucket`. Credentials, region and endpoint come from the `AWS_*` variables.

    `addressing`: the bucket is the first part of the path, or of the host's name, as some stores want it.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str,
        *,
        addressing: Addressing = "path",
        sleep: Sleep = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._bucket = bucket
        self._addressing = addressing
        self._sleep = sleep
        self._jitter = jitter
        self._prefix = f"{prefix}/" if prefix else ""
        self._exit = AsyncExitStack()
        self._client: Any = None
        self._quick: QuickRequests

    async def open(self) -> None:
        """Create the client, which connects with the first call. Raises SettingsError."""
        configuration = AioConfig(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_pool_connections=CONNECTIONS,
            # Retries are ours, because they respect Retry-After.
            retries={"mode": "standard", "total_max_attempts": 1},
            # Fixed: assembling the default one takes a tenth of a call.
            user_agent=USER_AGENT,
            # Servers other than Amazon's reject checksum trailers; the metadata have the SHA-256 all the same.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": self._addressing},
        )
        try:
            session = get_session()
            session.register_component("data_loader", _model_loader())
            client = session.create_client("s3", config=configuration)
            self._client = await self._exit.enter_async_context(client)
            self._quick = QuickRequests(self._client, await session.get_credentials(), USER_AGENT)
        except (BotoCoreError, ValueError) as error:
            raise SettingsError(f"the AWS_* variables give no client for S3: {error}") from error

    async def close(self) -> None:
        """Close every connection."""
        await self._exit.aclose()

    async def put(self, key: str, body: bytes, content_type: str, metadata: ObjectMetadata) -> StoredObject:
        """Store the object unless the key is taken; return what is stored there.

        The storage compares the body with its MD5, the one checksum that all of them support, and refuses a body that
        was damaged on its way; it is then sent again.
        """
        doing = f"storing {key}"
        put_if_absent = partial(self._put_if_absent, self._prefix + key, body, content_type, metadata)
        if not await self._call(put_if_absent, doing, EXISTS):
            stored = await self.find(key)
            if stored is not None:
                return stored
            await self._call(partial(self._put, self._prefix + key, body, content_type, metadata), doing)
        return StoredObject(key=key, size_bytes=len(body), metadata=metadata)

    async def _put_if_absent(self, key: str, body: bytes, content_type: str, metadata: ObjectMetadata) -> bool:
        if self._quick.ready and len(body) <= LARGEST_BYTES:
            headers = {"Content-Type": content_type, "Content-MD5": checksum(body)}
            with suppress(UnexpectedAnswerError):
                async with asyncio.timeout(PUT_SECONDS):
                    return await self._quick.put_if_absent(key, body, headers, metadata.to_strings())
        await self._put(key, body, content_type, metadata, IfNoneMatch="*")
        return True

    async def _put(self, key: str, body: bytes, content_type: str, metadata: ObjectMetadata, **condition: str) -> None:
        async with asyncio.timeout(PUT_SECONDS):
            await self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
                CacheControl=CACHE_CONTROL,
                Metadata=metadata.to_strings(),
                ContentMD5=checksum(body),
                **condition,
            )

    async def find(self, key: str) -> StoredObject | None:
        """Return the object under the key with its metadata, or None."""
        head = await self._call(lambda: self._head(self._prefix + key), f"looking for {key}", {MISSING})
        if not self._quick.ready:
            self._quick.learn(self._prefix + key)
        metadata = ObjectMetadata.from_strings(head[1]) if head else None
        return StoredObject(key=key, size_bytes=head[0], metadata=metadata) if metadata else None

    async def _head(self, key: str) -> tuple[int, Mapping[str, str]] | None:
        if self._quick.ready:
            with suppress(UnexpectedAnswerError):
                return await self._quick.head(key)
        head = await self._client.head_object(Bucket=self._bucket, Key=key)
        return head["ContentLength"], head["Metadata"]

    async def keys(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys with this prefix."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix
        )
        try:
            async for page in pages:
                for entry in page.get("Contents", ()):
                    yield entry["Key"].removeprefix(self._prefix)
        except _ERRORS as error:
            raise _translated(error, f"listing {prefix}") from error

    async def delete(self, key: str) -> None:
        """Delete the object if it exists; in a versioned bucket, its newest version."""
        address = {"Bucket": self._bucket, "Key": self._prefix + key}
        await self._call(lambda: self._client.delete_object(**address), f"deleting {key}", {MISSING})

    async def get(self, key: str) -> bytes:
        """Return the object's bytes. Raises StorageRefusedError where there is none."""
        value: bytes | None = await self._call(lambda: self._get(key), f"reading {key}", {MISSING})
        if value is None:
            raise StorageRefusedError(f"there is no object {key}")
        return value

    async def _get(self, key: str) -> bytes:
        response = await self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
        async with response["Body"] as body:
            value: bytes = await body.read()
        return value

    async def check(self) -> None:
        """Raise with what to do where the bucket cannot be used as the workers use it. See `s3_check.py`."""
        try:
            await check_bucket(self._client, self._bucket, self._prefix)
        except _ERRORS as error:
            raise _translated(error, f"looking at bucket `{self._bucket}`") from error

    async def _call(self, action: Callable[[], Awaitable[Any]], doing: str, no: Container[int] = ()) -> Any:
        """Return the storage's response, None where its status is one of those in `no`.

        Transient errors are retried with backoff, except where the storage sent a Retry-After: that is for the circuit
        breaker. Raises StorageUnavailableError, StorageRefusedError.
        """
        delays = islice(Backoff(first=FIRST_DELAY_SECONDS, jitter=self._jitter), ATTEMPTS - 1)
        while True:
            try:
                return await action()
            except _ERRORS as error:
                if isinstance(error, ClientError) and status(error) in no:
                    return None
                meaning = _translated(error, doing)
                # A call that used up its whole time is not retried at once.
                delay = None if isinstance(error, TimeoutError) or not _is_transient(meaning) else next(delays, None)
                if delay is None:
                    raise meaning from error
            await self._sleep(delay)

    def url(self, key: str) -> str:
        """Return the storage's own address of an object."""
        endpoint = urlsplit(self._client.meta.endpoint_url)
        path = quote(self._prefix + key)
        if self._addressing == "virtual":
            return f"{endpoint.scheme}://{self._bucket}.{endpoint.netloc}/{path}"
        return f"{self._client.meta.endpoint_url}/{self._bucket}/{path}"


def _translated(error: Exception, doing: str) -> Exception:
    if isinstance(error, ClientError) and (status(error) in _DENIED or code(error) in _DENIED_CODES):
        return StorageDeniedError(f"{doing}: the storage refuses us: {error}; run `posters doctor`")
    if isinstance(error, ClientError) and status(error) not in _UNAVAILABLE and code(error) not in _DAMAGED_CODES:
        return StorageRefusedError(f"{doing}: the storage refused: {error}")
    if isinstance(error, ResponseParserError):
        return StorageUnavailableError(
            f"{doing}: what answers is no S3 server: {str(error)[:200]}; check AWS_ENDPOINT_URL, see `posters doctor`"
        )
    if isinstance(error, ClientError | BotoConnectionError | HTTPClientError | OSError):
        return StorageUnavailableError(
            f"{doing}: the storage is unavailable or busy: {error}", retry_after=_retry_after(error)
        )
    if isinstance(error, NoCredentialsError | PartialCredentialsError | NoRegionError):
        return StorageDeniedError(f"{doing}: {error}; set the AWS_* variables, see `posters doctor`")
    return StorageRefusedError(f"{doing}: {error}")


def _is_transient(error: Exception) -> bool:
    return (
        isinstance(error, StorageUnavailableError)
        and not isinstance(error, StorageDeniedError)
        and not error.retry_after
    )


def _retry_after(error: Exception) -> float:
    headers = (
        error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}) if isinstance(error, ClientError) else {}
    )
    seconds = headers.get("retry-after", "")
    return min(float(seconds), LONGEST_RETRY_AFTER_SECONDS) if seconds.isdecimal() else 0.0
