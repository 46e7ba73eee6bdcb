"""`make image-check`: build the image's file system without Docker, and make posters in it as a container would.

Not tried: what only Docker and BuildKit do, such as layers and caches, and Docker's own image of Python, in whose place
is Debian's Python of the same release.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.image import confined
from tests.image.dockerfile import Builder, Stage
from tests.parts import Bucket, KafkaServer, ObjectServer, PostgresServer

ROOT: Final = Path(__file__).parents[2]
WORK: Final = ROOT / "out" / "image"
HTML: Final = "<body style='font: 40px sans-serif'>{{ title }}<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>"


def main() -> None:
    """Build and check. Exits with code 1 and the reason where something does not work."""
    parser = argparse.ArgumentParser(prog="make image-check", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="check what was built before, and build nothing")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("posters: only root can mount and chroot; run: sudo make image-check")
    WORK.mkdir(parents=True, exist_ok=True)
    builder = Builder(ROOT, WORK, dry=options.keep)
    stage = builder.build()
    confined.prepare(stage)
    confined.prepare(builder.stage("site"))
    with tempfile.TemporaryDirectory(prefix="posters-image-") as name:
        check(stage, builder.stage("site"), Path(name))
    print("the image makes posters as user 10001, its root read-only, Chromium's sandbox on, under the seccomp profile")


def check(stage: Stage, site: Stage, directory: Path) -> None:
    """Set up, examine, and make a poster, all inside. Raises AssertionError."""
    with (
        KafkaServer(directory / "kafka") as kafka,
        PostgresServer(directory / "postgres") as postgres,
        ObjectServer(directory / "objects") as objects,
    ):
        postgres.create("posters")
        bucket = objects.bucket()
        environment = {
            **bucket.environment,
            "POSTERS_BROKERS": kafka.address,
            "POSTERS_DATABASE_URL": postgres.url("posters"),
            "POSTERS_STORAGE_URL": bucket.storage_url,
            "POSTERS_RENDER_SLOTS": "1",
        }
        confined.run(stage, ["setup"], environment)
        confined.run(stage, ["doctor"], environment)
        log = directory / "worker.log"
        with log.open("w", encoding="utf-8") as output:
            worker = confined.start(stage, ["worker"], environment, output)
            try:
                (stage.root / "opt/trial/poster.html").write_text(HTML, encoding="utf-8")
                confined.run(stage, ["templates", "upload", "poster", "/opt/trial/poster.html"], environment)
                request = ["request", "poster_latest", "--data", '{"title": "Read-only"}', "--wait", "--timeout", "120"]
                confined.run(stage, request, environment)
            finally:
                code = confined.stop(worker)
        said = log.read_text(encoding="utf-8")
        assert code == 0, f"the worker ended with {code}:\n{said}"
        assert "turns its sandbox off" not in said, said
        [picture] = [name for name in names_in(bucket) if name.endswith(".png")]
        print(f"stored {picture}; the worker drained and ended with 0")
        confined.run(site, ["check"], {"DATABASE_URL": postgres.url("posters"), "POSTERS_BROKERS": kafka.address})


def names_in(bucket: Bucket) -> list[str]:
    """Return the keys of the objects of a bucket."""
    return [entry["Key"] for entry in bucket.client().list_objects_v2(Bucket=bucket.name).get("Contents", [])]


if __name__ == "__main__":
    main()
