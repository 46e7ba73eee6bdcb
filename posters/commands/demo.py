"""`posters demo`: posters for an example site, on embedded servers."""

import shutil
import signal
import time
from pathlib import Path

import click

from posters.commands.progress import progress_bar
from posters.commands.terminal import say_rows
from posters.demo.results import Result
from posters.demo.run import run_demo
from posters.demo.serve import serve_demo
from posters.main import CommandError
from posters.operations.previews.contact_sheet import write_contact_sheet

NEXT = """What to try next:
  open {sheet}
  edit example/testimonials/posters/testimonial.html and run `make demo` again
  run `make demo-site` for the pages of that site
  read docs/django.md to ask for posters from your own site"""


@click.command()
@click.option("--serve", type=click.IntRange(1, 65535), metavar="PORT", help="serve the site on 127.0.0.1 until Ctrl-C")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("out/demo"), show_default=True)
def demo(out: Path, serve: int | None) -> None:
    """Make 12 posters for an example Django site, on an embedded broker and Postgres, into the directory --out."""
    began = time.monotonic()
    # On TERM, as from a supervisor or a closing terminal, stop the child processes as on Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Equal posters of an earlier run would be reused from storage, and nothing would be rendered.
    shutil.rmtree(out / "storage", ignore_errors=True)
    for earlier in out.glob("*.png"):
        earlier.unlink()
    if serve is not None:
        serve_demo(out, serve)
        return
    with progress_bar() as progress:
        task = progress.add_task("posters", total=None)
        results = run_demo(out, lambda done, total: progress.update(task, completed=done, total=total))
    done = [result for result in results if result.is_done]
    files = {result.entity_id: _named(result, out) for result in done}
    _show(results, files)
    if done:
        write_contact_sheet(list(files.values()), out / "contact-sheet.png")
    if len(done) < len(results) or not results:
        raise CommandError(f"{len(done)} of {len(results)} posters were made; the logs are in {out / 'logs'}")
    click.echo(f"{len(done)} posters, recorded in Postgres, in {time.monotonic() - began:.1f} s with all parts")
    click.echo(NEXT.format(sheet=out / "contact-sheet.png"))


def _named(result: Result, out: Path) -> Path:
    """Copy a poster to a readable name; its object key is made for machines."""
    return Path(shutil.copy(result.file, out / f"testimonial-{result.entity_id}.png"))


def _show(results: list[Result], files: dict[str, Path]) -> None:
    say_rows(
        ("entity", "author", "status", "ms", "file or error"),
        (
            (
                result.entity_id,
                result.author,
                result.status,
                "" if result.milliseconds is None else str(result.milliseconds),
                str(files[result.entity_id]) if result.is_done else result.error or "",
            )
            for result in results
        ),
    )
