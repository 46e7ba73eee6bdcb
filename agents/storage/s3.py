"""Objects in an S3-compatible bucket."""

from contextlib import AsyncExitStack
from typing import Any, Final
from urllib.parse import quote

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from agents.storage.port import CACHE_CONTROL, StorageRefusedError, StoredObject
from streams.errors import TryAgainError

CONNECT_SECONDS: Final = 2.0
READ_SECONDS: Final = 10.0
CONNECTIONS: Final = 16
_AWAY: Final = frozenset({429, 500, 502, 503, 504})
_TAKEN: Final = 412
_MISSING: Final = 404


class S3Store:
    """Keeps objects under `prefix` of `bucket`. Credentials, region and endpoint come from the `AWS_*` variables."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._exit = AsyncExitStack()
        self._client: Any = None

    async def open(self) -> None:
        """Make the client. It connects when it is first used."""
        configuration = AioConfig(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_pool_connections=CONNECTIONS,
            retries={"mode": "standard", "max_attempts": 3},
            # Servers other than Amazon's stumble over checksum trailers; sha256 goes with the object all the same.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"},
        )
        client = get_session().create_client("s3", config=configuration)
        self._client = await self._exit.enter_async_context(client)

    async def close(self) -> None:
        """Let go of every connection."""
        await self._exit.aclose()

    async def put(self, key: str, body: bytes, content_type: str, sha256: str) -> StoredObject:
        """Keep the object unless the key is taken; return what is kept there."""
        try:
            await self._client.put_object(
                Bucket=self._bucket,
                Key=self._prefix + key,
                Body=body,
                ContentType=content_type,
                CacheControl=CACHE_CONTROL,
                Metadata={"sha256": sha256},
                IfNoneMatch="*",
            )
        except ClientError as error:
            if _status(error) != _TAKEN:
                raise _family(error, f"storing {key}") from error
            kept = await self.find(key)
            return kept if kept is not None else await self.put(key, body, content_type, sha256)
        except (BotoCoreError, OSError) as error:
            raise _family(error, f"storing {key}") from error
        return StoredObject(key=key, sha256=sha256, size_bytes=len(body))

    async def find(self, key: str) -> StoredObject | None:
        """Return what is kept under the key, or None."""
        try:
            head = await self._client.head_object(Bucket=self._bucket, Key=self._prefix + key)
        except ClientError as error:
            if _status(error) == _MISSING:
                return None
            raise _family(error, f"looking for {key}") from error
        except (BotoCoreError, OSError) as error:
            raise _family(error, f"looking for {key}") from error
        return StoredObject(key=key, sha256=head["Metadata"].get("sha256", ""), size_bytes=head["ContentLength"])

    async def get(self, key: str) -> bytes:
        """Return the object's bytes. Raises StorageRefusedError where there is none."""
        try:
            answer = await self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
            async with answer["Body"] as body:
                value: bytes = await body.read()
        except (ClientError, BotoCoreError, OSError) as error:
            raise _family(error, f"reading {key}") from error
        return value

    async def check(self) -> None:
        """Raise where the bucket is missing, closed to us, or away."""
        try:
            await self._client.head_bucket(Bucket=self._bucket)
        except (ClientError, BotoCoreError, OSError) as error:
            raise _family(error, f"looking at bucket `{self._bucket}`") from error

    def url(self, key: str) -> str:
        """Return the storage's own address of an object, path style."""
        return f"{self._client.meta.endpoint_url}/{self._bucket}/{quote(self._prefix + key)}"


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _family(error: Exception, doing: str) -> Exception:
    if isinstance(error, ClientError) and _status(error) not in _AWAY:
        return StorageRefusedError(f"{doing}: the storage refused: {error}")
    if isinstance(error, ClientError | BotoConnectionError | HTTPClientError | OSError):
        return TryAgainError(f"{doing}: the storage is away or busy: {error}")
    return StorageRefusedError(f"{doing}: {error}")
