"""A page of the browser as the protocol knows it: opened in a context of its own, and set to what stays as it is."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from renderer.browser.browser import Browser
from renderer.browser.devtools import Answer, Session
from renderer.page.interception import refuse_documents

_SCRIPTS: Final = Path(__file__).with_name("scripts")
_OWN: Final = "".join(
    (_SCRIPTS / name).read_text() for name in ("window_guard.js", "virtual_clock.js", "pending_work.js")
)
_IN_VIEW: Final = (_SCRIPTS / "always_in_view.js").read_text()
_ONCE: Final = "if (!performance.posters) {{ Object.defineProperty(performance, 'posters', {{ value: true }}); {} }}"
"""The window of a page that was just opened is taken over by its first document, and the scripts run once more."""
FONT_FAMILIES: Final = {
    "standard": "Times New Roman",
    "serif": "Times New Roman",
    "sansSerif": "Arial",
    "fixed": "Monospace",
    "cursive": "Comic Sans MS",
    "fantasy": "Impact",
}
"""What fontconfig is asked for when a document asks for a generic family."""

ATTACH: Final = {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": True}
"""Have workers wait until they are watched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSetup:
    """What a page is set to for as long as it is there."""

    javascript: bool = False
    locale: str | None = None
    timezone: str | None = None
    whole_page: bool = False
    """Scripts find all of the document in view, because all of it will be shown."""


@dataclass(frozen=True, slots=True)
class PageTarget:
    """A page, in a context that shares nothing with any other and so in a process of its own."""

    browser: Browser
    session: Session
    context: str

    @classmethod
    async def open(cls, browser: Browser, setting: PageSetup) -> "PageTarget":
        """Return a new page. Raises DevToolsError."""
        speaks = browser.devtools.browser
        context = (await speaks.send("Target.createBrowserContext", {"disposeOnDetach": True}))["browserContextId"]
        try:
            await speaks.send("Browser.setDownloadBehavior", {"behavior": "deny", "browserContextId": context})
            page = await speaks.send("Target.createTarget", {"url": "about:blank", "browserContextId": context})
            attached = await speaks.send("Target.attachToTarget", {"targetId": page["targetId"], "flatten": True})
            session = browser.devtools.session(attached["sessionId"])
            await _set(session, setting)
        except BaseException:
            speaks.tell("Target.disposeBrowserContext", {"browserContextId": context})
            raise
        return cls(browser, session, context)

    def close(self) -> Answer:
        """Begin to close page and context; the answer comes when they are no more."""
        return self.browser.devtools.browser.send("Target.disposeBrowserContext", {"browserContextId": self.context})

    def abandon(self) -> None:
        """Begin to close page and context, for nobody to wait for: the browser may have gone."""
        self.browser.devtools.browser.tell("Target.disposeBrowserContext", {"browserContextId": self.context})


async def _set(session: Session, setting: PageSetup) -> None:
    """Say all at once, and then see what is answered: each wait would be a way there and back."""
    answers = [session.send(method, parameters) for method, parameters in _commands(setting)]
    await asyncio.gather(*answers, refuse_documents(session))


def _commands(setting: PageSetup) -> list[tuple[str, dict[str, Any]]]:
    commands: list[tuple[str, dict[str, Any]]] = [
        ("Page.enable", {}),
        # What is fetched is not to be looked at, and need not be kept.
        ("Network.enable", {"maxTotalBufferSize": 0, "maxResourceBufferSize": 0}),
        ("Page.setBypassCSP", {"enabled": True}),
        ("Page.setFontFamilies", {"fontFamilies": FONT_FAMILIES}),
        ("Emulation.setFocusEmulationEnabled", {"enabled": True}),
    ]
    if setting.javascript:
        source = _ONCE.format(_OWN + (_IN_VIEW if setting.whole_page else ""))
        commands.append(("Page.addScriptToEvaluateOnNewDocument", {"source": source, "runImmediately": True}))
        commands.append(("Target.setAutoAttach", ATTACH))
    else:
        commands.append(("Emulation.setScriptExecutionDisabled", {"value": True}))
    if setting.locale is not None:
        commands.append(("Emulation.setLocaleOverride", {"locale": setting.locale}))
        commands.append(("Emulation.setUserAgentOverride", {"userAgent": "", "acceptLanguage": setting.locale}))
    if setting.timezone is not None:
        commands.append(("Emulation.setTimezoneOverride", {"timezoneId": setting.timezone}))
    return commands
