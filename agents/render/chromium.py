"""Which Chromium runs, and with which flags and environment."""

import os
import sys
from pathlib import Path
from typing import Final

from streams.errors import SettingsError

FONT_CONFIGURATION: Final = Path(__file__).with_name("fonts.conf")

PACKAGED: Final = (
    Path("/usr/lib/chromium/chromium-headless-shell"),
    Path("/usr/lib/chromium/headless_shell"),
    Path("/usr/lib/chromium-browser/headless_shell"),
)
"""Real binaries. What a package puts on PATH is a wrapper that stays between us and the browser we must kill."""

FLAGS: Final = (
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
    # Beyond its budget for tiles, half a gigabyte by default, Chromium leaves some out and says nothing.
    "--force-gpu-mem-available-mb=4096",
    # The last --blink-settings wins, so Playwright's pointer types are repeated. Policy 2 shows the first frame
    # of an animated image and holds SVG animations at their start.
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


def find_chromium(setting: str | None) -> Path | None:
    """Return the browser's real binary: the setting, else the package's, else None for the one Playwright installed.

    Raises SettingsError when the setting names no executable file.
    """
    if setting:
        binary = Path(setting)
        if not os.access(binary, os.X_OK) or not binary.is_file():
            raise SettingsError(
                f"POSTERS_CHROMIUM is `{setting}`, which is no executable file; name the browser's binary"
            )
        return _behind_wrapper(binary)
    return next((binary for binary in PACKAGED if os.access(binary, os.X_OK)), None)


def _behind_wrapper(binary: Path) -> Path:
    """Return the package's binary where `binary` is its wrapper on PATH."""
    with binary.open("rb") as file:
        is_script = file.read(2) == b"#!"
    inner = Path("/usr/lib/chromium") / binary.name
    return inner if is_script and os.access(inner, os.X_OK) else binary


def environment(scratch: Path) -> dict[str, str | float | bool]:
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
