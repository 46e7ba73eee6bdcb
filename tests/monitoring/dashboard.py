"""The table of panels in scripts/dashboard.py, which is no package."""

import importlib.util
import sys
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).parents[2] / "scripts" / "dashboard.py"
_specification = importlib.util.spec_from_file_location("posters_dashboard", FILE)
assert _specification is not None
assert _specification.loader is not None
_module = importlib.util.module_from_spec(_specification)
sys.modules[_specification.name] = _module
_specification.loader.exec_module(_module)

Panel = _module.Panel
PANELS: Final[dict[str, list[Any]]] = _module.PANELS
TARGET: Final[Path] = _module.TARGET
dashboard = _module.dashboard
