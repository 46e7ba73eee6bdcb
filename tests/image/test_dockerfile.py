"""Carrying out a Dockerfile: files get the places that Docker would give them."""

import subprocess
from pathlib import Path

import pytest

from tests.image.dockerfile import Builder

DOCKERFILE = """
FROM python:3-slim-trixie
COPY list.txt /usr/share/posters/fonts.txt
COPY list.txt pages/one.md /srv/
WORKDIR /source
COPY list.txt .
COPY pages /srv/pages
"""


def test_copied_files_are_where_docker_puts_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One file gets the name of its target, unless that is a directory; a directory's content goes below its target."""
    source, base = tmp_path / "source", tmp_path / "base"
    (source / "pages").mkdir(parents=True)
    base.mkdir()
    (source / "Dockerfile").write_text(DOCKERFILE)
    (source / ".dockerignore").write_text("")
    (source / "list.txt").write_text("fonts")
    (source / "pages" / "one.md").write_text("page")
    subprocess.run(["git", "init", "--quiet", source], check=True)
    monkeypatch.setattr(Builder, "_base", lambda *_: base)

    root = Builder(source, tmp_path).build().root

    assert {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()} == {
        "usr/share/posters/fonts.txt",
        "srv/list.txt",
        "srv/one.md",
        "source/list.txt",
        "srv/pages/one.md",
    }
