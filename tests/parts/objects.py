"""An S3 server: versitygw, which keeps objects as files, or moto where it could not be built."""

import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import botocore.session
from botocore.config import Config

from tests.parts.ports import accepts, free_port
from tests.parts.process import PartError, ServerProcess

_PARTS: Final = Path(__file__).parents[2] / ".parts"
_VERSITYGW: Final = _PARTS / "bin" / "versitygw"
_MOTO_CHOSEN: Final = _PARTS / "object-server-is-moto"  # written by scripts/test-parts.sh, with the reason in it
_ACCESS_KEY: Final = "posters"
_SECRET_KEY: Final = "posters-for-tests"
_REGION: Final = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """An empty bucket. `environment` holds the `AWS_*` variables with which any S3 client finds it."""

    name: str
    environment: Mapping[str, str]

    @property
    def storage_url(self) -> str:
        """What `POSTERS_STORAGE_URL` takes."""
        return f"s3://{self.name}"

    def client(self) -> Any:
        """Return a blocking S3 client."""
        return _client(self.environment)


class ObjectServer:
    """An S3 server on 127.0.0.1. With versitygw its objects survive `kill()` and `restart()`; moto forgets them."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.environment: Mapping[str, str] = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": _ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": _SECRET_KEY,
            "AWS_REGION": _REGION,
            "AWS_DEFAULT_REGION": _REGION,
        }
        self.process = ServerProcess(
            "the S3 server",
            _command(self.port, directory),
            log=directory / "server.log",
            environment={"ROOT_ACCESS_KEY": _ACCESS_KEY, "ROOT_SECRET_KEY": _SECRET_KEY},
        )

    def bucket(self) -> Bucket:
        """Create an empty bucket with a unique name."""
        bucket = Bucket(name=f"posters-{uuid.uuid4().hex[:12]}", environment=self.environment)
        bucket.client().create_bucket(Bucket=bucket.name)
        return bucket

    def start(self) -> Self:
        """Start, and return once connections are accepted."""
        self.process.start(lambda: accepts(self.port))
        return self

    def stop(self) -> None:
        """Shut down cleanly."""
        self.process.stop()

    def kill(self) -> None:
        """Kill it, as in a power cut."""
        self.process.kill()

    def restart(self) -> None:
        """Shut down cleanly and start again on the same port."""
        self.stop()
        self.start()

    close = stop

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _command(port: int, directory: Path) -> list[str | Path]:
    if _VERSITYGW.exists():
        objects, metadata = directory / "objects", directory / "metadata"
        objects.mkdir(exist_ok=True)
        metadata.mkdir(exist_ok=True)
        # Beside the objects, because not every file system keeps extended attributes.
        backend: list[str | Path] = ["posix", "--sidecar", metadata, objects]
        # Keep-alive, as on other S3 servers.
        listening = ["--quiet", "--keep-alive", "--region", _REGION, "--port", f"127.0.0.1:{port}"]
        return [_VERSITYGW, *listening, *backend]
    if _MOTO_CHOSEN.exists():
        return [sys.executable, Path(__file__).with_name("strict_moto.py"), str(port), _ACCESS_KEY]
    raise PartError("No S3 server is installed: run `make parts`")


def _client(environment: Mapping[str, str]) -> Any:
    session = botocore.session.Session()
    return session.create_client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "path"}),
    )
