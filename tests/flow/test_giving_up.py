"""A worker that cannot continue ends: a live process that reads nothing would block its partitions."""

import os
import subprocess
import sys

import pytest

from tests.flow.system import REPOSITORY, System

BUG = """
async def run(self):
    raise ValueError("a bug")
RetryAgent.run = run
"""
REFUSED_COMMIT = """
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import GroupAuthorizationFailedError
async def commit(self, offsets):
    raise GroupAuthorizationFailedError("retry")
AIOKafkaConsumer.commit = commit
"""


@pytest.mark.parametrize(("broken", "words"), [(BUG, "a bug"), (REFUSED_COMMIT, "the right `Read` on group retry")])
def test_a_role_that_fails_ends_its_process(idle_system: System, broken: str, words: str) -> None:
    """A bug, and a commit that the broker refuses permanently, end the worker with exit code 1 and the reason."""
    script = f"from agents.retry.agent import RetryAgent\n{broken}\nfrom posters.main import main\nmain()"
    idle_system.send("poster-retries-1", "key", b"this becomes a dead letter, which is committed")
    ended = subprocess.run(
        [sys.executable, "-c", script, "worker", "retry"],
        cwd=REPOSITORY,
        env={**os.environ, **idle_system.environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )

    assert ended.returncode == 1, ended.stderr
    assert words in ended.stderr
