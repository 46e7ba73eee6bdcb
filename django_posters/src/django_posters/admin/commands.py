"""Admin of template commands: what was uploaded, and why something was refused."""

from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from django_posters.labels import COMMANDS
from django_posters.models import TemplateCommand
from django_posters.template_uploads.commands import advice

from .filters import KindFilter
from .read_only import ReadOnlyAdmin, Text, colored, page_link


@admin.register(TemplateCommand)
class CommandAdmin(ReadOnlyAdmin):
    """Commands of this site to the templates role with their answers, newest first."""

    list_display = ("colored_state", "command", "section", "reasons", "created_at")
    list_filter = ("state", ("kind", KindFilter), "section")
    ordering = ("-created_at",)
    date_hierarchy = "created_at"
    show_full_result_count = False
    fields = (
        "colored_state",
        "command",
        "section",
        "reasons",
        "of_template",
        "picture",
        "created_at",
        "answered_at",
        "html",
    )
    readonly_fields = ("colored_state", "command", "reasons", "of_template", "picture", "html")

    class Media:
        """Styles."""

        css: ClassVar = {"all": ["posters/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[TemplateCommand]:
        """Defer the HTML, which lists do not show."""
        return super().get_queryset(request).defer("html_content")

    def page_links(self, request: HttpRequest, row: TemplateCommand) -> list[tuple[str, Text]]:
        """Lead to the editor with the HTML that was refused."""
        if not row.html_content or not request.user.has_perm("posters.add_postertemplate"):
            return []
        address = reverse(f"{self.admin_site.name}:posters_postertemplate_add")
        return [(f"{address}?command={row.pk}", _("Open in the editor"))]

    @admin.display(description=_("state"), ordering="state")
    def colored_state(self, command: TemplateCommand) -> SafeString:
        """Show the state in its colour."""
        return colored(command.state)

    @admin.display(description=_("command"), ordering="kind")
    def command(self, command: TemplateCommand) -> str:
        """Show the kind."""
        return str(COMMANDS.get(command.kind, command.kind))

    @admin.display(description=_("errors and warnings"))
    def reasons(self, command: TemplateCommand) -> SafeString | str:
        """Show what was refused or warned of, with line and column, or what to check where no answer came."""
        problems = [*command.errors, *command.warnings]
        if not problems:
            return advice(command, timezone.now())
        return format_html_join(SafeString("<br>"), "{}", ((_line(problem),) for problem in problems))

    @admin.display(description=_("template"))
    def of_template(self, command: TemplateCommand) -> SafeString | str:
        """Link to the version that the command made or was about."""
        if command.template_id is None:
            return "–"
        return page_link(self.admin_site, "posters_postertemplate", command.template_id, command.section)

    @admin.display(description=_("preview"))
    def picture(self, command: TemplateCommand) -> SafeString | str:
        """Show the image of a preview."""
        img = '<img src="{}" class="poster-picture" alt="{}">'
        return format_html(img, command.url, command) if command.url else "–"

    @admin.display(description=_("HTML"))
    def html(self, command: TemplateCommand) -> SafeString | str:
        """Show the HTML of a refused upload, with the lines that the errors name."""
        lines = command.html_content.splitlines()
        if not lines:
            return "–"
        numbered = "\n".join(f"{number:>4}  {line}" for number, line in enumerate(lines, 1))
        return format_html('<pre class="poster-event">{}</pre>', numbered)


def _line(problem: dict[str, object]) -> str:
    if problem.get("line") is None:
        return f"{problem['code']}: {problem['message']}"
    return f"{problem['line']}:{problem['column']}: {problem['code']}: {problem['message']}"
