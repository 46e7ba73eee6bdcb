"""Objects in an S3-compatible bucket."""

import asyncio
import base64
import hashlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Container
from contextlib import AsyncExitStack
from functools import cache
from typing import Any, Final
from urllib.parse import quote

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

from agents.storage.port import (
    CACHE_CONTROL,
    Facts,
    StorageDeniedError,
    StorageRefusedError,
    StorageUnavailableError,
    StoredObject,
)
from streams.errors import SettingsError
from streams.retry import Sleep

CONNECT_SECONDS: Final = 2.0
READ_SECONDS: Final = 10.0
PUT_SECONDS: Final = 40.0
"""An upload as a whole: a link that takes a few bytes now and then is not waited for."""
CONNECTIONS: Final = 16
ATTEMPTS: Final = 3
"""Of one call where the storage falters for a moment; what lasts longer is the breaker's business."""
FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_RETRY_AFTER_SECONDS: Final = 300.0
CHECK_KEY: Final = "posters-check"
"""An object that is put and deleted to see whether that is allowed."""
_AWAY: Final = frozenset({408, 429, 500, 502, 503, 504, 507})
_CLOSED: Final = frozenset({301, 401, 403, 404, 405, 407, 501})
_CLOSED_CODES: Final = frozenset({"ExpiredToken", "InvalidToken", "AuthorizationHeaderMalformed", "InvalidBucketName"})
"""Answers of a store that refuses us, not an object: credentials, rights, clock, bucket. A person has to mend that."""
_DAMAGED_CODES: Final = frozenset({"BadDigest", "IncompleteBody", "RequestTimeout"})
"""Answers of a store to which not all bytes came as they were sent."""
_TAKEN: Final = frozenset({412, 409})
"""Somebody has put the object, or is putting it at this moment."""
_MISSING: Final = 404


@cache
def _models() -> Any:
    """Return what reads the description of S3, which takes a fifth of a second: once for all stores of a process."""
    return create_loader()


class S3Store:
    """Keeps objects under `prefix` of `bucket`. Credentials, region and endpoint come from the `AWS_*` variables."""

    def __init__(
        self,
        bucket: str,
        prefix: str,
        *,
        sleep: Sleep = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._bucket = bucket
        self._sleep = sleep
        self._jitter = jitter
        self._prefix = f"{prefix}/" if prefix else ""
        self._exit = AsyncExitStack()
        self._client: Any = None

    async def open(self) -> None:
        """Make the client. It connects when it is first used. Raises SettingsError."""
        configuration = AioConfig(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_pool_connections=CONNECTIONS,
            # Ours know what Retry-After says.
            retries={"mode": "standard", "total_max_attempts": 1},
            # Given once: putting the usual one together takes a tenth of a call.
            user_agent="posterstream",
            # Servers other than Amazon's stumble over checksum trailers; sha256 goes with the object all the same.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"},
        )
        try:
            session = get_session()
            session.register_component("data_loader", _models())
            client = session.create_client("s3", config=configuration)
            self._client = await self._exit.enter_async_context(client)
        except (BotoCoreError, ValueError) as error:
            raise SettingsError(f"no client for S3 can be made of the AWS_* variables: {error}") from error

    async def close(self) -> None:
        """Let go of every connection."""
        await self._exit.aclose()

    async def put(self, key: str, body: bytes, content_type: str, facts: Facts) -> StoredObject:
        """Keep the object unless the key is taken; return what is kept there.

        The store compares the body with its MD5, the one checksum that all of them know, and refuses what was damaged
        on its way; it is then sent again.
        """
        doing = f"storing {key}"
        if await self._asked(lambda: self._put(key, body, content_type, facts, IfNoneMatch="*"), doing, _TAKEN) is None:
            kept = await self.find(key)
            if kept is not None:
                return kept
            await self._asked(lambda: self._put(key, body, content_type, facts), doing)
        return StoredObject(key=key, size_bytes=len(body), facts=facts)

    async def _put(self, key: str, body: bytes, content_type: str, facts: Facts, **condition: str) -> Any:
        async with asyncio.timeout(PUT_SECONDS):
            return await self._client.put_object(
                Bucket=self._bucket,
                Key=self._prefix + key,
                Body=body,
                ContentType=content_type,
                CacheControl=CACHE_CONTROL,
                Metadata=facts.as_metadata(),
                ContentMD5=checksum(body),
                **condition,
            )

    async def find(self, key: str) -> StoredObject | None:
        """Return what is kept under the key with its facts, or None."""
        named = {"Bucket": self._bucket, "Key": self._prefix + key}
        head = await self._asked(lambda: self._client.head_object(**named), f"looking for {key}", {_MISSING})
        if head is None:
            return None
        facts = Facts.of_metadata(head["Metadata"])
        return None if facts is None else StoredObject(key=key, size_bytes=head["ContentLength"], facts=facts)

    async def keys(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys that begin with `prefix`."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix
        )
        try:
            async for page in pages:
                for entry in page.get("Contents", ()):
                    yield entry["Key"].removeprefix(self._prefix)
        except (ClientError, BotoCoreError, OSError) as error:
            raise _family(error, f"listing {prefix}") from error

    async def delete(self, key: str) -> None:
        """Delete the object if it is there; of a versioned bucket, its newest version."""
        named = {"Bucket": self._bucket, "Key": self._prefix + key}
        await self._asked(lambda: self._client.delete_object(**named), f"deleting {key}", {_MISSING})

    async def get(self, key: str) -> bytes:
        """Return the object's bytes. Raises StorageRefusedError where there is none."""
        value: bytes | None = await self._asked(lambda: self._get(key), f"reading {key}", {_MISSING})
        if value is None:
            raise StorageRefusedError(f"there is no object {key}")
        return value

    async def _get(self, key: str) -> bytes:
        answer = await self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
        async with answer["Body"] as body:
            value: bytes = await body.read()
        return value

    async def check(self) -> None:
        """Raise where the bucket is missing, closed to us, or away, or where we may not write to it."""
        try:
            await self._client.head_bucket(Bucket=self._bucket)
            await self._put(CHECK_KEY, b"", "text/plain", Facts(sha256=hashlib.sha256().hexdigest()))
            await self._client.delete_object(Bucket=self._bucket, Key=self._prefix + CHECK_KEY)
        except (ClientError, BotoCoreError, OSError) as error:
            raise _unusable(error, f"bucket `{self._bucket}`") from error

    async def _asked(self, action: Callable[[], Awaitable[Any]], doing: str, no: Container[int] = ()) -> Any:
        """Return what the storage answers, None where that is one of the statuses in `no`.

        Where it falters it is asked again after a moment, unless it has said for how long to leave it alone. Raises
        StorageUnavailableError, StorageRefusedError.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await action()
            except (ClientError, BotoCoreError, OSError) as error:
                if isinstance(error, ClientError) and _status(error) in no:
                    return None
                meaning = _family(error, doing)
                # What took its whole time is not begun again at once.
                if attempt == ATTEMPTS or isinstance(error, TimeoutError) or not _falters(meaning):
                    raise meaning from error
            await self._sleep(self._jitter() * FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
        raise AssertionError("unreachable")

    def url(self, key: str) -> str:
        """Return the storage's own address of an object, path style."""
        return f"{self._client.meta.endpoint_url}/{self._bucket}/{quote(self._prefix + key)}"


def checksum(body: bytes) -> str:
    """Return the body's MD5 in base64, as the header Content-MD5 takes it."""
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _family(error: Exception, doing: str) -> Exception:
    if isinstance(error, ClientError) and (_status(error) in _CLOSED or _code(error) in _CLOSED_CODES):
        return StorageDeniedError(f"{doing}: the storage refuses us: {error}; run `posters doctor`")
    if isinstance(error, ClientError) and _status(error) not in _AWAY and _code(error) not in _DAMAGED_CODES:
        return StorageRefusedError(f"{doing}: the storage refused: {error}")
    if isinstance(error, ClientError | BotoConnectionError | HTTPClientError | OSError):
        return StorageUnavailableError(
            f"{doing}: the storage is away or busy: {error}", retry_after=_retry_after(error)
        )
    if isinstance(error, NoCredentialsError | PartialCredentialsError | NoRegionError):
        return StorageDeniedError(f"{doing}: {error}; set the AWS_* variables, see `posters doctor`")
    return StorageRefusedError(f"{doing}: {error}")


def _falters(error: Exception) -> bool:
    return (
        isinstance(error, StorageUnavailableError)
        and not isinstance(error, StorageDeniedError)
        and not error.retry_after
    )


def _unusable(error: Exception, bucket: str) -> Exception:
    if isinstance(error, ClientError) and _status(error) == _MISSING:
        return StorageRefusedError(f"there is no {bucket} for us; make it, or name another one in POSTERS_STORAGE_URL")
    if isinstance(error, ClientError) and _status(error) in _CLOSED:
        return StorageDeniedError(
            f"{bucket} is closed to us: {error}; check the AWS_* variables, and that they have the rights to list the "
            "bucket, and to get, put and delete its objects"
        )
    return _family(error, f"looking at {bucket}")


def _retry_after(error: Exception) -> float:
    headers = (
        error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}) if isinstance(error, ClientError) else {}
    )
    seconds = headers.get("retry-after", "")
    return min(float(seconds), LONGEST_RETRY_AFTER_SECONDS) if seconds.isdecimal() else 0.0
