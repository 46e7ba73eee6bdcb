"""The viewport of a page: size, scale, background and colour scheme."""

from dataclasses import dataclass
from typing import Final, Self

from renderer.browser.devtools import Session
from schemas.output import ColorScheme, Output

PREFERENCES: Final = {
    "prefers-reduced-motion": "no-preference",
    "forced-colors": "none",
    "prefers-contrast": "no-preference",
}
"""The same for every document, so that it does not depend on the machine."""
TRANSPARENT: Final = {"color": {"r": 0, "g": 0, "b": 0, "a": 0}}


@dataclass(frozen=True, slots=True)
class Viewport:
    """The settings of a page. One that was just opened has the size 0 by 0, and so is always given one."""

    width: int = 0
    height: int = 0
    scale: float = 0.0
    transparent: bool = False
    color_scheme: ColorScheme | None = None
    as_screen: bool = False
    """Use the style of screens even when the page is printed."""

    @classmethod
    def of(cls, output: Output) -> Self:
        """Return the viewport that a resolved output asks for."""
        return cls(
            output.width or 0,
            output.height or 0,
            output.scale or 1.0,
            bool(output.transparent),
            output.color_scheme or "light",
            output.format == "pdf",
        )

    async def set(self, session: Session, last: "Viewport") -> None:
        """Set what differs from `last`: each call costs a round trip."""
        if (self.width, self.height, self.scale) != (last.width, last.height, last.scale):
            metrics = {
                "width": self.width,
                "height": self.height,
                "screenWidth": self.width,
                "screenHeight": self.height,
                "deviceScaleFactor": self.scale,
                "mobile": False,
            }
            await session.send("Emulation.setDeviceMetricsOverride", metrics)
        if self.transparent != last.transparent:
            background = TRANSPARENT if self.transparent else {}
            await session.send("Emulation.setDefaultBackgroundColorOverride", background)
        if (self.color_scheme, self.as_screen) != (last.color_scheme, last.as_screen):
            features = {**PREFERENCES, "prefers-color-scheme": self.color_scheme}
            media = {
                "media": "screen" if self.as_screen else "",
                "features": [{"name": name, "value": value} for name, value in features.items()],
            }
            await session.send("Emulation.setEmulatedMedia", media)
