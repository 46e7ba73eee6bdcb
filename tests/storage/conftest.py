"""What several tests of the storage need: a server that can be made to fail."""

from collections.abc import Iterator
from random import Random

import pytest

from tests.faults.storage_proxy import StorageProxy
from tests.parts import Bucket, ObjectServer


@pytest.fixture
def proxy(object_server: ObjectServer, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[StorageProxy]:
    """A proxy before a real server, which this process's variables lead to."""
    with StorageProxy(object_server.port, Random(3)) as proxy:  # noqa: S311 - repeatable on purpose
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.server_port}")
        yield proxy
        proxy.shutdown()
