"""The form of the template editor."""

import json
from typing import Any, Final

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_posters.contract.limits import TEMPLATE_HTML_MAX_BYTES, TEMPLATE_NAME_MAX_CHARACTERS
from django_posters.contract.references import is_section
from django_posters.errors import RequestError

OTHER_SITES: Final[dict[str, dict[str, bool | None]]] = {
    "": {"shared": None, "private": None},
    "use": {"shared": False, "private": False},
    "change": {"shared": True, "private": False},
    "nothing": {"shared": False, "private": True},
}
"""What an upload says of its section, for each choice."""


class IndentedJSONField(forms.JSONField):
    """JSON for people: with a line for each value, and with letters that are not ASCII as they are."""

    def prepare_value(self, value: Any) -> Any:
        """Indent what is edited; what was typed stays as it is."""
        if not isinstance(value, dict):
            return super().prepare_value(value)
        return json.dumps(value, indent=2, ensure_ascii=False)


class EditorForm(forms.Form):
    """The fields of the template editor."""

    required_css_class = "required"

    section = forms.CharField(max_length=63, label=_("Section"))
    name = forms.CharField(max_length=TEMPLATE_NAME_MAX_CHARACTERS, required=False, label=_("Name"))
    width = forms.IntegerField(min_value=1, required=False, label=_("Width"), help_text=_("CSS pixels."))
    height = forms.IntegerField(min_value=1, required=False, label=_("Height"), help_text=_("CSS pixels."))
    set_as_active = forms.BooleanField(required=False, label=_("Make it active"))
    javascript = forms.BooleanField(required=False, label=_("Run its JavaScript"))
    other_sites = forms.ChoiceField(
        choices=[
            ("", _("as it is")),
            ("use", _("may use it")),
            ("change", _("may use and change it")),
            ("nothing", _("may not use it")),
        ],
        required=False,
        label=_("Other sites"),
        help_text=_("For all versions of the section, which belongs to the site of its first upload."),
    )
    output = IndentedJSONField(
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "class": "poster-html"}),
        required=False,
        label=_("Output"),
        help_text=_("Format, scale or variants of its posters as JSON."),
    )
    file = forms.FileField(required=False, label=_("File"), help_text=_("Instead of the HTML below."))
    html = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "false", "class": "poster-html"}),
        required=False,
        label="HTML",
    )
    custom_data = IndentedJSONField(
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "class": "poster-html"}),
        required=False,
        label=_("Sample data"),
        help_text=_(
            "Data of the preview as JSON, saved as the samples of the next version. What is missing has its default."
        ),
    )

    def clean_section(self) -> str:
        """Check the name."""
        section = str(self.cleaned_data["section"])
        if not is_section(section):
            raise forms.ValidationError(
                gettext("Use 1 to 63 of a-z, 0-9, _ and -, starting with a letter or digit, not ending in _latest.")
            )
        return section

    def clean_custom_data(self) -> dict[str, Any] | None:
        """Check that the sample data is an object."""
        return _object(self.cleaned_data["custom_data"])

    def clean_output(self) -> dict[str, Any] | None:
        """Check that the output is an object."""
        return _object(self.cleaned_data["output"])

    def clean(self) -> dict[str, Any]:
        """Use the content of an uploaded file as the HTML."""
        cleaned: dict[str, Any] = self.cleaned_data
        file = cleaned.get("file")
        if file is not None:
            if file.size > TEMPLATE_HTML_MAX_BYTES:
                text = gettext("It has %(size)s bytes; %(limit)s are allowed.")
                self.add_error("file", text % {"size": f"{file.size:,}", "limit": f"{TEMPLATE_HTML_MAX_BYTES:,}"})
                return cleaned
            try:
                cleaned["html"] = file.read().decode("utf-8")
            except UnicodeDecodeError:
                self.add_error("file", gettext("It is not UTF-8 text."))
        if not cleaned.get("html"):
            self.add_error("html", gettext("Write the HTML, or choose a file."))
        return cleaned


class InvalidFormError(RequestError):
    """Raised for fields that are refused; `problems` has the name and the message of each."""

    def __init__(self, form: EditorForm) -> None:
        """Take the errors of a form that is not valid."""
        self.problems = [
            {"field": name, "message": f"{form[name].label}: {error}"}
            for name, errors in form.errors.items()
            for error in errors
        ]
        super().__init__("; ".join(problem["message"] for problem in self.problems))


def _object(value: Any) -> dict[str, Any] | None:
    if value is not None and not isinstance(value, dict):
        raise forms.ValidationError(gettext('Write an object, such as {"name": "value"}.'))
    return value
