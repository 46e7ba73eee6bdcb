"""Installs the hyphenation dictionaries: `python -m renderer.hyphenation [DIRECTORY]`.

Without a directory they are written beside the browser, where the user has to be allowed to write.
"""

import os
import sys
from pathlib import Path

from renderer.browser.chromium import find_chromium
from renderer.errors import BrowserNotFoundError
from renderer.hyphenation.dictionaries import directory_of, install_dictionaries, missing_dictionaries


def main(arguments: list[str]) -> None:
    """Write all dictionaries into the directory; those of a browser only where some are missing."""
    try:
        if arguments:
            install_dictionaries(Path(arguments[0]))
            return
        browser = find_chromium(os.environ.get("POSTERS_CHROMIUM"))
        if missing_dictionaries(browser):
            install_dictionaries(directory_of(browser))
    except (BrowserNotFoundError, OSError) as error:
        sys.exit(f"posters: the hyphenation dictionaries are not installed: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
