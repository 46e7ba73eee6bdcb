"""The template catalog, as the workers report it, and the commands on templates."""

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..contract import limits
from ..labels import COMMANDS, STATUSES
from ..signing import AddressField


class PosterTemplate(models.Model):
    """A version of a template in this site's copy of the catalog. Only `consume_posters` writes this table."""

    template_id = models.UUIDField(primary_key=True)
    section = models.CharField(max_length=63)
    name = models.CharField(max_length=limits.TEMPLATE_NAME_MAX_CHARACTERS)
    version = models.PositiveIntegerField()
    is_active = models.BooleanField(default=False, help_text=_("Whether <section>_latest means this version."))
    active_from = models.DateTimeField(null=True)
    archived_at = models.DateTimeField(null=True)
    html_sha256 = models.CharField(max_length=64)
    html_content = models.TextField(default="", help_text=_("Empty until this site uploads or opens the version."))
    width = models.PositiveIntegerField(help_text=_("CSS pixels."))
    height = models.PositiveIntegerField(help_text=_("CSS pixels."))
    output = models.JSONField(default=dict)
    javascript = models.BooleanField(default=False)
    placeholders = models.JSONField(default=list)
    warnings = models.JSONField(default=list)
    owner = models.CharField(
        max_length=limits.SOURCE_MAX_CHARACTERS,
        default="",
        db_default="",
        help_text=_("The site whose section it is; empty: that of no site."),
    )
    is_shared = models.BooleanField(
        default=False, db_default=False, help_text=_("Whether other sites may change the section.")
    )
    is_private = models.BooleanField(
        default=False, db_default=False, help_text=_("Whether other sites may not use the section.")
    )
    reported_at = models.DateTimeField(
        db_column="told_at", help_text=_("When the templates role reported this state; older reports are ignored.")
    )

    class Meta:
        verbose_name = "template"
        indexes: ClassVar = [models.Index(fields=["section", "version"], name="posters_template_version")]

    def __str__(self) -> str:
        return f"{self.section}@{self.version}"

    @property
    def samples(self) -> dict[str, Any]:
        """The sample values, which a preview without data shows."""
        return {item["name"]: item["sample_value"] for item in self.placeholders}

    @property
    def own_samples(self) -> dict[str, Any]:
        """The samples that differ from the default: without the others, a preview of other HTML shows its defaults."""
        return {
            item["name"]: item["sample_value"] for item in self.placeholders if item["sample_value"] != item["default"]
        }


class TemplateCommand(models.Model):
    """A command to the templates role, and its answer."""

    class State(models.TextChoices):
        """Whether a command has an answer."""

        SENT = "sent", _("Sent")
        DONE = "done", _("Done")
        REJECTED = "rejected", _("Rejected")

    command_id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=30, help_text=_("The type of the command, such as template.upload."))
    section = models.CharField(max_length=63)
    html_content = models.TextField(default="", help_text=_("The uploaded HTML, until the version stores it."))
    state = models.CharField(max_length=10, choices=State, default=State.SENT)
    # No constraint: the answer may arrive before the version, which comes from another topic.
    template = models.ForeignKey(PosterTemplate, null=True, on_delete=models.DO_NOTHING, db_constraint=False)
    url = AddressField(default="", help_text=_("Address of the preview image."))
    errors = models.JSONField(default=list)
    warnings = models.JSONField(default=list)
    created_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["-created_at"], name="posters_command_created")]

    def __str__(self) -> str:
        return gettext("%(command)s of %(section)s: %(state)s") % {
            "command": COMMANDS.get(self.kind, self.kind),
            "section": self.section,
            "state": STATUSES[self.state],
        }
