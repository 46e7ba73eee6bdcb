"""A browser context with one page, opened and configured: the unit of isolation, with a process of its own."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from renderer.browser.browser import Browser
from renderer.browser.devtools import Answer, Session
from renderer.page.interception import intercept_documents
from renderer.page.script_errors import OUR_SCRIPTS

_SCRIPTS: Final = Path(__file__).with_name("scripts")
_INJECTED: Final = "".join(
    (_SCRIPTS / name).read_text() for name in ("window_guard.js", "virtual_clock.js", "pending_work.js")
)
_ALWAYS_IN_VIEW: Final = (_SCRIPTS / "always_in_view.js").read_text()
_ONCE: Final = "if (!performance.posters) {{ Object.defineProperty(performance, 'posters', {{ value: true }}); {} }}"
"""The first document takes over the window of a page that was just opened, so the scripts would run a second time."""
FONT_FAMILIES: Final = {
    "standard": "Times New Roman",
    "serif": "Times New Roman",
    "sansSerif": "Arial",
    "fixed": "Monospace",
    "cursive": "Comic Sans MS",
    "fantasy": "Impact",
    "math": "Cambria Math",
}
"""What fontconfig is asked for when a document asks for a generic family."""
_CJK_REGIONS: Final = {"jpan": "JP", "hans": "SC", "hant": "TC", "hang": "KR"}
_SCRIPT_FONTS: Final = {
    "arab": "Noto Sans Arabic",
    "armn": "Noto Sans Armenian",
    "beng": "Noto Sans Bengali",
    "deva": "Noto Sans Devanagari",
    "ethi": "Noto Sans Ethiopic",
    "geor": "Noto Sans Georgian",
    "gujr": "Noto Sans Gujarati",
    "guru": "Noto Sans Gurmukhi",
    "hebr": "Noto Sans Hebrew",
    "khmr": "Noto Sans Khmer",
    "knda": "Noto Sans Kannada",
    "laoo": "Noto Sans Lao",
    "mlym": "Noto Sans Malayalam",
    "mymr": "Noto Sans Myanmar",
    "orya": "Noto Sans Oriya",
    "sinh": "Noto Sans Sinhala",
    "taml": "Noto Sans Tamil",
    "telu": "Noto Sans Telugu",
    "thai": "Noto Sans Thai",
}
SCRIPT_FAMILIES: Final = [
    *(
        {
            "script": script,
            "fontFamilies": {
                "standard": f"Noto Sans CJK {region}",
                "serif": f"Noto Serif CJK {region}",
                "sansSerif": f"Noto Sans CJK {region}",
                "fixed": f"Noto Sans Mono CJK {region}",
            },
        }
        for script, region in _CJK_REGIONS.items()
    ),
    *({"script": script, "fontFamilies": {"standard": family}} for script, family in _SCRIPT_FONTS.items()),
]
"""The same by the script of an element's language.

The standard family draws what no family of the element has. Without one, Chromium takes any regular font that has the
character, and thickens it where the text is bold.
"""

AUTO_ATTACH: Final = {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": True}
"""Have workers wait until they are watched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextOptions:
    """What is fixed for the lifetime of a context and its page."""

    javascript: bool = False
    locale: str | None = None
    timezone: str | None = None
    whole_page: bool = False
    """Scripts find all of the document in view, because all of it will be shown."""


@dataclass(frozen=True, slots=True)
class BrowserContext:
    """A context that shares nothing with any other, and the DevTools session of its one page."""

    browser: Browser
    session: Session
    context: str

    @classmethod
    async def open(cls, browser: Browser, options: ContextOptions) -> "BrowserContext":
        """Return a new context with a page. Raises DevToolsError."""
        root = browser.devtools.browser
        context = (await root.send("Target.createBrowserContext", {"disposeOnDetach": True}))["browserContextId"]
        try:
            await root.send("Browser.setDownloadBehavior", {"behavior": "deny", "browserContextId": context})
            page = await root.send("Target.createTarget", {"url": "about:blank", "browserContextId": context})
            attached = await root.send("Target.attachToTarget", {"targetId": page["targetId"], "flatten": True})
            session = browser.devtools.session(attached["sessionId"])
            await _configure(session, options)
        except BaseException:
            root.tell("Target.disposeBrowserContext", {"browserContextId": context})
            raise
        return cls(browser, session, context)

    def close(self) -> Answer:
        """Begin to close page and context; the answer comes when both are gone."""
        return self.browser.devtools.browser.send("Target.disposeBrowserContext", {"browserContextId": self.context})

    def abandon(self) -> None:
        """Begin to close page and context without waiting: the browser may be gone."""
        self.browser.devtools.browser.tell("Target.disposeBrowserContext", {"browserContextId": self.context})


async def _configure(session: Session, options: ContextOptions) -> None:
    """Send all commands at once and then await the answers: one round trip instead of ten."""
    answers = [session.send(method, parameters) for method, parameters in _commands(options)]
    await asyncio.gather(*answers, intercept_documents(session))


def _commands(options: ContextOptions) -> list[tuple[str, dict[str, Any]]]:
    commands: list[tuple[str, dict[str, Any]]] = [
        ("Page.enable", {}),
        # Bodies are not inspected, so Chromium need not keep them.
        ("Network.enable", {"maxTotalBufferSize": 0, "maxResourceBufferSize": 0}),
        ("Page.setBypassCSP", {"enabled": True}),
        ("Page.setFontFamilies", {"fontFamilies": FONT_FAMILIES, "forScripts": SCRIPT_FAMILIES}),
        ("Emulation.setFocusEmulationEnabled", {"enabled": True}),
    ]
    if options.javascript:
        source = _ONCE.format(_INJECTED + (_ALWAYS_IN_VIEW if options.whole_page else ""))
        source += f"\n//# sourceURL={OUR_SCRIPTS}"
        commands.append(("Runtime.enable", {}))
        commands.append(("Page.addScriptToEvaluateOnNewDocument", {"source": source, "runImmediately": True}))
        commands.append(("Target.setAutoAttach", AUTO_ATTACH))
    else:
        commands.append(("Emulation.setScriptExecutionDisabled", {"value": True}))
    if options.locale is not None:
        commands.append(("Emulation.setLocaleOverride", {"locale": options.locale}))
        commands.append(("Emulation.setUserAgentOverride", {"userAgent": "", "acceptLanguage": options.locale}))
    if options.timezone is not None:
        commands.append(("Emulation.setTimezoneOverride", {"timezoneId": options.timezone}))
    return commands
