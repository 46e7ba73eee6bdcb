"""`make demo-site`: the example site on embedded servers."""

import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from django_tests.site import until
from tests.parts import free_port

ROOT = Path(__file__).parents[3]


def fetch(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - an address of this test
        content: bytes = answer.read()
    return content


@pytest.mark.timeout(200)
def test_site_shows_its_posters(tmp_path: Path) -> None:
    """The pages show 12 posters from real workers, the admin asks for a login, and Ctrl-C ends all processes."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "posters", "demo", "--serve", str(port), "--out", str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    pictures: list[str] = []

    def all_there() -> bool:
        page = fetch(address).decode()
        pictures[:] = re.findall(rf'src="({address}/files/[^"]+\.png)"', page)
        return len(pictures) == 12

    try:
        assert process.stdout is not None
        words = ""
        while "Ctrl-C" not in words:
            line = process.stdout.readline()
            assert line, words
            words += line
        until(all_there, seconds=60)
        poster, login = fetch(pictures[0]), fetch(f"{address}/admin/")
    finally:
        process.send_signal(signal.SIGINT)
        last_words, _ = process.communicate(timeout=60)

    assert poster.startswith(b"\x89PNG")
    assert b"password" in login
    assert (process.returncode, last_words.strip()) == (0, "ending")
