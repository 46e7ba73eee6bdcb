"""Pages of the admin in Chromium: languages, widths, keyboard and screen readers; screenshots in out/test-artefacts."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from django_posters.contract.codec import decode
from django_posters.contract.outcomes import JobEvent
from django_posters.models import DeadLetterEvent, Job, OutboxEvent, Poster, TemplateCommand
from django_posters.results.outcomes import apply_job
from django_posters.template_uploads.commands import upload_template
from django_posters.template_uploads.upload import Upload
from playwright.sync_api import Browser, Page, expect
from testimonials import models

from django_posters import cancel_job, request_poster, request_posters
from django_tests.admin.pages import ADMIN, finish, previewed, tell
from django_tests.browsing import PICTURE, admin_page, keep, overflow, write_html
from django_tests.outcomes import NOW, job_event, version
from django_tests.site import Site, make_testimonial, until
from schemas.templates import Placeholder, TemplateError, TemplateRejected

ARTEFACTS = Path(__file__).parents[4] / "out" / "test-artefacts"
LISTS = ("poster", "job", "postertemplate", "templatecommand", "outboxevent", "deadletterevent")
VIEWS = [("light", "en", 1280), ("dark", "en", 1280), ("light", "de", 1280), ("dark", "de", 800)]


@pytest.fixture(params=VIEWS, ids=lambda view: "-".join(map(str, view)))
def view(request: pytest.FixtureRequest, chromium: Browser, site: Site) -> Iterator[tuple[Page, str]]:
    """A page of a superuser of one language, theme and width, and their names."""
    scheme, locale, width = request.param
    with admin_page(site, chromium, scheme=scheme, locale=locale) as opened:
        opened.set_viewport_size({"width": width, "height": 800})
        yield opened, f"{scheme}-{locale}-{width}"


@pytest.fixture
def page(chromium: Browser, site: Site) -> Iterator[Page]:
    """A page of a superuser."""
    with admin_page(site, chromium, scheme="light") as opened:
        yield opened


def test_pages_fit_their_window(view: tuple[Page, str]) -> None:
    """With long names, errors and addresses nothing is cut off, and lists have the width beside the sidebar."""
    page, names = view
    fill_the_site()
    one, two = uuid.UUID(int=1), uuid.UUID(int=2)
    pages = {
        "editor": f"postertemplate/{one}/change/",
        "compared": f"postertemplate/compare/?id={one}&id={two}",
        "command": f"templatecommand/{TemplateCommand.objects.get(state='rejected').pk}/change/",
        "poster": f"poster/{Poster.objects.get(status='failed').pk}/change/",
    }

    for name in LISTS:
        page.goto(f"{ADMIN}{name}/")
        found = overflow(page)
        if names.endswith("-800"):  # there a table may be scrolled, as Django's are
            assert [each for each in found if not each.startswith("DIV.results")] == [], name
            assert page.locator(".results").evaluate("results => results.clientWidth") >= 440, name
        else:
            assert found == [], name
        for picture in page.locator("#result_list .poster-thumbnail").all():
            assert (picture.bounding_box() or {})["height"] == 64
        keep(page, f"list-{name}-{names}", ARTEFACTS)
    for name, path in pages.items():
        page.goto(ADMIN + path)
        assert overflow(page) == [], name
        behind = "getComputedStyle(document.querySelector('.breadcrumbs')).backgroundColor"
        assert page.evaluate(behind) != "rgba(0, 0, 0, 0)", name
        keep(page, f"page-{name}-{names}", ARTEFACTS)


def fill_the_site() -> None:
    """Make rows of every kind, with the longest values that are usual."""
    done, failed = request_poster(make_testimonial()), request_poster(make_testimonial(author="Unlucky"))
    finish(done)
    finish(failed, "failed")
    long_url = "https://cdn.example.com/" + "very-long-path/" * 12 + "photo.png"
    Poster.objects.filter(pk=failed.pk).update(error_message=f"the asset {long_url} answered with status 404")
    request_posters(models.Testimonial.objects.all(), reuse=False)
    Poster.objects.update(alt="A long text about the picture. " * 20)
    photo = Placeholder(name="photo", data_type="image", sample_value="data:image/png;base64," + "A" * 4_000)
    names = [Placeholder(name=f"placeholder_number_{number}", sample_value="x") for number in range(12)]
    for number, kicker in ((1, "New"), (2, "Only today")):
        default = Placeholder(name="kicker", default=kicker, sample_value=kicker)
        tell(version(number, placeholders=[photo, default, *names], is_active=number == 2, active_from=NOW))
    row = upload_template(Upload(section="quote", name="quote", html="<p>\n{{ quote }</p>"))
    problem = TemplateError(code="template_syntax", message=f"{long_url} " * 2, line=2, column=7)
    tell(TemplateRejected(event_id=uuid.uuid4(), occurred_at=NOW, command_id=row.pk, section="quote", errors=[problem]))
    OutboxEvent.objects.filter(topic="template-commands").update(refused="Broker: message size too large " * 4)
    DeadLetterEvent.objects.create(
        topic="poster-completions", partition=1, offset=2_000_000_000, value=b"{", error=long_url, seen_at=NOW
    )


def test_links_and_bars_have_names(page: Page) -> None:
    """A screen reader names each link, button and bar of every list, also where it is a picture."""
    fill_the_site()
    done = {"state": "done", "url": PICTURE, "created_at": NOW, "template_id": uuid.UUID(int=1)}
    TemplateCommand.objects.create(command_id=uuid.uuid4(), kind="template.preview", section="testimonial", **done)

    for name in LISTS:
        page.goto(f"{ADMIN}{name}/")
        nameless = page.locator("#content").evaluate(
            """content => [...content.querySelectorAll("a, button, progress")].filter((element) =>
                !(element.textContent.trim() || element.getAttribute("aria-label") || element.title ||
                  [...element.querySelectorAll("img")].some((picture) => picture.alt)))
                .map((element) => element.outerHTML)"""
        )
        assert nameless == [], name


def test_differing_placeholder_stands_out(page: Page) -> None:
    """In the comparison the row of a changed default has a ground of its own."""
    fill_the_site()
    page.goto(f"{ADMIN}postertemplate/compare/?id={uuid.UUID(int=1)}&id={uuid.UUID(int=2)}")

    grounds = page.eval_on_selector_all(
        ".poster-placeholders tbody tr", "rows => rows.map((row) => getComputedStyle(row).backgroundColor)"
    )

    assert page.locator(".poster-differs").count() == 1
    assert grounds.count(page.locator(".poster-differs").evaluate("row => getComputedStyle(row).backgroundColor")) == 1


def test_finished_job_looks_finished(page: Page) -> None:
    """When a job ends, its status changes colour with its text, and it is not "to be cancelled" any more."""
    for author in ("Ada", "Maya"):
        make_testimonial(author=author)
    job = request_posters(models.Testimonial.objects.all())
    cancel_job(job)
    page.goto(ADMIN + "job/")
    expect(page.locator(".field-colored_status")).to_have_text("queued, to be cancelled")

    apply_job(decode(job_event(job.pk, 1, "cancelled", total_count=2, cancelled_count=2), JobEvent))

    expect(page.locator(".field-colored_status")).to_have_text("cancelled")
    expect(page.locator(".poster-status")).to_have_class("poster-status poster-is-cancelled")
    assert Job.objects.get().is_finished


def test_refused_fields_are_marked_and_led_to(page: Page) -> None:
    """An invalid form marks each of its fields, names one a line, and puts the cursor into the first."""
    page.goto(ADMIN + "postertemplate/add/")
    page.fill("[name=section]", "two words")
    page.click("[data-kind=upload]")

    expect(page.locator("[name=section]")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("[name=section]")).to_be_focused()
    assert (page.locator("output").text_content() or "").splitlines() == [
        "Section: Use 1 to 63 of a-z, 0-9, _ and -, starting with a letter or digit, not ending in _latest.",
        "HTML: Write the HTML, or choose a file.",
    ]

    page.fill("[name=section]", "quote")
    write_html(page, "<p>{{ quote }}</p>")
    page.click("[data-kind=upload]")
    until(TemplateCommand.objects.exists)
    expect(page.locator("[name=section]")).not_to_have_attribute("aria-invalid", "true")


def test_live_preview_says_what_it_needs_and_when_it_is_there(page: Page) -> None:
    """Without a section the box says so, and a drawn preview is announced, not only shown."""
    page.goto(ADMIN + "postertemplate/add/")
    page.check(".poster-live")
    write_html(page, "<p>{{ quote }}</p>")
    expect(page.locator("output")).to_have_text("Write the section: the preview is drawn for it.")

    page.fill("[name=section]", "quote")
    until(TemplateCommand.objects.exists)
    tell(previewed(TemplateCommand.objects.get().pk, PICTURE))

    expect(page.locator("output")).to_have_text("The preview is drawn.")
    expect(page.locator("[name=section]")).to_be_focused()


def test_logged_out_user_does_not_wait_for_good(page: Page) -> None:
    """When the session ends while a preview is waited for, the page says that no answer comes."""
    page.goto(ADMIN + "postertemplate/add/")
    page.fill("[name=section]", "quote")
    write_html(page, "<p>{{ quote }}</p>")
    page.click("[data-kind=preview]")
    until(TemplateCommand.objects.exists)

    page.context.clear_cookies()

    expect(page.locator("output .error")).to_have_text("The site does not answer.")


def test_refused_upload_is_corrected_in_the_editor(page: Page) -> None:
    """The page of a refused upload leads to the editor with its HTML, and the error stands beside its line."""
    fill_the_site()
    page.goto(f"{ADMIN}templatecommand/{TemplateCommand.objects.get(state='rejected').pk}/change/")

    page.click("text=Open in the editor")

    expect(page.locator("[name=section]")).to_have_value("quote")
    expect(page.locator(".CodeMirror-line").nth(1)).to_have_text("{{ quote }</p>")
    expect(page.locator(".poster-line-error")).to_contain_text("very-long-path")
    expect(page.locator("output .error")).to_contain_text("line 2, column 7")


def test_erasing_looks_like_deleting(page: Page) -> None:
    """What cannot be undone is a red button, as Django's own are, and what leads back is none."""
    done = request_poster(make_testimonial())
    finish(done)
    page.goto(f"{ADMIN}poster/{done.pk}/change/")
    page.click(".object-tools >> text=Erase its pictures")

    ground = "element => getComputedStyle(element).backgroundColor"
    assert page.locator(".delete-confirmation form input[type=submit]").evaluate(ground) == "rgb(186, 33, 33)"
    assert page.locator("form .cancel-link").evaluate(ground) != "rgb(186, 33, 33)"


def test_actions_are_on_the_page_of_the_row(page: Page) -> None:
    """A failed poster is requested again, and a job cancelled, by one click on its own page."""
    failed = request_poster(make_testimonial())
    finish(failed, "failed")
    page.goto(f"{ADMIN}poster/{failed.pk}/change/")
    page.click(".object-tools >> text=Ask again")
    expect(page.locator(".messagelist")).to_contain_text("1 poster is asked for again")

    newest = Poster.objects.get(status="queued")
    page.goto(f"{ADMIN}job/{newest.job_id}/change/")
    page.click(".object-tools >> text=Cancel what is left")
    expect(page.locator(".messagelist")).to_contain_text("1 job is to be cancelled")
    page.goto(f"{ADMIN}job/{newest.job_id}/change/")
    expect(page.locator(".object-tools")).not_to_contain_text("Cancel")
