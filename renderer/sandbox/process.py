"""One sandbox process as the worker sees it: started, asked, ended."""

import asyncio
import sys
from pathlib import Path
from typing import Final, Self

import msgspec

from renderer.sandbox import messages
from renderer.sandbox.limits import Limits
from renderer.sandbox.messages import LENGTH, MESSAGE_MAX_BYTES, Answer, Request

START_SECONDS: Final = 30.0
_ROOT: Final = str(Path(__file__).parents[2])
_PROGRAM: Final = "import sys; sys.path.insert(0, sys.argv[1]); from renderer.sandbox.child import main; main(sys.argv)"
_ENVIRONMENT: Final = {"LANG": "C.UTF-8", "TZ": "UTC"}
"""Nothing of the worker's: it holds passwords."""


class ProcessStartError(Exception):
    """No sandbox process can be started at the moment; the message says why."""


class ProcessDiedError(Exception):
    """The process ended instead of answering. `signal` is what ended it, None for an exit of its own."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the sandbox process ended with code {code}")
        self.signal = -code if code < 0 else None


class ProcessTimeoutError(Exception):
    """The process did not answer in time, and was ended."""


class SandboxProcess:
    """A process that answers one request at a time."""

    def __init__(self, process: asyncio.subprocess.Process, limits: Limits) -> None:
        self._process = process
        self._limits = limits

    @classmethod
    async def start(cls, limits: Limits) -> Self:
        """Start a process and return once it is ready for requests. Raises ProcessStartError."""
        # Isolated: neither variables of Python's nor files in the working directory decide what it runs.
        command = (sys.executable, "-I", "-c", _PROGRAM, _ROOT, msgspec.json.encode(limits).decode())
        pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=pipe, stdout=pipe, stderr=null, env=_ENVIRONMENT, cwd="/"
            )
        except OSError as error:
            raise ProcessStartError(f"no sandbox process can be started: {error}") from error
        started = cls(process, limits)
        try:
            async with asyncio.timeout(START_SECONDS):
                await started._output.readexactly(1)
        except (TimeoutError, asyncio.IncompleteReadError) as error:
            code = await started.end()
            raise ProcessStartError(f"the sandbox process did not start (code {code})") from error
        except BaseException:
            await started.end()
            raise
        return started

    @property
    def alive(self) -> bool:
        """Whether the process can be asked."""
        return self._process.returncode is None

    async def ask(self, request: Request) -> Answer:
        """Return the answer. Raises ProcessDiedError, and ProcessTimeoutError after the request's elapsed time."""
        try:
            async with asyncio.timeout(self._limits.of(request).wall_seconds):
                return await self._ask(messages.encode(request))
        except TimeoutError:
            await self.end()
            raise ProcessTimeoutError from None
        except (asyncio.IncompleteReadError, ConnectionError, msgspec.DecodeError):
            raise ProcessDiedError(await self.end()) from None
        except BaseException:
            await self.end()
            raise

    async def end(self) -> int:
        """End the process, if it has not ended by itself, and return its code."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._process.returncode is None:
            try:
                # One that ended by itself says more than one that we kill.
                async with asyncio.timeout(0.1):
                    return await self._process.wait()
            except TimeoutError:
                self._process.kill()
        return await self._process.wait()

    async def _ask(self, message: bytes) -> Answer:
        self._input.write(message)
        await self._input.drain()
        (length,) = LENGTH.unpack(await self._output.readexactly(LENGTH.size))
        if length > MESSAGE_MAX_BYTES:
            raise msgspec.DecodeError(f"an answer of {length:,} bytes")
        return messages.decode_answer(await self._output.readexactly(length))

    @property
    def _input(self) -> asyncio.StreamWriter:
        if self._process.stdin is None:
            raise RuntimeError("the process was started without a pipe")
        return self._process.stdin

    @property
    def _output(self) -> asyncio.StreamReader:
        if self._process.stdout is None:
            raise RuntimeError("the process was started without a pipe")
        return self._process.stdout
