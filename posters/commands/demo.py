"""`posters demo`: posters for an example site, on embedded servers."""

import shutil
import signal
import time
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from posters.demo.contact_sheet import write_contact_sheet
from posters.demo.results import Result
from posters.demo.run import run_demo
from posters.demo.serve import serve_demo
from posters.main import CommandError

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
    console = Console()
    # On TERM, as from a supervisor or a closing terminal, stop the child processes as on Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Equal posters of an earlier run would be reused from storage, and nothing would be rendered.
    shutil.rmtree(out / "storage", ignore_errors=True)
    for earlier in out.glob("*.png"):
        earlier.unlink()
    if serve is not None:
        serve_demo(out, serve)
        return
    with _bar(console) as progress:
        task = progress.add_task("posters", total=None)
        results = run_demo(out, lambda done, total: progress.update(task, completed=done, total=total))
    done = [result for result in results if result.is_done]
    files = {result.entity_id: _named(result, out) for result in done}
    console.print(_table(results, files))
    if done:
        write_contact_sheet(list(files.values()), out / "contact-sheet.png")
    if len(done) < len(results) or not results:
        raise CommandError(f"{len(done)} of {len(results)} posters were made; the logs are in {out / 'logs'}")
    console.print(f"{len(done)} posters, recorded in Postgres, in {time.monotonic() - began:.1f} s with all parts")
    console.print(NEXT.format(sheet=out / "contact-sheet.png"), highlight=False)


def _bar(console: Console) -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console)


def _named(result: Result, out: Path) -> Path:
    """Copy a poster to a readable name; its object key is made for machines."""
    return Path(shutil.copy(result.file, out / f"testimonial-{result.entity_id}.png"))


def _table(results: list[Result], files: dict[str, Path]) -> Table:
    table = Table("entity", "author", "status", "ms", "file", box=None)
    for result in results:
        where = str(files[result.entity_id]) if result.is_done else result.error or ""
        milliseconds = "" if result.milliseconds is None else str(result.milliseconds)
        table.add_row(result.entity_id, result.author, result.status, milliseconds, where)
    return table
