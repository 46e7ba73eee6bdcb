"""Admin of templates: upload, edit, preview, compare, activate and archive, all by commands over Kafka."""

import uuid
from typing import Any, ClassVar, Final

import orjson
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.forms import Media, Script
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from django_posters.errors import RequestError
from django_posters.models import PosterTemplate, TemplateCommand
from django_posters.signing import readable_address
from django_posters.template_uploads import commands
from django_posters.template_uploads.upload import Upload

from .editor_form import OTHER_SITES, EditorForm, InvalidFormError
from .filters import OwnerFilter
from .pictures import shortened
from .read_only import ReadOnlyAdmin

MAX_COMPARED: Final = 4
"""Limit of versions on the comparison page."""
MAX_NAMES: Final = 5
"""Limit of placeholders that the list names."""
MAX_DRAWN: Final = 50
"""Limit of previews that one action requests."""
CODEMIRROR: Final = ("codemirror", "xml", "css", "javascript", "htmlmixed", "overlay")
"""Files of the code editor, in the order in which they depend on each other."""
EDITOR_MEDIA: Final = Media(
    css={"all": ["posters/codemirror/codemirror.css"]}, js=[f"posters/codemirror/{name}.js" for name in CODEMIRROR]
)


@admin.register(PosterTemplate)
class TemplateAdmin(ReadOnlyAdmin):
    """Template versions of all sections."""

    list_display = ("thumbnail", "__str__", "name", "is_active", "size", "placeholder_names", "reported_at")
    list_display_links = ("thumbnail", "__str__")
    list_filter = ("is_active", "section", ("owner", OwnerFilter))
    search_fields = ("section", "name")
    ordering = ("section", "-version")
    actions = ("compare", "draw")
    change_form_template = "admin/posters/editor.html"

    class Media:
        """The script that sends commands and polls for answers, the editor that it uses, and styles."""

        css: ClassVar = {"all": ["posters/admin.css"]}
        js: ClassVar = [Script(f"posters/{name}.js", type="module") for name in ("code_editor", "admin_templates")]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether the user has Django's permission to add templates, which ReadOnlyAdmin denies."""
        return admin.ModelAdmin.has_add_permission(self, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PosterTemplate]:
        """Add the newest preview of each version, and defer the HTML, which lists do not show."""
        previews = TemplateCommand.objects.filter(template=OuterRef("pk"), kind="template.preview").exclude(url="")
        newest = Subquery(previews.order_by("-created_at").values("url")[:1])
        templates: QuerySet[PosterTemplate] = super().get_queryset(request)
        return templates.defer("html_content").annotate(preview=newest)

    def get_urls(self) -> list[URLPattern]:
        """Add the views for commands, answers and the comparison."""
        view = self.admin_site.admin_view
        return [
            path("commands/", view(require_POST(self.command_view)), name="posters_template_command"),
            path("commands/<uuid:command_id>/", view(self.answer_view), name="posters_template_answer"),
            path("compare/", view(self.compare_view), name="posters_template_compare"),
            *super().get_urls(),
        ]

    @admin.display(description=_("preview"))
    def thumbnail(self, template: PosterTemplate) -> SafeString | str:
        """Show the newest preview of the version."""
        url = _preview_of(template)
        # Within a link the picture is its only text.
        img = '<img src="{}" class="poster-thumbnail" alt="{}" loading="lazy">'
        return format_html(img, url, template) if url else "–"

    @admin.display(description=_("size"))
    def size(self, template: PosterTemplate) -> str:
        """Show the size in CSS pixels."""
        return f"{template.width} × {template.height}"

    @admin.display(description=_("placeholders"))
    def placeholder_names(self, template: PosterTemplate) -> str:
        """Show the names of the first placeholders, and how many there are if that is more."""
        names = [item["name"] for item in template.placeholders]
        more = f", … ({len(names)})" if len(names) > MAX_NAMES else ""
        return ", ".join(names[:MAX_NAMES]) + more

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Show an empty editor, or one with the HTML of a command that was refused."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        refused = TemplateCommand.objects.filter(pk=_uuid(request.GET.get("command", ""))).first()
        return self._editor(request, None, refused)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the editor of a version. Saving creates the next version."""
        template = self.get_object(request, object_id)
        if template is None:
            raise Http404(f"there is no template {object_id}")
        if not self.has_view_permission(request, template):
            raise PermissionDenied
        return self._editor(request, template)

    def _editor(
        self, request: HttpRequest, template: PosterTemplate | None, refused: TemplateCommand | None = None
    ) -> HttpResponse:
        initial: dict[str, Any] = {"set_as_active": True, "custom_data": {}, "output": {}}
        if template is not None:
            same = ("section", "name", "width", "height", "javascript", "output")
            initial |= {name: getattr(template, name) for name in same}
            initial |= {"html": template.html_content, "custom_data": template.own_samples, "set_as_active": False}
        if refused is not None:
            initial |= {"section": refused.section, "html": refused.html_content}
        title = (
            gettext("Template %(name)s") % {"name": template} if template is not None else gettext("Upload a template")
        )
        context = self._context(request, title) | {
            "form": EditorForm(initial=initial),
            "template": template,
            "preview": _preview_of(template) if template is not None else "",
            "placeholders": [_shown(item) for item in template.placeholders] if template is not None else [],
            "errors": refused.errors if refused is not None else [],
            "texts": _texts(),
            "halves": ("section", "name", "width", "height", "set_as_active", "javascript"),
            "may_send": self.has_add_permission(request),
            "media": EDITOR_MEDIA + self.media,
        }
        return TemplateResponse(request, "admin/posters/editor.html", context)

    def compare_view(self, request: HttpRequest) -> HttpResponse:
        """Show versions side by side, each with its own samples and defaults, or all with the same data."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        ids = [_uuid(text) for text in request.GET.getlist("id")[:MAX_COMPARED]]
        templates = list(PosterTemplate.objects.filter(pk__in=ids).order_by("section", "version"))
        title = gettext(" and ").join(str(template) for template in templates)
        context = self._context(request, gettext("Compare %(names)s") % {"names": title}) | {
            "templates": templates,
            "placeholders": _compared(templates),
            "may_send": self.has_add_permission(request),
            "texts": _texts(),
        }
        return TemplateResponse(request, "admin/posters/compare.html", context)

    @admin.action(description=_("Compare selected versions side by side"), permissions=["view"])
    def compare(self, request: HttpRequest, queryset: QuerySet[PosterTemplate]) -> HttpResponse | None:
        """Redirect to the comparison page."""
        ids = [str(pk) for pk in queryset.values_list("pk", flat=True)[: MAX_COMPARED + 1]]
        if not 2 <= len(ids) <= MAX_COMPARED:
            self.message_user(
                request, gettext("Select 2 to %(count)d versions.") % {"count": MAX_COMPARED}, messages.WARNING
            )
            return None
        address = reverse(f"{self.admin_site.name}:posters_template_compare")
        return HttpResponseRedirect(f"{address}?{'&'.join(f'id={pk}' for pk in ids)}")

    @admin.action(description=_("Draw previews of selected versions"), permissions=["add"])
    def draw(self, request: HttpRequest, queryset: QuerySet[PosterTemplate]) -> None:
        """Request a preview of each version with its samples, which the list then shows."""
        templates = list(queryset[:MAX_DRAWN])
        for template in templates:
            commands.preview_template(template.section, template=template)
        text = ngettext(
            "%(count)d preview is asked for; reload the page to see it.",
            "%(count)d previews are asked for; reload the page to see them.",
            len(templates),
        )
        self.message_user(request, text % {"count": len(templates)})

    def command_view(self, request: HttpRequest) -> JsonResponse:
        """Send a command for the page, and return the URL of its answer."""
        if not self.has_add_permission(request):
            return JsonResponse(
                {"errors": [{"message": gettext("You may look at templates, but not change them.")}]}, status=403
            )
        try:
            command = self._send(request)
        except InvalidFormError as error:
            return JsonResponse({"errors": error.problems}, status=400)
        except RequestError as error:
            return JsonResponse({"errors": [{"message": str(error)}]}, status=400)
        address = reverse(f"{self.admin_site.name}:posters_template_answer", args=[command.pk])
        return JsonResponse({"answer": address})

    def _send(self, request: HttpRequest) -> TemplateCommand:
        kind = request.POST.get("kind", "")
        if kind in ("upload", "preview"):
            return _send_form(kind, EditorForm(request.POST, request.FILES), _template(request))
        template = _template(request)
        if template is None:
            raise RequestError(gettext("there is no such template; reload the page"))
        if kind == "compare":
            return commands.preview_template(template.section, template=template, custom_data=_data(request))
        simple = {
            "activate": commands.activate_template,
            "archive": commands.archive_template,
            "get": commands.describe_template,
        }
        if kind not in simple:
            raise RequestError(gettext("there is no command %(kind)s; reload the page") % {"kind": repr(kind)})
        return simple[kind](template)

    def answer_view(self, request: HttpRequest, command_id: uuid.UUID) -> JsonResponse:
        """Return the state of a command, and after 30 s without an answer what to check."""
        command = TemplateCommand.objects.filter(pk=command_id).first()
        if command is None or not self.has_view_permission(request):
            raise Http404(f"there is no command {command_id}")
        version = command.template_id
        return JsonResponse(
            {
                "state": command.state,
                "url": command.url,
                "errors": command.errors,
                "warnings": command.warnings,
                "advice": commands.advice(command, timezone.now()),
                "page": reverse(f"{self.admin_site.name}:posters_postertemplate_change", args=[version])
                if version is not None
                else "",
            }
        )

    def _context(self, request: HttpRequest, title: str) -> dict[str, Any]:
        return self.admin_site.each_context(request) | {"title": title, "opts": self.opts, "media": self.media}


def _preview_of(template: PosterTemplate) -> str:
    # The annotation is the address of the storage.
    return readable_address(getattr(template, "preview", "") or "")


def _template(request: HttpRequest) -> PosterTemplate | None:
    return PosterTemplate.objects.filter(pk=_uuid(request.POST.get("template", ""))).first()


def _send_form(kind: str, form: EditorForm, edited: PosterTemplate | None) -> TemplateCommand:
    if not form.is_valid():
        raise InvalidFormError(form)
    given = form.cleaned_data
    size = {name: given[name] for name in ("width", "height") if given[name] is not None}
    if kind == "preview":
        return commands.preview_template(
            given["section"],
            html=given["html"],
            custom_data=given["custom_data"],
            output=(given["output"] or {}) | size,
            javascript=given["javascript"],
        )
    return commands.upload_template(
        Upload(
            section=given["section"],
            name=given["name"] or given["section"],
            html=given["html"],
            set_as_active=given["set_as_active"],
            width=given["width"],
            height=given["height"],
            output=given["output"],
            javascript=given["javascript"],
            placeholders=_declarations(given["custom_data"] or {}, edited),
            **OTHER_SITES[given["other_sites"]],
        )
    )


def _declarations(samples: dict[str, Any], edited: PosterTemplate | None) -> list[dict[str, Any]] | None:
    """Return the sample data as declarations, with the descriptions of the version that was edited."""
    known = {item["name"]: item["description"] for item in edited.placeholders} if edited is not None else {}
    names = [name for name in samples.keys() | known.keys() if samples.get(name) is not None or known.get(name)]
    declared = []
    for name in sorted(names):
        item: dict[str, Any] = {"name": name}
        if samples.get(name) is not None:
            item["sample_value"] = samples[name]
        if known.get(name):
            item["description"] = known[name]
        declared.append(item)
    return declared or None


def _shown(item: dict[str, Any]) -> dict[str, Any]:
    short = {name: "" if item[name] is None else shortened(item[name]) for name in ("default", "sample_value")}
    return item | short


def _compared(templates: list[PosterTemplate]) -> list[dict[str, Any]]:
    """Return a row for each placeholder: its default and sample in every version, and whether they differ."""
    names = dict.fromkeys(item["name"] for template in templates for item in template.placeholders)
    by_version = [{item["name"]: _shown(item) for item in template.placeholders} for template in templates]
    whole = [{item["name"]: item for item in template.placeholders} for template in templates]
    return [
        {
            "name": name,
            "versions": [version.get(name) for version in by_version],
            "differs": any(version.get(name) != whole[0].get(name) for version in whole),
        }
        for name in names
    ]


def _texts() -> dict[str, str]:
    """Return the texts of the script in the language of the request."""
    return {
        "sent": gettext("Sent. Waiting for the answer …"),
        "silent": gettext("The site does not answer."),
        "drawn": gettext("The preview is drawn."),
        "section": gettext("Write the section: the preview is drawn for it."),
        "place": gettext("line {line}, column {column}: "),
    }


def _data(request: HttpRequest) -> dict[str, Any]:
    try:
        data = orjson.loads(request.POST.get("custom_data") or "{}")
    except orjson.JSONDecodeError as error:
        raise RequestError(gettext("Sample data: this is no JSON: %(reason)s") % {"reason": error}) from error
    if not isinstance(data, dict):
        raise RequestError(gettext('Sample data: write an object, such as {"name": "value"}'))
    return data


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.UUID(int=0)
