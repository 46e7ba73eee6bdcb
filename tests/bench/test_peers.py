"""What the benchmark is compared with is pinned."""

import json
import re

from bench.peers.install import HERE, version

NAMES = {"puppeteer", "puppeteer-cluster"}


def test_every_package_is_pinned_by_version_and_content() -> None:
    """The comparison installs the same packages on every machine, wherever that machine gets packages from."""
    packages = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    asked = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]
    del packages[""]

    assert set(asked) == NAMES
    assert all(re.search(r"^(npm:[a-z-]+@)?\d+\.\d+\.\d+$", wanted) for wanted in asked.values())
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert not any("resolved" in package for package in packages.values())
    assert version() == asked["puppeteer-cluster"]
