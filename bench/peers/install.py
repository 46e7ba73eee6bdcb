"""Install the peers' packages, at the versions of the lock file, beside the other parts."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
INSTALLED: Final = HERE.parents[1] / ".parts" / "peers"
FILES: Final = ("package.json", "package-lock.json", ".npmrc", "cluster.mjs")


class PeersError(Exception):
    """The peers cannot be installed or do not run; the message says why and what to do."""


def install() -> Path:
    """Return where the peers are installed, after that is so. Raises PeersError."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise PeersError(f"there is no {tool}: install Node.js 20 or later with npm, or leave the peers out")
    lock = INSTALLED / "package-lock.json"
    fresh = lock.exists() and lock.read_bytes() == (HERE / lock.name).read_bytes() and _packages().exists()
    INSTALLED.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(HERE / name, INSTALLED / name)
    if not fresh:
        done = subprocess.run(["npm", "ci"], cwd=INSTALLED, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise PeersError(f"npm could not install the peers:\n{done.stdout}{done.stderr}")
    return INSTALLED


def version() -> str:
    """Return the version of puppeteer-cluster that the lock file names."""
    packages = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    return str(packages["node_modules/puppeteer-cluster"]["version"])


def _packages() -> Path:
    return INSTALLED / "node_modules" / ".package-lock.json"
