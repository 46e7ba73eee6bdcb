"""The section of docs/performance.md that says why things are as they are, beside the figures that decided it."""

from collections.abc import Mapping, Sequence

from bench.report.markdown import paragraph, section, table
from bench.report.results import Choices, Encoded


def choices(measured: Choices) -> str:
    """Return the section."""
    return section(
        "Measurements behind design choices",
        paragraph("""
            **Slots.** One per core and one more, each with a browser of its own: while one parses its document or hands
            over its image, another draws. Throughput of the engine alone, posters a second by its number of slots
            (the highest in bold, here and below):"""),
        _rates(measured.slots),
        paragraph("""
            **Frames.** A Chromium that draws frames on request draws each document once. One that schedules its own
            frames draws several and discards most of them. The engine alone, posters a second:"""),
        _rates(measured.frames),
        paragraph("""
            **Encoder.** Encoding is a large slice of a poster, so a PNG is made by Chromium's quick encoder: the same
            pixels in more bytes. JPEG is for those who ask for it. Chromium driven by Playwright, one poster
            alone, then as many together as there are pages:"""),
        _encoders(measured.encoders),
        paragraph("""
            **Reuse.** A page is used again as it is where its last document cannot have left anything behind, and
            goes through `about:blank` only where it can; a context of its own is for templates with scripts, and for
            a locale or a time zone. Chromium driven by Playwright, posters a second by what comes between
            two of them:"""),
        _rates(measured.pages),
        paragraph("""
            **Upload.** A page does not wait for the storage: four more posters than there are pages are in flight,
            whose upload overlaps the next rendering. With an S3 server on the same machine that makes no difference;
            with a latency of 100 ms for each of a poster's two requests it does. Template, browser and S3 server,
            posters a second by the number of additional posters:"""),
        _rates(measured.uploads),
    )


def _rates(documents: Mapping[str, Mapping[str, float]]) -> str:
    alternatives = list(next(iter(documents.values())))
    rows = [[name, *_most_in_bold(list(rates.values()))] for name, rates in documents.items()]
    return table(["poster", *alternatives], rows)


def _most_in_bold(rates: Sequence[float]) -> list[str]:
    shown = [f"{rate:.1f}" for rate in rates]
    most = f"{max(rates):.1f}"
    return [f"**{each}**" if each == most else each for each in shown]


def _encoders(documents: Mapping[str, Mapping[str, Encoded]]) -> str:
    rows = [
        [name, encoder, f"{each.ms:.0f}", f"{each.rate:.1f}", f"{each.size / 1000:,.0f}"]
        for name, encoders in documents.items()
        for encoder, each in encoders.items()
    ]
    return table(["poster", "encoder", "alone ms", "together /s", "kB"], rows)
