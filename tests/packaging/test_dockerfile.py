"""The Dockerfile passes its linter, and ends as a user that a cluster can tell from root."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HADOLINT = Path(sys.executable).with_name("hadolint")


def test_dockerfile_passes_hadolint() -> None:
    """hadolint finds nothing but what is switched off with a reason beside it."""
    result = subprocess.run([HADOLINT, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)

    assert result.stdout == ""
    assert result.returncode == 0


def test_user_is_the_number_of_the_manifests() -> None:
    """The image's user is a number, and the one that is made in it."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")

    assert re.findall(r"^USER (.*)$", text, re.MULTILINE)[-1] == "10001:10001"
    assert "useradd --uid 10001 " in text
