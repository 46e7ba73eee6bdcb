"""Checks and fills templates in sandbox processes, and answers for those that end one."""

import asyncio
import logging
import signal
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from renderer.background_tasks import BackgroundTasks
from renderer.language.check import Checked, TemplateRejectedError
from renderer.language.problems import TemplateDataProblemError, TemplateProblemError, TemplateSyntaxProblemError
from renderer.sandbox.limits import DEFAULT, Limits
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
from renderer.sandbox.process import ProcessDiedError, ProcessTimeoutError, SandboxProcess
from schemas.templates import PlaceholderDeclaration, TemplateError

logger = logging.getLogger(__name__)

PROCESSES: Final = 2
"""A template that takes seconds holds up one process; the others go on. A second one is started when it is needed."""
LARGE_CHARACTERS: Final = 100_000
"""A process that checked this much may keep hundreds of megabytes; a new one starts in 0.2 s."""
TRIES: Final = 2
"""Something else may have ended a process, as the kernel does without memory; a template that ends two is to blame."""


class TemplateSandbox:
    """Up to `processes` sandbox processes, started on demand and replaced when one ends."""

    def __init__(self, processes: int = PROCESSES, limits: Limits = DEFAULT) -> None:
        self._limits = limits
        self._free: list[SandboxProcess] = []
        self._slots = asyncio.Semaphore(processes)
        self._background = BackgroundTasks()
        self._asking: set[asyncio.Future[Answer]] = set()
        self._closed = False

    async def start(self) -> None:
        """Start the first process, so that the first template does not wait for it. Raises ProcessStartError."""
        self._free.append(await SandboxProcess.start(self._limits))

    async def close(self) -> None:
        """End the processes."""
        self._closed = True
        await self._background.finish()
        while self._free:
            await self._free.pop().end()

    async def abandon(self) -> None:
        """End what the processes are doing; callers that wait for it are cancelled."""
        asking = list(self._asking)
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    async def check(self, html: str, declarations: Sequence[PlaceholderDeclaration]) -> Checked:
        """Return what an uploaded template takes. Raises TemplateRejectedError, ProcessStartError."""
        answer = await self._answer(Check(html=html, declarations=list(declarations)))
        match answer:
            case Accepted():
                return Checked(placeholders=answer.placeholders, warnings=answer.warnings)
            case Rejected():
                raise TemplateRejectedError(answer.errors)
            case Exhausted():
                raise TemplateRejectedError([TemplateError(code="template_syntax", message=_too_much(answer))])
        raise TypeError(f"a check was answered by {type(answer).__name__}")

    async def fill(
        self, key: str, html: str, data: Mapping[str, Any], *, locale: str | None = None, timezone: str | None = None
    ) -> str:
        """Return the document of a template and its data; `key` names the template's HTML for good.

        `locale` and `timezone` are those of the poster's output, which filters take where the template names none.
        Raises TemplateDataProblemError and TemplateSyntaxProblemError, ProcessStartError.
        """
        answer = await self._answer(Fill(key=key, html=None, data=dict(data), locale=locale, timezone=timezone), html)
        match answer:
            case Filled():
                return answer.html
            case Failed():
                raise _problem(answer)
            case Exhausted():
                raise TemplateDataProblemError(f"{_too_much(answer)} with this data")
        raise TypeError(f"a document was answered by {type(answer).__name__}")

    async def _answer(self, request: Request, html: str | None = None) -> Answer:
        """Ask a process. It goes on when the caller is cancelled, and is free again after that."""
        asking = asyncio.ensure_future(self._ask(request, html))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)
        self._background.start(_ended(asking))
        return await asyncio.shield(asking)

    async def _ask(self, request: Request, html: str | None) -> Answer:
        async with self._slots:
            for left in reversed(range(TRIES)):
                process = await self._process()
                try:
                    answer = await _ask_with_html(process, request, html)
                except ProcessTimeoutError:
                    return Exhausted("time")
                except ProcessDiedError as error:
                    if error.signal == signal.SIGXCPU:
                        return Exhausted("processor time")
                    logger.warning("a template ended its sandbox process (%s)", error)
                    if not left:
                        return Exhausted("memory or nesting")
                else:
                    await self._give_back(process, request, answer)
                    return answer
        raise RuntimeError("unreachable: the last try returns")

    async def _process(self) -> SandboxProcess:
        while self._free:
            process = self._free.pop()
            if process.alive:
                return process
            await process.end()
        return await SandboxProcess.start(self._limits)

    async def _give_back(self, process: SandboxProcess, request: Request, answer: Answer) -> None:
        is_large = isinstance(request, Check) and len(request.html) > LARGE_CHARACTERS
        if self._closed or is_large or isinstance(answer, Exhausted):
            await process.end()
        else:
            self._free.append(process)


async def _ask_with_html(process: SandboxProcess, request: Request, html: str | None) -> Answer:
    answer = await process.ask(request)
    if isinstance(answer, Unknown) and isinstance(request, Fill):
        answer = await process.ask(msgspec.structs.replace(request, html=html))
    return answer


async def _ended(asking: "asyncio.Future[Answer]") -> None:
    """Wait until the request is finished or failed. Its caller receives the error."""
    await asyncio.gather(asking, return_exceptions=True)


def _problem(failed: Failed) -> TemplateProblemError:
    family = TemplateDataProblemError if failed.code == "template_data" else TemplateSyntaxProblemError
    return family(failed.message, failed.line, failed.column)


def _too_much(answer: Exhausted) -> str:
    words = {
        "time": "the template takes too long",
        "processor time": "the template takes too long",
        "memory": "the template takes too much memory",
    }
    return words.get(answer.resource, "the template is too large or nested too deeply")
