"""The two requests of every poster, signed and sent without the rest of botocore.

Two thirds of the processor time of a call of the client go into models, endpoint rules and hooks, which find out the
same for each object. Here they are asked once: address and region are those of a request that the client sent itself.
Connections, credentials and the signature are the client's. So is every answer that is not one of the expected ones:
the client asks once more, and knows what to do about it.
"""

import re
from collections.abc import Container, Mapping
from typing import Any, Final, cast
from urllib.parse import quote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest

from agents.storage.port import CACHE_CONTROL

OK: Final = 200
MISSING: Final = 404
EXISTS: Final = frozenset({412, 409})
"""Another worker has put the object, or is doing so."""
LARGEST_BYTES: Final = 1024 * 1024
"""A larger body is left to the client, which announces it first: the storage may refuse it by its headers."""
_SCOPE: Final = re.compile(r"AWS4-HMAC-SHA256 Credential=[^/]+/\d+/([^/]+)/s3/aws4_request,")
"""The beginning of an `Authorization` that we can make, with the region; some kinds of buckets have another one."""
_METADATA: Final = "x-amz-meta-"


class UnexpectedAnswerError(Exception):
    """The storage gave an answer that is the client's to understand."""


class QuickRequests:
    """Requests about single objects, once `learn` knows where to. They raise botocore's errors of connections."""

    def __init__(self, client: Any, credentials: Any, user_agent: str) -> None:
        self._client = client
        self._credentials = credentials
        self._user_agent = user_agent
        self._sent: tuple[str, str] = ("", "")
        """Address and `Authorization` of the client's last request for the metadata of an object."""
        self._address = ""
        self._region = ""
        client.meta.events.register("before-send.s3.HeadObject", self._on_sent)

    @property
    def ready(self) -> bool:
        """Whether the address of the bucket is known."""
        return bool(self._address)

    def learn(self, key: str) -> None:
        """Take over the address of the client's last request, which asked for `key` and was answered as expected."""
        url, authorization = self._sent
        scope = _SCOPE.match(authorization)
        if scope and url.endswith(f"/{quote(key)}"):
            self._region, self._address = scope[1], url.removesuffix(quote(key))

    async def head(self, key: str) -> tuple[int, Mapping[str, str]] | None:
        """Return size and metadata of an object, None where there is none. Raises UnexpectedAnswerError."""
        response = await self._send("HEAD", key, {}, b"", {OK, MISSING})
        if response.status_code == MISSING:
            return None
        metadata = {
            name.removeprefix(_METADATA): value
            for name, value in response.headers.items()
            if name.startswith(_METADATA)
        }
        return int(response.headers["content-length"]), metadata

    async def put_if_absent(
        self, key: str, body: bytes, headers: Mapping[str, str], metadata: Mapping[str, str]
    ) -> bool:
        """Store an object; False where the key is taken. Raises UnexpectedAnswerError."""
        all_headers = {
            **headers,
            "Cache-Control": CACHE_CONTROL,
            "If-None-Match": "*",
            **{_METADATA + name: value for name, value in metadata.items()},
        }
        response = await self._send("PUT", key, all_headers, body, {OK, *EXISTS})
        if response.status_code == OK and await response.content:
            # Some storages begin their answer before they know it: an error is then in the body of a 200.
            raise UnexpectedAnswerError("a body where there should be none")
        return cast("int", response.status_code) == OK

    async def _send(
        self, method: str, key: str, headers: Mapping[str, str], body: bytes, expected: Container[int]
    ) -> Any:
        request = AWSRequest(
            method=method,
            url=self._address + quote(key),
            headers={**headers, "User-Agent": self._user_agent},
            data=body,
        )
        request.context = {"client_config": self._client.meta.config, "has_streaming_input": bool(body)}
        credentials = await self._credentials.get_frozen_credentials()
        S3SigV4Auth(credentials, "s3", self._region).add_auth(request)
        response = await self._client._endpoint.http_session.send(request.prepare())
        if response.status_code not in expected:
            self._address = ""
            raise UnexpectedAnswerError(f"status {response.status_code}")
        return response

    def _on_sent(self, request: Any, **_: object) -> None:
        authorization = request.headers.get("Authorization", b"")
        self._sent = (request.url, authorization if isinstance(authorization, str) else authorization.decode())
