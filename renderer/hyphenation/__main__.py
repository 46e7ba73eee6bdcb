"""Installs the hyphenation dictionaries beside the browser: `python -m renderer.hyphenation`, as who may write there."""

import os
import sys

from renderer.browser.chromium import find_chromium
from renderer.errors import BrowserNotFoundError
from renderer.hyphenation.dictionaries import DIRECTORY, SOURCES, install_dictionaries, installed_dictionaries


def main() -> int:
    """Install what is missing; return the exit code."""
    try:
        browser = find_chromium(os.environ.get("POSTERS_CHROMIUM")).resolve()
    except BrowserNotFoundError as error:
        sys.exit(f"posters: {error}")
    directory = browser.parent / DIRECTORY
    if installed_dictionaries(browser) >= SOURCES.keys():
        return 0
    try:
        install_dictionaries(directory)
    except OSError as error:
        sys.exit(f"posters: the hyphenation dictionaries cannot be written ({error}); texts are drawn without hyphens")
    return 0


if __name__ == "__main__":
    sys.exit(main())
