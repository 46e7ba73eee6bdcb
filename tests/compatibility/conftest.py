"""A running system on any broker, database and bucket; and which tests `make test` leaves to `make compatibility`."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from tests.flow.system import System
from tests.parts import KafkaServer, ObjectServer, PostgresServer, free_port

WHOLE = "COMPATIBILITY"
"""Set to `all`, everything is tried; otherwise what takes no part beyond those of the other tests, and little time."""

RunSystem = Callable[..., AbstractContextManager[System]]


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark of the tests that only `make compatibility` runs."""
    config.addinivalue_line("markers", "whole: run by `make compatibility` only")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the marked tests unless everything is asked for."""
    if os.environ.get(WHOLE) == "all":
        return
    left_out = [item for item in items if item.get_closest_marker("whole")]
    items[:] = [item for item in items if not item.get_closest_marker("whole")]
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="module")
def run_system(object_server: ObjectServer, tmp_path_factory: pytest.TempPathFactory) -> RunSystem:
    """Gives a system with a bucket of its own, and no worker yet: `with run_system(brokers, database_url)`."""

    @contextmanager
    def run(brokers: str, database_url: str) -> Iterator[System]:
        bucket = object_server.bucket()
        environment = {
            **bucket.environment,
            "POSTERS_BROKERS": brokers,
            "POSTERS_DATABASE_URL": database_url,
            "POSTERS_STORAGE_URL": bucket.storage_url,
            "POSTERS_FETCH_WAIT": "0.05",
            "POSTERS_SESSION_TIMEOUT": "6",
            "POSTERS_RETRY_DELAYS": "1,1,1",
            "POSTERS_RENDER_SLOTS": "1",
            "POSTERS_STATUS_ADDRESS": f"127.0.0.1:{free_port()}",
        }
        log: Path = tmp_path_factory.mktemp("compatibility") / "worker.log"
        system = System(brokers, database_url, environment, log)
        try:
            yield system
        finally:
            if system.worker is not None and system.worker.poll() is None:
                system.kill_worker()

    return run


@pytest.fixture(scope="module")
def usual_system(kafka: KafkaServer, postgres: PostgresServer, run_system: RunSystem) -> Iterator[System]:
    """Kafka, PostgreSQL and an S3 server, set up by the command, with a worker of all roles."""
    kafka.clear()
    name = f"compatibility_{uuid4().hex[:12]}"
    postgres.create(name)
    with run_system(kafka.address, postgres.url(name)) as system:
        done = system.command("setup")
        assert done.returncode == 0, done.stderr
        system.start_worker()
        yield system
    postgres.drop(name)


def make_poster(system: System) -> None:
    """Have one poster made, from its template to its row. Raises AssertionError."""
    template = f"{system.upload('<p>{{ title }}</p>').section}_latest"
    job = system.request(template, {"title": "hello"})
    assert system.outcome(job).status == "completed"
    query = "SELECT 1 FROM template_generation_jobs WHERE job_id = %s AND status = 'completed'"
    system.eventually(lambda: system.rows(query, job))
