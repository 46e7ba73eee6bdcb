"""Errors of a document's scripts that nothing in the document handles: uncaught exceptions and unhandled rejections."""

from typing import Any, Final

from renderer.browser.devtools import Handler, Session
from renderer.page.interception import public_url

KEPT_MAX: Final = 100
"""After so many errors no more are listened to: a script may throw as fast as it runs."""
MESSAGE_MAX: Final = 200
OUR_SCRIPTS: Final = "posters-scripts"
"""The name of what we put into a page, which may stand on a stack between the document's own functions."""
QUIET_CONSOLE: Final = "for (const name of Object.keys(console)) if (name !== 'createTask') console[name] = () => {}"
"""For workers, as `window_guard.js` does for documents."""
_STACK: Final = "\n    at "
_WRITE: Final = "Failed to execute 'write' on 'Document': "


class ScriptErrors:
    """Collects the errors of one document, its frames and its workers, in the order in which they occur."""

    def __init__(self) -> None:
        self._messages: dict[tuple[int, int], str] = {}
        self._sessions = 0

    @property
    def messages(self) -> list[str]:
        """Each distinct message, with the line where it is known."""
        return list(dict.fromkeys(self._messages.values()))

    def watch(self, session: Session) -> None:
        """Collect what is reported in this session, once its `Runtime` domain is enabled."""
        number = self._sessions
        self._sessions += 1
        session.on("Runtime.exceptionThrown", self._on_thrown(session, number))
        session.on("Runtime.exceptionRevoked", lambda revoked: self._revoke((number, revoked["exceptionId"])))

    def _on_thrown(self, session: Session, number: int) -> Handler:
        def add(thrown: dict[str, Any]) -> None:
            details = thrown["exceptionDetails"]
            if _is_cancellation(details) or len(self._messages) >= KEPT_MAX:
                return
            self._messages[number, details["exceptionId"]] = _message(details)
            if len(self._messages) == KEPT_MAX:
                session.tell("Runtime.disable")

        return add

    def _revoke(self, identity: tuple[int, int]) -> None:
        """A rejection has got its handler after all."""
        self._messages.pop(identity, None)


def _is_cancellation(details: dict[str, Any]) -> bool:
    """Say whether work was cancelled, by the document or by us: endless animations are, and media does not play."""
    exception = details.get("exception", {})
    is_abort = str(exception.get("description", "")).startswith("AbortError: ")
    return is_abort and exception.get("className") == "DOMException"


def _message(details: dict[str, Any]) -> str:
    exception = details.get("exception", {})
    text = str(exception.get("description") or exception.get("value") or details["text"])
    text = text.partition(_STACK)[0].replace(_WRITE, "").strip()
    if len(text) > MESSAGE_MAX:
        text = f"{text[: MESSAGE_MAX - 1]}…"
    return text + _where(details)


def _where(details: dict[str, Any]) -> str:
    """Return the line in the document's own script, empty where none is on the stack."""
    frames = [{"url": details.get("url", ""), "lineNumber": details["lineNumber"]}]
    frames = details.get("stackTrace", {}).get("callFrames") or frames
    own = next((frame for frame in frames if frame["url"] != OUR_SCRIPTS), None)
    if own is None:
        return ""
    is_fetched = own["url"].startswith(("http:", "https:"))  # a data: address may have megabytes
    script = public_url(own["url"])[:MESSAGE_MAX] if is_fetched else "its script"
    return f" (line {own['lineNumber'] + 1} of {script})"
