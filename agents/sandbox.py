"""The template sandbox as roles use it: where no process can be started, it is retried like any unavailable service."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from renderer.language.check import Checked
from renderer.sandbox.process import ProcessStartError
from renderer.sandbox.sandbox import TemplateSandbox
from schemas.output import DEFAULTS, Output
from schemas.templates import PlaceholderDeclaration
from streams.errors import UnavailableError
from streams.retry import retry_while_unavailable

T = TypeVar("T")


class TemplateChecker(Protocol):
    """What the templates role needs of the sandbox."""

    async def check(self, html: str, declarations: Sequence[PlaceholderDeclaration]) -> Checked:
        """Return what an uploaded template takes. Raises TemplateRejectedError."""
        ...


class TemplateFiller(Protocol):
    """What the render role needs of the sandbox."""

    async def fill(
        self, key: str, html: str, data: Mapping[str, Any], *, locale: str | None = None, timezone: str | None = None
    ) -> str:
        """Return the document; `key` names the HTML for good. Raises TemplateProblemError."""
        ...


async def fill_document(filler: TemplateFiller, key: str, html: str, data: Mapping[str, Any], output: Output) -> str:
    """Return the document of a poster, with the locale and time zone of its resolved output.

    `key` names the HTML for good. Raises TemplateProblemError.
    """
    # The resolved default is UTC; a value with an offset of its own keeps it unless a zone was asked for.
    timezone = None if output.timezone == DEFAULTS.timezone else output.timezone
    return await filler.fill(key, html, data, locale=output.locale, timezone=timezone)


class RetryingSandbox:
    """A sandbox that is retried while its processes cannot be started, as where memory is short."""

    def __init__(self, sandbox: TemplateSandbox) -> None:
        self._sandbox = sandbox

    async def start(self) -> None:
        """Start the first process."""
        await self._retry(self._sandbox.start)

    async def close(self) -> None:
        """End the processes."""
        await self._sandbox.close()

    async def check(self, html: str, declarations: Sequence[PlaceholderDeclaration]) -> Checked:
        """Return what an uploaded template takes. Raises TemplateRejectedError."""
        return await self._retry(lambda: self._sandbox.check(html, declarations))

    async def fill(
        self, key: str, html: str, data: Mapping[str, Any], *, locale: str | None = None, timezone: str | None = None
    ) -> str:
        """Return the document of a template and its data. Raises TemplateProblemError."""
        return await self._retry(lambda: self._sandbox.fill(key, html, data, locale=locale, timezone=timezone))

    async def _retry(self, action: Callable[[], Awaitable[T]]) -> T:
        async def translated() -> T:
            try:
                return await action()
            except ProcessStartError as error:
                raise UnavailableError(str(error)) from error

        return await retry_while_unavailable(translated)
