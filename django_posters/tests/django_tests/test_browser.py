"""The admin and the example site in Chromium, in both themes; screenshots are saved in out/test-artefacts."""

import hashlib
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django_posters.contract.codec import decode
from django_posters.contract.outcomes import JobEvent, PosterOutcome
from django_posters.contract.templates import TemplateAnswer
from django_posters.models import Job, OutboxEvent, Poster, TemplateCommand
from django_posters.results.outcomes import apply_job, apply_outcome
from django_posters.results.template_results import apply_answer
from playwright.sync_api import Browser, Page, expect
from testimonials import models

from django_posters import request_poster, request_posters
from django_tests.browsing import PICTURE, admin_page, keep, write_html
from django_tests.outcomes import NOW, job_event, outcome, version
from django_tests.site import Site, make_testimonial, until
from schemas.codec import encode
from schemas.envelope import Envelope
from schemas.templates import Placeholder, TemplateError, TemplatePreviewed, TemplateRejected

ARTEFACTS = Path(__file__).parents[3] / "out" / "test-artefacts"
ADMIN = "/admin/posters/"


@pytest.fixture
def site(postgres_url: str) -> Iterator[Site]:
    """The site on PostgreSQL, without a broker."""
    with Site(database_url=postgres_url, broker="127.0.0.1:9") as site:
        yield site


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, chromium: Browser, site: Site) -> Iterator[Page]:
    """A page of a superuser, in each theme; an error in a script fails the test."""
    with admin_page(site, chromium, scheme=request.param) as opened:
        yield opened
        keep(opened, f"{request.node.originalname.removeprefix('test_')}-{request.param}", ARTEFACTS)


def sha256(html: str) -> str:
    return hashlib.sha256(html.encode()).hexdigest()


def finish(poster: Poster, status: str = "completed", **fields: Any) -> None:
    given = {"url": PICTURE} | fields if status == "completed" else fields
    event = outcome(poster.job_id, status, poster_index=poster.poster_index, **given)
    apply_outcome(decode(event, PosterOutcome))


def count(job: Job, revision: int, status: str = "processing", **counts: int) -> None:
    apply_job(decode(job_event(job.pk, revision, status, total_count=job.total_count, **counts), JobEvent))


def tell(event: Envelope) -> None:
    apply_answer(decode(encode(event), TemplateAnswer))


def contrast(page: Page, selector: str, text: str = "") -> float:
    """Return the contrast of the first such element with `text` and its background, as WCAG 2 defines it."""
    # Looked up where its style is read: the page replaces what it shows, and what it has replaced has no style.
    colors = page.wait_for_function(
        """([selector, text]) => {
            const element = [...document.querySelectorAll(selector)].find((each) => each.textContent.includes(text));
            if (!element) return null;
            let behind = element, ground;
            do { ground = getComputedStyle(behind).backgroundColor; behind = behind.parentElement; }
            while (behind && /, 0\\)$|^transparent$/.test(ground));
            return [getComputedStyle(element).color, ground];
        }""",
        arg=[selector, text],
    ).json_value()
    light, dark = sorted((_luminance(color) for color in colors), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    channels = [int(channel) / 255 for channel in re.findall(r"\d+", color)[:3]]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_posters(page: Page) -> None:
    """The list of posters shows images and readable statuses, and failed posters can be requested again."""
    done, failed = request_poster(make_testimonial()), request_poster(make_testimonial(author="Unlucky"))
    finish(done)
    finish(failed, "failed")

    page.goto(ADMIN + "poster/")
    drawn = page.eval_on_selector(".poster-thumbnail", "picture => picture.decode().then(() => picture.naturalWidth)")
    legible = [contrast(page, ".poster-status", status) for status in ("completed", "failed")]
    page.check("#action-toggle")
    page.select_option("select[name=action]", "retry")
    page.click("button[name=index]")
    expect(page.locator(".messagelist")).to_contain_text("1 poster is asked for again")

    assert drawn > 0
    assert min(legible) >= 4.5
    assert Poster.objects.filter(status="queued").count() == 1


def test_jobs(page: Page) -> None:
    """The bar of an unfinished job advances to its end without a reload."""
    for number in range(4):
        make_testimonial(author=f"Author {number}")
    job = request_posters(models.Testimonial.objects.all())
    page.goto(ADMIN + "job/")
    bar, counts = page.locator("progress"), page.locator(".poster-counts")
    expect(counts).to_have_text("0 / 0 / 0 / 4")

    count(job, 1, success_count=2, failure_count=1)
    expect(counts).to_have_text("2 / 1 / 0 / 4")
    halfway = bar.evaluate("bar => bar.position")
    count(job, 2, "completed", success_count=3, failure_count=1)

    expect(page.locator(".poster-status")).to_have_text("completed")
    assert (halfway, bar.evaluate("bar => bar.position")) == (0.75, 1)


def test_outbox(page: Page) -> None:
    """The outbox shows the age of its oldest event."""
    request_poster(make_testimonial())
    OutboxEvent.objects.update(created_at=NOW)

    page.goto(ADMIN + "outboxevent/")

    expect(page.locator("#content h1")).to_contain_text("is `manage.py relay_posters` running?")


def sent(kind: str) -> TemplateCommand:
    """Return the last command of this kind that the page sent."""
    commands = TemplateCommand.objects.filter(kind=kind, state="sent").order_by("-created_at")
    until(commands.exists)
    return commands[0]


def previewed(command: TemplateCommand) -> TemplatePreviewed:
    return TemplatePreviewed(
        event_id=uuid.uuid4(),
        occurred_at=NOW,
        command_id=command.pk,
        section=command.section,
        url=PICTURE,
        object_key="previews/a.png",
    )


def test_template_editor(page: Page) -> None:
    """A designer previews unsaved HTML, sees its errors, uploads it and activates it."""
    page.goto(ADMIN + "postertemplate/add/")
    page.fill("[name=section]", "quote")
    write_html(page, "<p>\n\n{{ quote }</p>")
    page.click("[data-kind=upload]")
    refused = sent("template.upload")
    problem = TemplateError(code="template_syntax", message="unexpected end", line=3, column=7)
    tell(
        TemplateRejected(
            event_id=uuid.uuid4(), occurred_at=NOW, command_id=refused.pk, section="quote", errors=[problem]
        )
    )
    expect(page.locator("output .error")).to_have_text("line 3, column 7: unexpected end")
    legible = min(contrast(page, "output .error"), contrast(page, ".poster-line-error"))
    beside = page.locator(".CodeMirror-code > div", has=page.locator(".poster-line-error"))
    expect(beside.locator(".poster-line-error")).to_have_text("unexpected end")
    expect(beside.locator(".CodeMirror-linenumber")).to_have_text("3")

    write_html(page, "<p>{{ quote }}</p>")
    page.fill("[name=custom_data]", '{"quote": "They just appear."}')
    page.click("[data-kind=preview]")
    tell(previewed(sent("template.preview")))
    expect(page.locator(".poster-preview")).to_be_visible()

    page.uncheck("[name=set_as_active]")
    page.click("[data-kind=upload]")
    quote = Placeholder(name="quote", sample_value="They just appear.", description="What was said.")
    content = {"section": "quote", "placeholders": [quote], "html_sha256": sha256("<p>{{ quote }}</p>")}
    tell(version(1, command_id=sent("template.upload").pk, **content))
    expect(page.locator(".poster-placeholders")).to_contain_text("They just appear.")
    expect(page.locator("[name=html]")).to_have_value("<p>{{ quote }}</p>")
    expect(page.locator(".CodeMirror-line")).to_have_text("<p>{{ quote }}</p>")
    # The page of a version draws the preview that the list shows.
    tell(previewed(sent("template.preview")))
    expect(page.locator(".poster-preview")).to_be_visible()

    page.click("[data-kind=activate]")
    command = sent("template.activate")
    tell(version(1, minutes=1, command_id=command.pk, is_active=True, active_from=NOW, **content))

    expect(page.locator("#content-main")).to_contain_text("quote_latest means this version")
    assert legible >= 4.5


def test_live_preview(page: Page) -> None:
    """While the box is ticked, a pause in typing draws what was typed, one preview at a time."""
    page.goto(ADMIN + "postertemplate/add/")
    page.fill("[name=section]", "quote")
    page.check(".poster-live")
    write_html(page, "<p>{{ quote }}</p>")

    first = sent("template.preview")
    write_html(page, "<b>{{ quote }}</b>")
    page.wait_for_timeout(2_000)  # longer than the pause; the first preview is still unanswered
    assert TemplateCommand.objects.count() == 1
    tell(previewed(first))

    second = sent("template.preview")
    tell(previewed(second))
    expect(page.locator(".poster-preview")).to_be_visible()
    assert TemplateCommand.objects.count() == 2
    assert "<b>" in bytes(OutboxEvent.objects.get(event_id=second.pk).value).decode()


def test_silence(page: Page) -> None:
    """A preview without an answer shows what to check, and a screen reader does not read it with every poll."""
    page.goto(ADMIN + "postertemplate/add/")
    page.fill("[name=section]", "quote")
    write_html(page, "<p>{{ quote }}</p>")
    page.click("[data-kind=preview]")
    sent("template.preview")

    TemplateCommand.objects.update(created_at=NOW)

    expect(page.locator("output")).to_contain_text("is `manage.py relay_posters` running")
    line = page.locator("output .warning").element_handle()
    for _ in range(2):  # when the second answer is there, the first one is shown
        page.wait_for_event("response", lambda answer: "/commands/" in answer.url)
    assert line.evaluate("line => line.isConnected")
    assert contrast(page, "output .warning") >= 4.5


def test_compared_versions(page: Page) -> None:
    """Two versions are drawn side by side without a click, with their own samples, then with the same data."""
    for number in (1, 2):
        tell(version(number, placeholders=[Placeholder(name="quote", sample_value="They just appear.")]))
    page.goto(ADMIN + "postertemplate/")
    page.check("#action-toggle")
    page.select_option("select[name=action]", "compare")
    page.click("button[name=index]")
    for _ in range(2):
        tell(previewed(sent("template.preview")))

    pictures = page.locator(".poster-compared img")
    for index in range(2):
        expect(pictures.nth(index)).to_be_visible()
    left, right = (pictures.nth(index).bounding_box() for index in range(2))
    assert left is not None
    assert right is not None
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]

    page.fill("[name=custom_data]", '{"quote": "Both."}')
    page.click("#compared button")
    until(lambda: TemplateCommand.objects.count() == 4)
    drawn_again = OutboxEvent.objects.order_by("-id")[:2]
    assert all('"Both."' in bytes(event.value).decode() for event in drawn_again)


def test_poster_appears_on_a_page(page: Page) -> None:
    """After the form is sent the page shows the placeholder, then the poster, without a reload or a layout shift."""
    page.goto("/new/")
    for name, value in (("author", "Ada"), ("quote", "It works."), ("rating", "5")):
        page.fill(f"[name={name}]", value)
    page.click("main button")
    picture = page.locator("figure img")
    expect(picture).to_have_attribute("src", re.compile("^data:"))
    page.wait_for_load_state()
    before = picture.bounding_box()

    finish(Poster.objects.get())

    expect(picture).to_have_attribute("src", PICTURE)
    assert picture.bounding_box() == before
    expect(page.locator("output")).to_have_text("1 of 1 made")


def test_batch_button(page: Page) -> None:
    """The button requests all posters as one job; the bar advances, and at the end the page shows the posters."""
    for number in range(4):
        make_testimonial(author=f"Author {number}")
    page.goto("/")
    page.click("text=New posters of all")
    expect(page.locator("output")).to_have_text("0 of 4")
    job = Job.objects.get()

    count(job, 1, success_count=3)
    expect(page.locator("output")).to_have_text("3 of 4")
    for poster in job.posters.all():
        finish(poster)
    count(job, 2, "completed", success_count=4)

    expect(page.locator(f'li img[src="{PICTURE}"]')).to_have_count(4)
