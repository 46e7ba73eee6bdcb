"""What `posters setup` and `posters doctor` ask of a bucket: every operation of the workers on one probe object.

Stores that call themselves S3-compatible differ, and so do the rights that teams grant. Each refusal is answered with
what to change.
"""

import base64
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from uuid import uuid4

from botocore.exceptions import ClientError

from agents.storage.port import StorageDeniedError, StorageRefusedError

CHECK_KEY: Final = "posters-check"
"""Beginning of the name of the probe object, which is deleted again."""
_BODY: Final = b"posters"
_EXISTS: Final = frozenset({409, 412})
_NOT_FOUND: Final = 404
_NOT_IMPLEMENTED: Final = 501

_REMEDIES: Final[Mapping[str, str]] = {
    "RequestTimeTooSkewed": "the clocks of this machine and of the storage differ: set this machine's by NTP",
    "SecondLevelDomainForbidden": (
        "the storage wants the bucket as host: end POSTERS_STORAGE_URL with ?addressing=virtual"
    ),
    "InvalidAccessKeyId": "the storage does not know AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "AWS_SECRET_ACCESS_KEY is not that of AWS_ACCESS_KEY_ID, or a proxy changes requests",
    "ExpiredToken": "AWS_SESSION_TOKEN has expired",
    "InvalidBucketName": "POSTERS_STORAGE_URL names no possible bucket",
}
"""What to do, by the error code of the storage."""
_RIGHTS: Final[Mapping[str, str]] = {
    "PutObject": "grant s3:PutObject",
    "HeadObject": "grant s3:GetObject",
    "GetObject": "grant s3:GetObject",
    "ListObjectsV2": "grant s3:ListBucket on the bucket",
    "DeleteObject": "grant s3:DeleteObject",
}


async def check_bucket(client: Any, bucket: str, prefix: str) -> None:
    """Put, find, read, list and delete a probe object under `prefix`.

    Raises StorageRefusedError and StorageDeniedError with what to do, and botocore's errors where the storage does not
    answer.
    """
    key = f"{prefix}{CHECK_KEY}-{uuid4().hex}"
    check = _BucketCheck(client, bucket, key)
    await check.put()
    try:
        await check.read()
    except BaseException:
        await _quietly(lambda: client.delete_object(Bucket=bucket, Key=key))
        raise
    await check.call("deleting an object", lambda: client.delete_object(Bucket=bucket, Key=key))


class _BucketCheck:
    def __init__(self, client: Any, bucket: str, key: str) -> None:
        self._client = client
        self._bucket = bucket
        self._address = {"Bucket": bucket, "Key": key}

    async def put(self) -> None:
        """Put the probe, and check that it cannot be put twice."""
        try:
            await self._put(IfNoneMatch="*")
        except ClientError as error:
            if status(error) == _NOT_FOUND:
                raise StorageRefusedError(
                    f"there is no bucket `{self._bucket}` for us; make it, or name another one in POSTERS_STORAGE_URL"
                ) from error
            if await self._takes_unconditional_put():
                raise StorageDeniedError(self._no_conditions(f"refuses it ({refusal(error)})")) from error
            raise self._meaning("storing an object", error) from error
        try:
            await self._put(IfNoneMatch="*")
        except ClientError as error:
            if status(error) not in _EXISTS:
                raise self._meaning("storing an object that exists", error) from error
        else:
            await self._client.delete_object(**self._address)
            raise StorageDeniedError(self._no_conditions("ignores it"))

    async def read(self) -> None:
        """Find the probe, read it and list it; find that another object is missing."""
        head = await self.call("looking for an object", lambda: self._client.head_object(**self._address))
        if head.get("Metadata") != {"sha256": "probe"}:
            raise StorageDeniedError(
                f"bucket `{self._bucket}` does not keep the metadata of objects (x-amz-meta-…), which tell whether "
                "one is whole; let the proxy or gateway before it pass them on, or use another storage"
            )
        response = await self.call("reading an object", lambda: self._client.get_object(**self._address))
        async with response["Body"] as body:
            if await body.read() != _BODY:
                raise StorageDeniedError(f"bucket `{self._bucket}` returns other bytes than were stored")
        await self._find_nothing()
        page = await self.call(
            "listing objects", lambda: self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._address["Key"])
        )
        if [entry["Key"] for entry in page.get("Contents", ())] != [self._address["Key"]]:
            raise StorageDeniedError(
                f"bucket `{self._bucket}` does not list an object that it has just stored, so erasures would miss "
                "some; use a storage whose lists are consistent"
            )

    async def call(self, doing: str, action: Callable[[], Awaitable[Any]]) -> Any:
        """Return the response. Raises StorageDeniedError with what to do."""
        try:
            return await action()
        except ClientError as error:
            raise self._meaning(doing, error) from error

    async def _find_nothing(self) -> None:
        missing = {**self._address, "Key": f"{self._address['Key']}-missing"}
        try:
            await self._client.head_object(**missing)
        except ClientError as error:
            if status(error) == _NOT_FOUND:
                return
            raise StorageDeniedError(
                f"bucket `{self._bucket}` answers {status(error)}, not 404, for an object that does not exist, and "
                "rendering would pause; grant s3:ListBucket on the bucket"
            ) from error

    async def _put(self, **condition: str) -> None:
        body = {"Body": _BODY, "ContentType": "text/plain", "Metadata": {"sha256": "probe"}}
        await self._client.put_object(**self._address, **body, ContentMD5=checksum(_BODY), **condition)

    async def _takes_unconditional_put(self) -> bool:
        try:
            await self._put()
            await self._client.delete_object(**self._address)
        except ClientError:
            return False
        return True

    def _no_conditions(self, what: str) -> str:
        return (
            f"bucket `{self._bucket}` has to honour `If-None-Match: *` on PUT, so that the first image of a poster "
            f"stays, and {what}; use a storage or a version of it with conditional writes, or file:///directory"
        )

    def _meaning(self, doing: str, error: ClientError) -> Exception:
        return StorageDeniedError(f"bucket `{self._bucket}`: {doing}: {refusal(error)}; {_remedy(error)}")


async def _quietly(action: Callable[[], Awaitable[Any]]) -> None:
    try:
        await action()
    except (ClientError, OSError):
        return  # what is reported is the error before this one


def _remedy(error: ClientError) -> str:
    region = _region(error)
    if region is not None:
        return f"the bucket is in the region {region}: set AWS_REGION={region}"
    if code(error) in _REMEDIES:
        return _REMEDIES[code(error)]
    if status(error) == _NOT_IMPLEMENTED:
        return "this storage lacks the operation; use one that has it, or file:///directory"
    if status(error) in (301, 307, 308):
        return "set AWS_REGION to the bucket's region, and AWS_ENDPOINT_URL to the storage's own address"
    if status(error) in (401, 403):
        right = _RIGHTS.get(error.operation_name, "grant the rights on the bucket")
        return f"check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and {right}"
    return "see the storage's own log, and whether AWS_ENDPOINT_URL is its S3 address"


def _region(error: ClientError) -> str | None:
    """Return the region where the bucket is, if the storage says that we ask in another one."""
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    named = headers.get("x-amz-bucket-region") or error.response.get("Error", {}).get("Region")
    wrong = status(error) in (301, 307) or code(error) in ("AuthorizationHeaderMalformed", "PermanentRedirect")
    return str(named) if named and wrong else None


def refusal(error: ClientError) -> str:
    """Return status, code and message of an answer; a storage that sends no XML has no message."""
    said = error.response.get("Error", {})
    return " ".join(str(part) for part in (status(error), said.get("Code"), said.get("Message")) if part)


def status(error: ClientError) -> int:
    """Return the HTTP status of an answer."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def code(error: ClientError) -> str:
    """Return the error code of an answer; empty where it has none."""
    return str(error.response.get("Error", {}).get("Code", ""))


def checksum(body: bytes) -> str:
    """Return the body's MD5 in base64, as the header Content-MD5 takes it."""
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
