"""Which Chromium runs, and with which flags and environment."""

import os
import sys
from pathlib import Path
from typing import Final

from renderer.errors import BrowserNotFoundError
from renderer.fonts.font_set import FONT_CONFIGURATION

PACKAGED: Final = (
    Path("/usr/lib/chromium/chromium-headless-shell"),
    Path("/usr/lib/chromium/headless_shell"),
    Path("/usr/lib/chromium-browser/headless_shell"),
)
"""Real binaries. What a package puts on PATH is a wrapper that stays between us and the browser we must kill."""

FLAGS: Final = (
    "--headless",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-startup-window",
    # It shall do nothing but draw: no updates, no reports, no sync, no guesses of what comes next.
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-field-trial-config",
    "--disable-search-engine-choice-screen",
    "--disable-stack-profiler",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-service-autorun",
    "--password-store=basic",
    "--use-mock-keychain",
    # A document is nobody's window: what is out of sight is drawn as fast, and nothing asks or waits for a person.
    "--block-new-web-contents",
    "--disable-back-forward-cache",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-hang-monitor",
    "--disable-prompt-on-repost",
    "--disable-renderer-backgrounding",
    "--mute-audio",
    # /dev/shm is small in containers.
    "--disable-dev-shm-usage",
    # A poster is one process, so that its memory can be told, and its scripts are where we have stopped them.
    "--disable-site-isolation-trials",
    (
        "--disable-features=IsolateSandboxedIframes,PaintHolding,HttpsUpgrades,MediaRouter,OptimizationHints,"
        "ThirdPartyStoragePartitioning,DestroyProfileOnBrowserClose"
    ),
    # No network at all: no name resolves, the proxy is a closed port, and loopback is not exempt from it.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=http://127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--dns-prefetch-disable",
    # The same pixels on every machine.
    "--font-render-hinting=none",
    "--disable-lcd-text",
    "--force-device-scale-factor=1",
    "--lang=en-US",
    # An image that is decoded late is drawn late; without this a capture can miss it.
    "--disable-checker-imaging",
    # Colours that a worklet paints for the compositor: in a frame, the page's next frame may never come for them.
    "--disable-blink-features=CompositeBGColorAnimation,CompositeBoxShadowAnimation,CompositeClipPathAnimation",
    # Beyond its budget for tiles, half a gigabyte by default, Chromium leaves some out and says nothing.
    "--force-gpu-mem-available-mb=4096",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    # A mouse and no touch. Policy 2 shows the first frame of an animated image and holds SVG animations at their start.
    (
        "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4,"
        "imageAnimationPolicy=2"
    ),
    # A poster is drawn once: small tiles, which are for scrolling, cost up to a sixth of a rich one more.
    "--default-tile-width=1024",
    "--default-tile-height=1024",
    # By itself a page's heap ends at a share of the machine's memory, which can be less than a page may have.
    "--js-flags=--max-old-space-size=2048",
    "--disk-cache-size=1",
    "--disable-crash-reporter",
)

ON_DEMAND: Final = ("--enable-begin-frame-control", "--run-all-compositor-stages-before-draw")
"""Draw a frame when asked for one, and wait for everything that belongs to it."""


def find_chromium(setting: str | None) -> Path:
    """Return the browser's real binary: the setting, else the package's, else the one that Playwright installed last.

    Raises BrowserNotFoundError when the setting names no executable file, or nothing is installed.
    """
    if setting:
        binary = Path(setting)
        if not os.access(binary, os.X_OK) or not binary.is_file():
            raise BrowserNotFoundError(
                f"POSTERS_CHROMIUM is `{setting}`, which is no executable file; name the browser's binary"
            )
        return _behind_wrapper(binary)
    for binary in (*PACKAGED, *_of_playwright()):
        if os.access(binary, os.X_OK):
            return binary
    raise BrowserNotFoundError(
        "no headless shell of Chromium is installed; name one in POSTERS_CHROMIUM, install the package "
        "chromium-headless-shell, or run `playwright install --with-deps chromium-headless-shell`"
    )


def _of_playwright() -> list[Path]:
    """Return the binaries in Playwright's cache, the newest first."""
    cache = os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright"
    found = Path(cache).glob("chromium_headless_shell-*/*/*headless*shell")
    return sorted(found, key=lambda binary: int(binary.parts[-3].rpartition("-")[2]), reverse=True)


def _behind_wrapper(binary: Path) -> Path:
    """Return the package's binary where `binary` is its wrapper on PATH."""
    with binary.open("rb") as file:
        is_script = file.read(2) == b"#!"
    inner = Path("/usr/lib/chromium") / binary.name
    return inner if is_script and os.access(inner, os.X_OK) else binary


def environment(scratch: Path) -> dict[str, str]:
    """Return the browser's environment: nothing of ours but what it needs, everything it writes in `scratch`."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {
        **kept,
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "XDG_CONFIG_HOME": str(scratch / "config"),
        "XDG_CACHE_HOME": str(scratch / "cache"),
        "FONTCONFIG_FILE": str(FONT_CONFIGURATION),
        "LANG": "en_US.UTF-8",
        "TZ": "UTC",
    }


def may_sandbox() -> bool:
    """Say whether Chromium's sandbox can be on: it refuses to start as root."""
    return sys.platform != "linux" or os.geteuid() != 0
