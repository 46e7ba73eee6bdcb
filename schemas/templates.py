"""Template commands, and the events that answer them."""

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from uuid import UUID

from .envelope import Envelope
from .fields import JsonObject, Positive, Source, Text, Timestamp, check_json
from .outcomes import Sha256

DataType = Literal["text", "number", "url", "image", "color", "date", "boolean", "rating", "list", "object"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """A value that a template takes from `custom_data`.

    A value of another type is refused where the type is `exact`; else the type is a guess from how the template uses
    the value, and any value is taken.
    """

    name: str
    data_type: DataType = "text"
    required: bool = True
    default: Any = None
    sample_value: Any = None
    description: str = ""
    exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceholderDeclaration:
    """What an upload says of one placeholder; what is None is taken from the template itself."""

    name: Text
    data_type: DataType | None = None
    required: bool | None = None
    default: Any = None
    sample_value: Any = None
    description: Text | None = None

    def __post_init__(self) -> None:
        check_json(self.default, "default")
        check_json(self.sample_value, "sample_value")


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateUpload(Envelope):
    """A new template, or the next version of a known one. Limits are answered by `template.rejected`.

    The section belongs to the `source` of its first upload. `shared`: commands of every source are executed; `private`:
    requests of other sources do not find its templates. None leaves both as they are.
    """

    type: Literal["template.upload"] = "template.upload"
    section: str
    name: str
    html_content: str
    set_as_active: bool = False
    placeholders: list[PlaceholderDeclaration] | None = None
    width: int | None = None
    height: int | None = None
    output: JsonObject | None = None
    javascript: bool = False
    shared: bool | None = None
    private: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateUpdate(Envelope):
    """The next version of the template that `template_id` is any version of; a field that is None stays as it was."""

    type: Literal["template.update"] = "template.update"
    section: str
    template_id: str
    name: str | None = None
    html_content: str | None = None
    set_as_active: bool | None = None
    placeholders: list[PlaceholderDeclaration] | None = None
    width: int | None = None
    height: int | None = None
    output: JsonObject | None = None
    javascript: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateActivate(Envelope):
    """Make this version the one that `<section>_latest` means from now on."""

    type: Literal["template.activate"] = "template.activate"
    section: str
    template_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateArchive(Envelope):
    """Take this version out of use for requests that come later."""

    type: Literal["template.archive"] = "template.archive"
    section: str
    template_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplatePreview(Envelope):
    """Render a version, or HTML that is not saved, with `custom_data` or else with the placeholders' samples."""

    type: Literal["template.preview"] = "template.preview"
    section: str
    template_id: str | None = None
    html_content: str | None = None
    custom_data: JsonObject | None = None
    output: JsonObject | None = None
    javascript: bool = False

    def __post_init__(self) -> None:
        if (self.template_id is None) == (self.html_content is None):
            raise ValueError("say what to preview by `template_id` or by `html_content`")


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateGet(Envelope):
    """Describe this version, its HTML included."""

    type: Literal["template.get"] = "template.get"
    section: str
    template_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateWarning:
    """What to know about a template that was accepted all the same."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateError:
    """Why a command was refused; `line` and `column` count from 1, None where no place is to blame."""

    code: str
    message: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateAnswer(Envelope):
    """What every answer carries: the `event_id` of the command it answers."""

    command_id: UUID
    section: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateVersion(TemplateAnswer):
    """One version of a template, as it stands.

    `active_from` is the broker's time of the command that activated it last, `activations` all of them: what makes
    `<section>_latest` mean the same on every redelivery. `owner` is the source that the section belongs to.
    """

    template_id: UUID
    name: str
    template_version: Positive
    is_active: bool
    html_sha256: Sha256
    width: Positive
    height: Positive
    output: JsonObject = field(default_factory=dict)
    javascript: bool = False
    placeholders: list[Placeholder] = field(default_factory=list)
    warnings: list[TemplateWarning] = field(default_factory=list)
    active_from: Timestamp | None = None
    activations: list[Timestamp] = field(default_factory=list)
    archived_at: Timestamp | None = None
    owner: Source | None = None
    shared: bool = False
    private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateUploaded(TemplateVersion):
    """The version exists. On `template-catalog` the same event is kept current."""

    type: Literal["template.uploaded"] = "template.uploaded"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateActivated(TemplateVersion):
    """`<section>_latest` means this version from `active_from` on."""

    type: Literal["template.activated"] = "template.activated"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateArchived(TemplateVersion):
    """Requests that come after `archived_at` cannot use this version."""

    type: Literal["template.archived"] = "template.archived"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateDescribed(TemplateVersion):
    """All that is known of the version, its HTML included."""

    type: Literal["template.described"] = "template.described"
    html_content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplatePreviewed(TemplateAnswer):
    """The preview is at `url`."""

    type: Literal["template.previewed"] = "template.previewed"
    url: str
    object_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateRejected(TemplateAnswer):
    """The command was refused and changed nothing."""

    type: Literal["template.rejected"] = "template.rejected"
    errors: list[TemplateError]


TemplateCommand: TypeAlias = (
    TemplateUpload | TemplateUpdate | TemplateActivate | TemplateArchive | TemplatePreview | TemplateGet
)
