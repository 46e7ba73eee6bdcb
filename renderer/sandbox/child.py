"""The sandbox process: answers one request after the other, within limits that it cannot raise again.

It has no secrets, no network client and nothing to write: its environment is empty, its two pipes are all it talks to.
What a template does to it ends this process at most; the worker then answers for the template and starts another.
"""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import BinaryIO, Final

import msgspec
from cachetools import LRUCache

from renderer.language.check import TemplateRejectedError, check_template
from renderer.language.problems import TemplateProblemError
from renderer.language.template import Template
from renderer.sandbox import messages
from renderer.sandbox.limits import Limits, TimeLimit
from renderer.sandbox.messages import (
    Accepted,
    Answer,
    Check,
    Exhausted,
    Failed,
    Fill,
    Filled,
    Rejected,
    Request,
    Unknown,
)

CACHED_CHARACTERS: Final = 4_000_000
"""HTML of the compiled templates kept; compiled they take some twenty times as much."""
OPEN_FILES_MAX: Final = 32
_NO_NEW_PRIVILEGES: Final = 38
_PARENT_DEATH_SIGNAL: Final = 1
"""Options of prctl(2), linux/prctl.h."""


class CpuTimeError(BaseException):
    """The request has used its processor time. Not an Exception: no template and no library may swallow it."""


class Server:
    """Answers requests. Compiled templates are kept by key."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._templates: LRUCache[str, Template] = LRUCache(CACHED_CHARACTERS, getsizeof=lambda each: each.characters)

    def answer(self, request: Request) -> Answer:
        """Return the answer to a request, within its processor time."""
        try:
            with _cpu_time(self._limits.of(request)):
                return self._check(request) if isinstance(request, Check) else self._fill(request)
        except CpuTimeError:
            return Exhausted("processor time")
        except MemoryError:
            return Exhausted("memory")

    def _check(self, request: Check) -> Answer:
        try:
            checked = check_template(request.html, request.declarations)
        except TemplateRejectedError as error:
            return Rejected(error.errors)
        return Accepted(placeholders=checked.placeholders, warnings=checked.warnings)

    def _fill(self, request: Fill) -> Answer:
        try:
            template = self._template(request)
            return Unknown() if template is None else Filled(self._document(template, request))
        except TemplateProblemError as error:
            return Failed(code=error.code, message=error.message, line=error.line, column=error.column)

    def _document(self, template: Template, request: Fill) -> str:
        return template.render(request.data, locale=request.locale, timezone=request.timezone)

    def _template(self, request: Fill) -> Template | None:
        template: Template | None = self._templates.get(request.key)
        if template is None and request.html is not None:
            template = Template(request.html)
            if template.characters <= CACHED_CHARACTERS:
                self._templates[request.key] = template
        return template


def main(arguments: Sequence[str]) -> None:
    """Answer requests from standard input on standard output until it is closed; the last argument has the limits."""
    limits = msgspec.json.decode(arguments[-1], type=Limits)
    requests, answers = os.fdopen(0, "rb"), os.fdopen(os.dup(1), "wb", buffering=0)
    # What a library prints must not get between two answers.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    confine(limits.memory_bytes)
    server = Server(limits)
    answers.write(b"\x01")  # ready
    while (body := _read(requests)) is not None:
        answer = server.answer(messages.decode_request(body))
        answers.write(messages.encode(answer))
        if isinstance(answer, Exhausted):
            # The heap is fragmented, or the interpreter was interrupted anywhere: not worth going on with.
            return


def confine(memory_bytes: int) -> None:
    """Give up what no template needs: files to write, core dumps, more privileges, outliving the worker."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES_MAX, OPEN_FILES_MAX))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    if sys.platform == "linux":
        library = ctypes.CDLL(None)
        library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        library.prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    signal.signal(signal.SIGPROF, _out_of_time)
    for number in (signal.SIGINT, signal.SIGTERM):
        # Ctrl-C reaches the whole process group; the worker decides when its sandbox ends.
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def _cpu_time(limit: TimeLimit) -> Iterator[None]:
    """Raise CpuTimeError once the body has used its processor time; a little later the kernel ends the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime + limit.cpu_seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))
    signal.setitimer(signal.ITIMER_PROF, limit.cpu_seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _out_of_time(_: int, __: FrameType | None) -> None:
    raise CpuTimeError


def _read(stream: BinaryIO) -> bytes | None:
    """Return the next message; None at the end."""
    head = stream.read(messages.LENGTH.size)
    if len(head) < messages.LENGTH.size:
        return None
    (length,) = messages.LENGTH.unpack(head)
    return stream.read(length)
