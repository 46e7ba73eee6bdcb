"""Admin of templates: upload, edit, preview, compare, activate and archive, all by commands over Kafka."""

import uuid
from typing import Any, ClassVar, Final

import orjson
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import Script
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from django_posters.contract.limits import TEMPLATE_HTML_MAX_BYTES, TEMPLATE_NAME_MAX_CHARACTERS
from django_posters.contract.references import is_section
from django_posters.errors import RequestError
from django_posters.models import PosterTemplate, TemplateCommand
from django_posters.template_uploads import commands
from django_posters.template_uploads.upload import Upload

from .read_only import ReadOnlyAdmin

MAX_COMPARED: Final = 4
"""Limit of versions on the comparison page."""


class EditorForm(forms.Form):
    """The fields of the template editor."""

    section = forms.CharField(max_length=63)
    name = forms.CharField(max_length=TEMPLATE_NAME_MAX_CHARACTERS, required=False)
    width = forms.IntegerField(min_value=1, required=False)
    height = forms.IntegerField(min_value=1, required=False)
    set_as_active = forms.BooleanField(required=False)
    file = forms.FileField(required=False, help_text="Instead of the HTML below.")
    html = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "false", "class": "poster-html"}),
        required=False,
        label="HTML",
    )
    custom_data = forms.JSONField(
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "class": "poster-html"}),
        required=False,
        label="Sample data",
        help_text="Data of the preview as JSON; if empty, the sample values of the placeholders.",
    )

    def clean_section(self) -> str:
        """Check the name."""
        section = str(self.cleaned_data["section"])
        if not is_section(section):
            raise forms.ValidationError("Use 1 to 63 of a-z, 0-9, _ and -, not ending in _latest.")
        return section

    def clean_custom_data(self) -> dict[str, Any] | None:
        """Check that the sample data is an object."""
        data = self.cleaned_data["custom_data"]
        if data is not None and not isinstance(data, dict):
            raise forms.ValidationError('Write an object, such as {"name": "value"}.')
        return data

    def clean(self) -> dict[str, Any]:
        """Use the content of an uploaded file as the HTML."""
        cleaned: dict[str, Any] = self.cleaned_data
        file = cleaned.get("file")
        if file is not None:
            if file.size > TEMPLATE_HTML_MAX_BYTES:
                self.add_error("file", f"It has {file.size:,} bytes; {TEMPLATE_HTML_MAX_BYTES:,} are allowed.")
                return cleaned
            try:
                cleaned["html"] = file.read().decode("utf-8")
            except UnicodeDecodeError:
                self.add_error("file", "It is not UTF-8 text.")
        if not cleaned.get("html"):
            self.add_error("html", "Write the HTML, or choose a file.")
        return cleaned


@admin.register(PosterTemplate)
class TemplateAdmin(ReadOnlyAdmin):
    """Template versions of all sections."""

    list_display = ("__str__", "name", "is_active", "size", "placeholder_names", "archived_at", "reported_at")
    list_filter = ("is_active", "section")
    search_fields = ("section", "name")
    ordering = ("section", "-version")
    actions = ("compare",)
    change_form_template = "admin/posters/editor.html"

    class Media:
        """The script that sends commands and polls for answers, and styles."""

        css: ClassVar = {"all": ["posters/admin.css"]}
        js: ClassVar = [Script("posters/admin_templates.js", type="module")]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether the user has Django's permission to add templates, which ReadOnlyAdmin denies."""
        return admin.ModelAdmin.has_add_permission(self, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PosterTemplate]:
        """Defer the HTML, which lists do not show."""
        return super().get_queryset(request).defer("html_content")

    def get_urls(self) -> list[URLPattern]:
        """Add the views for commands, answers and the comparison."""
        view = self.admin_site.admin_view
        return [
            path("commands/", view(require_POST(self.command_view)), name="posters_template_command"),
            path("commands/<uuid:command_id>/", view(self.answer_view), name="posters_template_answer"),
            path("compare/", view(self.compare_view), name="posters_template_compare"),
            *super().get_urls(),
        ]

    @admin.display(description="size")
    def size(self, template: PosterTemplate) -> str:
        """Show the size in CSS pixels."""
        return f"{template.width} × {template.height}"

    @admin.display(description="placeholders")
    def placeholder_names(self, template: PosterTemplate) -> str:
        """Show the names of the placeholders."""
        return ", ".join(item["name"] for item in template.placeholders)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Show an empty editor."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._editor(request, None)

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

    def _editor(self, request: HttpRequest, template: PosterTemplate | None) -> HttpResponse:
        initial: dict[str, Any] = {"set_as_active": True, "custom_data": {}}
        if template is not None:
            initial |= {name: getattr(template, name) for name in ("section", "name", "width", "height")}
            initial |= {"html": template.html_content, "custom_data": template.samples, "set_as_active": False}
        title = f"Template {template}" if template is not None else "Upload a template"
        context = self._context(request, title) | {
            "form": EditorForm(initial=initial),
            "template": template,
            "may_send": self.has_add_permission(request),
        }
        return TemplateResponse(request, "admin/posters/editor.html", context)

    def compare_view(self, request: HttpRequest) -> HttpResponse:
        """Show versions side by side, rendered with the same data."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        ids = [_uuid(text) for text in request.GET.getlist("id")[:MAX_COMPARED]]
        templates = list(PosterTemplate.objects.filter(pk__in=ids).order_by("section", "version"))
        samples: dict[str, Any] = {}
        for template in templates:
            samples = template.samples | samples
        title = " and ".join(str(template) for template in templates)
        context = self._context(request, f"Compare {title}") | {
            "templates": templates,
            "custom_data": orjson.dumps(samples, option=orjson.OPT_INDENT_2).decode(),
        }
        return TemplateResponse(request, "admin/posters/compare.html", context)

    @admin.action(description="Compare selected versions side by side", permissions=["view"])
    def compare(self, request: HttpRequest, queryset: QuerySet[PosterTemplate]) -> HttpResponse | None:
        """Redirect to the comparison page."""
        ids = [str(pk) for pk in queryset.values_list("pk", flat=True)[: MAX_COMPARED + 1]]
        if not 2 <= len(ids) <= MAX_COMPARED:
            self.message_user(request, f"Select 2 to {MAX_COMPARED} versions.", messages.WARNING)
            return None
        address = reverse(f"{self.admin_site.name}:posters_template_compare")
        return HttpResponseRedirect(f"{address}?{'&'.join(f'id={pk}' for pk in ids)}")

    def command_view(self, request: HttpRequest) -> JsonResponse:
        """Send a command for the page, and return the URL of its answer."""
        if not self.has_add_permission(request):
            return JsonResponse(
                {"errors": [{"message": "You may look at templates, but not change them."}]}, status=403
            )
        try:
            command = self._send(request)
        except RequestError as error:
            return JsonResponse({"errors": [{"message": str(error)}]}, status=400)
        address = reverse(f"{self.admin_site.name}:posters_template_answer", args=[command.pk])
        return JsonResponse({"answer": address})

    def _send(self, request: HttpRequest) -> TemplateCommand:
        kind = request.POST.get("kind", "")
        if kind in ("upload", "preview"):
            return _send_form(kind, EditorForm(request.POST, request.FILES))
        template = PosterTemplate.objects.filter(pk=_uuid(request.POST.get("template", ""))).first()
        if template is None:
            raise RequestError("there is no such template; reload the page")
        if kind == "compare":
            return commands.preview_template(template.section, template=template, custom_data=_data(request))
        simple = {
            "activate": commands.activate_template,
            "archive": commands.archive_template,
            "get": commands.describe_template,
        }
        if kind not in simple:
            raise RequestError(f"there is no command {kind!r}; reload the page")
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


def _send_form(kind: str, form: EditorForm) -> TemplateCommand:
    if not form.is_valid():
        problems = (f"{form[name].label}: {error}" for name, errors in form.errors.items() for error in errors)
        raise RequestError("; ".join(problems))
    given = form.cleaned_data
    size = {name: given[name] for name in ("width", "height") if given[name] is not None}
    if kind == "preview":
        return commands.preview_template(
            given["section"], html=given["html"], custom_data=given["custom_data"], output=size
        )
    return commands.upload_template(
        Upload(
            section=given["section"],
            name=given["name"] or given["section"],
            html=given["html"],
            set_as_active=given["set_as_active"],
            width=given["width"],
            height=given["height"],
        )
    )


def _data(request: HttpRequest) -> dict[str, Any]:
    try:
        data = orjson.loads(request.POST.get("custom_data") or "{}")
    except orjson.JSONDecodeError as error:
        raise RequestError(f"Sample data: this is no JSON: {error}") from error
    if not isinstance(data, dict):
        raise RequestError('Sample data: write an object, such as {"name": "value"}')
    return data


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.UUID(int=0)
