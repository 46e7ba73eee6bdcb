"""The audit of templates: what it compares, what it finds, and that it writes nothing."""

import asyncio
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import PIL.Image
import pytest
import pytest_asyncio
from click.testing import CliRunner

from agents.settings import read_settings
from agents.storage.files import FileStore
from agents.storage.port import ObjectMetadata
from agents.templates.store import NewVersion, TemplateStore
from posters.main import main
from posters.operations.previews.local_renderer import LocalRenderer
from posters.operations.template_audit.template_audit import AuditRequest, audit_templates
from posters.operations.template_audit.template_audit_report import AuditReport
from schemas.output import Format, Output, resolve_output
from schemas.references import Numbered
from schemas.templates import Placeholder, TemplateWarning

pytestmark = pytest.mark.asyncio(loop_scope="session")

HTML = '<!doctype html><html lang="en"><meta charset="utf-8"><h1>{{ title }}</h1></html>'
TITLE = Placeholder(name="title", sample_value="A title", exact=False)
SIZE = Output(width=200, height=100)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def recolored(png: bytes) -> bytes:
    """Return the picture with one other pixel."""
    with PIL.Image.open(io.BytesIO(png)) as image:
        changed = image.convert("RGB")
    changed.putpixel((0, 0), (250, 255, 255))
    return encoded(changed)


def encoded(image: PIL.Image.Image, **options: Any) -> bytes:
    """Return a PNG."""
    content = io.BytesIO()
    image.save(content, "PNG", **options)
    return content.getvalue()


@dataclass
class Records:
    """Tables and storage as builds before this one have left them."""

    url: str
    directory: Path
    renderer: LocalRenderer
    count: int = 0

    async def version(self, section: str, html: str = HTML, *, active: bool = True, **fields: Any) -> UUID:
        """Store the next version of a section."""
        connection = await asyncpg.connect(self.url)
        new: dict[str, Any] = {"placeholders": [TITLE], "warnings": [], "output": {}, "javascript": False} | fields
        try:
            async with connection.transaction():
                store = TemplateStore(connection)
                version = await store.insert(
                    NewVersion(
                        template_id=uuid4(),
                        command_id=uuid4(),
                        section=section,
                        name=section,
                        html_content=html,
                        html_sha256=hashlib.sha256(html.encode()).hexdigest(),
                        width=200,
                        height=100,
                        **new,
                    )
                )
                if active:
                    await store.activate(version, NOW)
        finally:
            await connection.close()
        return version.template_id

    async def picture(self, html: str, data: Mapping[str, Any]) -> bytes:
        """Return the picture of a template and its data as this build draws it."""
        output = resolve_output(SIZE)
        document = await self.renderer.fill(html, data, output)
        return (await self.renderer.draw(document, output, javascript=False)).images[0].data

    async def poster(
        self,
        version: UUID,
        data: Mapping[str, Any],
        picture: bytes,
        *,
        image_format: Format = "png",
        total: int = 1,
        stored: bool = True,
    ) -> str:
        """Record a completed poster, later than all others, and store its picture."""
        self.count += 1
        job, key, digest = f"job-{self.count}", f"templates/x/{self.count}.png", hashlib.sha256(picture).hexdigest()
        if stored:
            await FileStore(self.directory).put(key, picture, "image/png", ObjectMetadata(sha256=digest))
        image = {
            "name": "default",
            "url": key,
            "object_key": key,
            "sha256": digest,
            "size_bytes": len(picture),
            "width": 200,
            "height": 100,
            "format": image_format,
        }
        at = NOW + timedelta(seconds=self.count)
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(
                "INSERT INTO template_generation_jobs (job_id, status, total_count, created_at) "
                "VALUES ($1, 'completed', $2, $3)",
                job,
                total,
                at,
            )
            await connection.execute(
                "INSERT INTO template_poster_results (job_id, poster_index, status, event_id, output_url, object_key, "
                "sha256, images, template_version_id, custom_data, requested_at) "
                "VALUES ($1, 0, 'completed', $2, $3, $3, $4, $5, $6, $7, $8)",
                job,
                uuid4(),
                key,
                digest,
                json.dumps([image]),
                version,
                json.dumps(data),
                at,
            )
        finally:
            await connection.close()
        return f"{job}/0"

    @property
    def environment(self) -> dict[str, str]:
        """Settings with which the database refuses whoever writes."""
        separator = "&" if "?" in self.url else "?"
        return {
            "POSTERS_DATABASE_URL": f"{self.url}{separator}default_transaction_read_only=on",
            "POSTERS_STORAGE_URL": f"file://{self.directory}",
        }

    async def audit(self, earlier: AuditReport | None = None, **request: Any) -> AuditReport:
        """Return the report."""
        return await audit_templates(read_settings(self.environment), AuditRequest(**request), earlier)

    def objects(self) -> dict[str, bytes]:
        """Return what is in the storage."""
        return {str(path): path.read_bytes() for path in self.directory.rglob("*") if path.is_file()}


def findings(report: AuditReport) -> dict[str, list[tuple[str, str]]]:
    """Return by version why it is refused, and the verdict and detail of each input, the samples first."""
    return {
        version.template: [
            *(("refused", error) for error in version.errors),
            *((each.verdict, each.detail) for each in version.inputs),
        ]
        for version in report.versions
    }


@pytest_asyncio.fixture(loop_scope="session")
async def records(database: str, tmp_path: Path, renderer: LocalRenderer) -> Records:
    """No templates yet."""
    return Records(url=database, directory=tmp_path / "objects", renderer=renderer)


async def test_pictures_of_last_posters_are_compared_pixel_by_pixel(records: Records) -> None:
    """The same bytes and the same pixels are the same; one other pixel is a change; other sizes are named."""
    data = {"title": "Last"}
    picture = await records.picture(HTML, data)
    with PIL.Image.open(io.BytesIO(picture)) as image:
        again, smaller = encoded(image, compress_level=1), encoded(image.resize((100, 50)))
    assert again != picture
    stored = {"bytes": picture, "pixels": again, "changed": recolored(picture), "size": smaller}
    for section, content in stored.items():
        await records.poster(await records.version(section), data, content)

    report = await records.audit()

    found = findings(report)
    assert [each[1][0] for each in found.values()] == ["same", "changed", "same", "changed"]
    assert found["changed@1"][1][1] == "default: 1 of 20,000 pixels differ, by up to 5 of 255"
    assert found["size@1"][1][1] == "default: 100x50 pixels have become 200x100"
    assert [each[0][0] for each in found.values()] == ["uncompared"] * 4
    assert [version.template for version in report.changed] == ["changed@1", "size@1"]


async def test_what_was_made_before_and_cannot_be_made_now_is_a_change(records: Records) -> None:
    """A template that is refused now, data that no longer fits, samples that were accepted without a warning."""
    data = {"title": "Last"}
    picture = await records.picture(HTML, data)
    warned = [TemplateWarning(code="sample_data", message="does not go with its own samples")]
    await records.version("refused", "<!doctype html>\n<p>{{#if title}}x{{/if}}</p>")
    await records.poster(await records.version("data", "<p>{{ title // 2 }}</p>"), data, picture)
    await records.version("samples", "<p>{{ title // 2 }}</p>")
    await records.version("warned", "<p>{{ title // 2 }}</p>", warnings=warned)

    report = await records.audit()

    found = findings(report)
    assert found["refused@1"][0][1].startswith("line 2, column 4: ")
    assert [verdict for verdict, _ in found["data@1"]] == ["failed", "failed"]
    assert "line 1, column 4" in found["data@1"][1][1]
    assert [verdict for verdict, _ in found["samples@1"]] == ["failed"]
    assert [verdict for verdict, _ in found["warned@1"]] == ["uncompared"]
    assert [version.template for version in report.changed] == ["data@1", "refused@1", "samples@1"]


async def test_what_cannot_be_compared_is_no_change(records: Records) -> None:
    """A picture that is gone or damaged, and a poster of a batch that had an output of its own."""
    data = {"title": "Last"}
    picture = recolored(await records.picture(HTML, data))
    await records.poster(await records.version("gone"), data, picture, stored=False)
    await records.poster(await records.version("damaged"), data, b"png")
    await records.poster(await records.version("own"), data, picture, image_format="webp", total=2)

    report = await records.audit()

    found = findings(report)
    assert [each[1][0] for each in found.values()] == ["uncompared"] * 3
    assert "the stored picture cannot be read" in found["gone@1"][1][1]
    assert "the stored picture cannot be read" in found["damaged@1"][1][1]
    assert found["own@1"][1][1] == "the poster had an output of its own, which is not recorded"
    assert not report.changed


async def test_the_last_poster_is_that_of_the_newest_job(records: Records) -> None:
    """Where there are several; a poster of a batch only where there is no other."""
    version = await records.version("cards")
    data = {"title": "Last"}
    picture = await records.picture(HTML, data)
    await records.poster(version, {"title": "Old"}, picture)
    newest = await records.poster(version, data, picture)
    await records.poster(version, {"title": "Batch"}, picture, total=2)

    [audited] = (await records.audit()).versions

    assert [each.poster for each in audited.inputs] == [None, newest]
    [without] = (await records.audit(jobs=1)).versions
    assert [each.poster for each in without.inputs] == [None, "job-3/0"]


async def test_versions_are_audited_in_pieces(records: Records) -> None:
    """`next` says where to go on; without `every` only active versions are audited."""
    for section in ("a", "b"):
        await records.version(section, active=False)
        await records.version(section)

    first = await records.audit(limit=1)
    second = await records.audit(limit=1, after=Numbered("a", 2))
    every = await records.audit(every=True)

    assert [version.template for version in first.versions] == ["a@2"]
    assert first.next == "a@2"
    assert [version.template for version in second.versions] == ["b@2"]
    assert second.next is None
    assert [version.template for version in every.versions] == ["a@1", "a@2", "b@1", "b@2"]


async def test_an_earlier_report_is_compared_by_text_and_picture(records: Records) -> None:
    """Of the samples and of the same last poster as then; the text may change where the picture does not."""
    version = await records.version("cards")
    data = {"title": "Last"}
    poster = await records.poster(version, data, await records.picture(HTML, data))
    before = await records.audit()
    await records.poster(version, {"title": "Newer"}, b"")

    same = await records.audit(before)
    [was] = before.versions
    changed = msgspec.structs.replace(was.inputs[0], text_sha256="0" * 64, images={"default": "0" * 64})
    other = await records.audit(
        msgspec.structs.replace(before, versions=[msgspec.structs.replace(was, inputs=[changed, was.inputs[1]])])
    )

    assert findings(same) == {"cards@1": [("same", ""), ("same", "")]}
    assert [each.poster for each in same.versions[0].inputs] == [None, poster]
    assert findings(other)["cards@1"] == [
        (
            "changed",
            "the text is not that of the earlier audit; default: the picture is not that of the earlier audit",
        ),
        ("same", ""),
    ]


async def test_the_command_lists_what_changes_and_ends_with_1(records: Records, tmp_path: Path) -> None:
    """A line for each input, or JSON that `--against` reads; nothing in the storage or the tables changes."""
    data = {"title": "Last"}
    await records.poster(await records.version("cards"), data, recolored(await records.picture(HTML, data)))
    objects = records.objects()
    runner = CliRunner(env=records.environment)

    listed = await asyncio.to_thread(lambda: runner.invoke(main, ["templates", "audit"]))
    printed = await asyncio.to_thread(lambda: runner.invoke(main, ["templates", "audit", "--json"]))
    (tmp_path / "report.json").write_text(printed.stdout, encoding="utf-8")
    arguments = ["templates", "audit", "--against", str(tmp_path / "report.json")]
    compared = await asyncio.to_thread(lambda: runner.invoke(main, arguments))

    assert [line.split("\t")[:3] for line in listed.stdout.splitlines()] == [
        ["cards@1", "samples", "uncompared"],
        ["cards@1", "job-1/0", "changed"],
    ]
    assert listed.stderr.endswith("posters: 1 of 1 versions change\n")
    assert json.loads(printed.stdout)["versions"][0]["inputs"][1]["verdict"] == "changed"
    assert compared.stdout.splitlines()[0].split("\t")[2] == "same"
    assert [listed.exit_code, printed.exit_code, compared.exit_code] == [1, 1, 1]
    assert records.objects() == objects
