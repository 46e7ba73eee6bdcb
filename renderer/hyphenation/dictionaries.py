"""Chromium's hyphenation dictionaries: which language takes which, which are installed, and how to install them.

Chromium reads them from a directory beside its binary. Debian's package has none; they are made from the patterns that
the package `pyphen` brings.
"""

import hashlib
from importlib import resources
from pathlib import Path
from typing import Final

from renderer.hyphenation.hyb import encode
from renderer.hyphenation.patterns import read_patterns

SOURCES: Final = {
    "af": ("af_ZA",),
    "be": ("be_BY",),
    "bg": ("bg_BG",),
    "ca": ("ca",),
    "cs": ("cs_CZ",),
    "da": ("da_DK",),
    "de-1996": ("de_DE",),
    "el": ("el_GR",),
    "en-gb": ("en_GB",),
    "en-us": ("en_US",),
    "eo": ("eo",),
    "es": ("es",),
    "et": ("et_EE",),
    "eu": ("eu",),
    "fr": ("fr",),
    "gl": ("gl",),
    "hr": ("hr_HR",),
    "hu": ("hu_HU",),
    "id": ("id_ID",),
    "is": ("is",),
    "it": ("it_IT",),
    "lt": ("lt",),
    "lv": ("lv_LV",),
    "mn-cyrl": ("mn_MN",),
    "nb": ("nb_NO",),
    "nl": ("nl_NL",),
    "nn": ("nn_NO",),
    "pl": ("pl_PL",),
    "pt": ("pt_BR",),
    "ro": ("ro_RO",),
    "ru": ("ru_RU",),
    "sk": ("sk_SK",),
    "sl": ("sl_SI",),
    "sq": ("sq_AL",),
    "sr": ("sr", "sr_Latn"),
    "sv": ("sv",),
    "uk": ("uk_UA",),
    "zu": ("zu_ZA",),
}
"""The dictionaries that are made, by Chromium's name, each of the patterns of these languages."""

_AMERICAN: Final = ("en-as", "en-gu", "en-mh", "en-mp", "en-pr", "en-um", "en-us", "en-vi")
_MAPPED: Final = {
    **dict.fromkeys(_AMERICAN, "en-us"),
    "en": "en-gb",
    "de": "de-1996",
    "de-1901": "de-1901",
    "de-ch-1901": "de-ch-1901",
    "de-li-1901": "de-ch-1901",
    "no": "nb",
    "mn": "mn-cyrl",
}
"""How Chromium maps a language, or the longest beginning of it, to a dictionary. It takes en-us for `en` alone."""
_NOT_HYPHENATED: Final = frozenset(
    ("ar", "fa", "he", "iw", "ja", "km", "ko", "lo", "my", "ps", "th", "ug", "ur", "vi", "yue", "zh")
)
"""Languages whose words are not hyphenated, whatever foreign words stand in their texts."""


def dictionary_for(language: str) -> str | None:
    """Return the name of the dictionary for a language tag, installed or not; None where words are not hyphenated."""
    tag = language.strip().lower()
    if tag == "en":
        return "en-us"
    while tag not in _MAPPED and "-" in tag:
        tag = tag.rpartition("-")[0]
    return None if tag in _NOT_HYPHENATED else _MAPPED.get(tag, tag)


def directory_of(browser: Path) -> Path:
    """Return where a browser, given by its binary, looks for dictionaries."""
    return browser.resolve().parent / "hyphen-data"


def installed_dictionaries(browser: Path) -> frozenset[str]:
    """Return the names of the dictionaries that a browser has."""
    return frozenset(file.stem.removeprefix("hyph-") for file in _dictionary_files(browser))


def missing_dictionaries(browser: Path) -> list[str]:
    """Return the names of the dictionaries that could be made for a browser and that it does not have."""
    return sorted(SOURCES.keys() - installed_dictionaries(browser))


def dictionaries_version(browser: Path) -> str:
    """Return 8 hex digits that change with any dictionary of the browser; nothing where it has none."""
    digest = hashlib.sha256()
    files = _dictionary_files(browser)
    for file in files:
        digest.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:8] if files else ""


def _dictionary_files(browser: Path) -> list[Path]:
    return sorted(directory_of(browser).glob("hyph-*.hyb"))


def install_dictionaries(directory: Path) -> list[Path]:
    """Write all dictionaries into a directory, and return their files. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, sources in SOURCES.items():
        file = directory / f"hyph-{name}.hyb"
        unfinished = file.with_suffix(".part")
        unfinished.write_bytes(encode(read_patterns(*(pattern_file(source) for source in sources))))
        unfinished.replace(file)
        written.append(file)
    return written


def pattern_file(source: str) -> Path:
    """Return the file of a language's patterns in the package `pyphen`."""
    return Path(str(resources.files("pyphen").joinpath("dictionaries", f"hyph_{source}.dic")))
