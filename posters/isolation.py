"""Isolation: handles records in a child process (`posters/isolated.py`), so that a crash does not end the worker."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final, cast

import msgspec

from streams.crash_guard import Verdict
from streams.delivery import Delivery
from streams.topics import Role

logger = logging.getLogger(__name__)

READY: Final = b"ready\n"
REFUSED_EXIT_CODE: Final = 75
"""EX_TEMPFAIL of sysexits.h: the database or a setting does not fit; the records are not the reason."""
START_ATTEMPTS: Final = 3
"""Children that may end before they are ready, for want of memory or of a browser, until the records are refused."""
LENGTH_BYTES: Final = 8


async def handle_in_child(role: Role, deliveries: Sequence[Delivery]) -> Verdict:
    """Handle records in a child process and return how it ended. Cancelling it ends the child."""
    for _ in range(START_ATTEMPTS):
        try:
            verdict = await _run_child(role, deliveries)
        except OSError as error:  # no process or no memory for it
            logger.warning("%s: no child to handle %d records alone: %s", role, len(deliveries), error)
            continue
        if verdict is not None:
            return verdict
    return "refused"


async def _run_child(role: Role, deliveries: Sequence[Delivery]) -> Verdict | None:
    """Return how a child ended; None where it ended before it began, or was stopped from outside."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "posters.isolated", role),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        # Signals to the worker's group are for the worker, with which the child ends.
        start_new_session=True,
        # A failpoint stands for a power cut, which is no record's fault.
        env={name: value for name, value in os.environ.items() if name != "FAILPOINT"},
    )
    stdin, stdout = cast("asyncio.StreamWriter", child.stdin), cast("asyncio.StreamReader", child.stdout)
    try:
        content = msgspec.msgpack.encode(list(deliveries))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its end says why
            stdin.write(len(content).to_bytes(LENGTH_BYTES) + content)
            await stdin.drain()
        is_ready = await stdout.readline() == READY
        code = await child.wait()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
        stdin.close()
    if code == REFUSED_EXIT_CODE:
        return "refused"
    if not is_ready or code in (-signal.SIGTERM, -signal.SIGINT):
        return None
    return "finished" if code == 0 else "crashed"
