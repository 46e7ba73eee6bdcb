"""Chromium's binary, command-line flags and environment."""

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
"""Real binaries. A package puts a wrapper script on PATH, and a signal to that would not reach the browser."""

FLAGS: Final = (
    "--headless",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-startup-window",
    # No background work: no updates, no reports, no sync, no prediction.
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
    # No throttling of what is out of sight, and nothing that waits for a user.
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
    # One process for a page and all its frames: its memory is counted in one place, and what is switched off in the
    # page is off in its frames.
    "--disable-site-isolation-trials",
    (
        "--disable-features=IsolateSandboxedIframes,PaintHolding,HttpsUpgrades,MediaRouter,OptimizationHints,"
        "ThirdPartyStoragePartitioning,DestroyProfileOnBrowserClose"
    ),
    # No network: no name resolves, the proxy is a closed port, and loopback is not exempt from the proxy.
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
    # Decode images before the frame that shows them; otherwise a capture can miss one.
    "--disable-checker-imaging",
    # No animations that a worklet paints for the compositor: in a frame they can block the page's next frame forever.
    "--disable-blink-features=CompositeBGColorAnimation,CompositeBoxShadowAnimation,CompositeClipPathAnimation",
    # Above its memory budget for tiles, half a gigabyte by default, Chromium silently leaves tiles out.
    "--force-gpu-mem-available-mb=4096",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    # A mouse and no touch. Image animation policy 2 shows the first frame of an animated image or SVG.
    (
        "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4,"
        "imageAnimationPolicy=2"
    ),
    # Large tiles: small ones, made for scrolling, cost a rich poster up to a sixth more processor time.
    "--default-tile-width=1024",
    "--default-tile-height=1024",
    # The same heap limit on every machine, above our own memory limit for a page; the default depends on the machine.
    "--js-flags=--max-old-space-size=2048",
    "--disk-cache-size=1",
    "--disable-crash-reporter",
)

ON_DEMAND: Final = ("--enable-begin-frame-control", "--run-all-compositor-stages-before-draw")
"""Begin-frame control: draw a frame only on request, and only after everything that belongs to it."""


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
    """Return the browser's environment: the minimum of ours, with every path to write to inside `scratch`."""
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
    """Return whether Chromium's sandbox can be on: it cannot as root on Linux."""
    return sys.platform != "linux" or os.geteuid() != 0
