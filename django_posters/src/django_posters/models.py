"""Models: jobs and their posters, the template catalog and commands, the outbox, and dead letters.

Columns that were added after the first release have defaults in the database, so that processes of the former version
can write rows during an upgrade.
"""

import uuid
from dataclasses import replace
from importlib import import_module
from typing import Any, ClassVar, Final

from asgiref.sync import sync_to_async
from django.apps import apps
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .contract import limits
from .contract.output import CONTENT_TYPES
from .images import ONLY, PosterImage, find_image
from .signing import AddressField, readable_address, stored_address


class Status(models.TextChoices):
    """Status of a poster or a job, as the contract names it."""

    QUEUED = "queued", _("Queued")
    PROCESSING = "processing", _("Processing")
    COMPLETED = "completed", _("Completed")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


FINISHED: Final = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


class Job(models.Model):
    """One request for a single poster or a batch. The counts are those of the job event with the highest revision."""

    Status = Status
    FINISHED = FINISHED

    job_id = models.CharField(primary_key=True, max_length=limits.JOB_ID_MAX_CHARACTERS)
    owner_model = models.CharField(
        max_length=200, help_text=_("The model of the rows it shows, as app_label.modelname.")
    )
    section = models.CharField(max_length=63)
    template_id = models.CharField(max_length=200, help_text=_("The requested template, such as testimonial_latest."))
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    total_count = models.PositiveIntegerField()
    success_count = models.PositiveIntegerField(default=0)
    failure_count = models.PositiveIntegerField(default=0)
    cancelled_count = models.PositiveIntegerField(default=0)
    revision = models.PositiveBigIntegerField(default=0, help_text=_("Increases with every change of the counts."))
    metadata: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    requested_at = models.DateTimeField()
    cancel_requested_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    announced = models.BooleanField(default=False, help_text=_("Whether job_finished was sent for this outcome."))
    request_records = models.JSONField(
        default=list,
        db_default=[],
        help_text=_("Of each published request: first poster, number of posters, partition and offset."),
    )

    class Meta:
        indexes: ClassVar = [models.Index(fields=["-requested_at"], name="posters_job_requested")]

    def __str__(self) -> str:
        return f"{self.section}, {self.finished_count} of {self.total_count}: {self.status}"

    @property
    def is_finished(self) -> bool:
        """Whether the outcome of every poster is known."""
        return self.status in self.FINISHED

    @property
    def finished_count(self) -> int:
        """How many posters have an outcome."""
        return self.success_count + self.failure_count + self.cancelled_count

    def replay(self, *, failed_only: bool = False) -> int:
        """Request the finished posters once more, or those that failed, in the current transaction; return how many.

        The workers make them of the data and template versions that they had. Erased posters stay erased.
        """
        # Requests are written by a room above the models.
        count: int = import_module(".requests.replay", __package__).replay_job(self, failed_only=failed_only)
        return count

    async def areplay(self, *, failed_only: bool = False) -> int:
        """Async variant of `replay()`."""
        return await sync_to_async(self.replay)(failed_only=failed_only)

    def request_position(self, poster_index: int) -> tuple[int, int] | None:
        """Return partition and offset of the record that requested a poster of this job, None where unknown."""
        for first, count, partition, offset in self.request_records:
            if first <= poster_index < first + count:
                return partition, offset
        return None


class Poster(models.Model):
    """A poster that was requested for a row of this site. Only requests and `consume_posters` write this table.

    `status` is that of this request. `url`, `object_key`, `sha256`, `size_bytes`, `width`, `height`, `format` and
    `images` are those of the last good picture: that of an earlier poster, `picture_of`, until this one completes.

    With `POSTERS["URL_SIGNER"]` the addresses are signed when they are read; `stored_url` is that of the row.
    """

    Status = Status
    FINISHED = FINISHED

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # The unique constraint below starts with this column and serves as its index.
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="posters", db_index=False)
    poster_index = models.PositiveIntegerField(default=0)
    owner_model = models.CharField(
        max_length=200, help_text=_("The model of the row it shows, as app_label.modelname.")
    )
    field_name = models.CharField(max_length=100, help_text=_("The PosterField of the row that links here."))
    entity_id = models.CharField(max_length=limits.ENTITY_ID_MAX_BYTES, help_text=_("The primary key of the row."))
    section = models.CharField(max_length=63)
    template_id = models.CharField(max_length=200, help_text=_("The requested template, such as testimonial_latest."))
    template_version = models.PositiveIntegerField(null=True)
    digest = models.CharField(max_length=64, help_text=_("SHA-256 of everything the poster depends on."))
    metadata: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    output = models.JSONField(default=dict, help_text=_("Size and format of the request."))
    strict = models.BooleanField(default=False)
    css_width = models.PositiveIntegerField(default=1080, help_text=_("CSS pixels, as far as known at the request."))
    css_height = models.PositiveIntegerField(default=1080, help_text=_("CSS pixels, as far as known at the request."))
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    url = AddressField(default="")
    object_key = models.TextField(default="")
    sha256 = models.CharField(max_length=64, default="")
    size_bytes = models.PositiveBigIntegerField(null=True)
    width = models.PositiveIntegerField(null=True, help_text=_("Device pixels."))
    height = models.PositiveIntegerField(null=True, help_text=_("Device pixels."))
    format = models.CharField(max_length=10, choices=[(name, name) for name in CONTENT_TYPES], default="")
    error_code = models.CharField(max_length=40, default="")
    error_message = models.TextField(default="")
    image_data = models.JSONField(default=list, db_default=[], db_column="images", help_text=_("Every image, as JSON."))
    picture_of = models.UUIDField(
        null=True, db_index=True, help_text=_("The earlier poster of the row whose images this one shows meanwhile.")
    )
    variant_sizes = models.JSONField(
        default=list,
        db_default=[],
        help_text=_("Name, width and height (CSS pixels) of each variant, as far as known."),
    )
    alt = models.TextField(default="", db_default="", help_text=_("Alternative text of the picture."))
    warnings = models.JSONField(default=list)
    assets = models.JSONField(
        default=list, db_default=[], help_text=_("Images, style sheets and fonts that it loaded.")
    )
    degraded = models.BooleanField(default=False, db_default=False, help_text=_("Whether it lacks an asset."))
    retry_at = models.DateTimeField(
        null=True, db_index=True, help_text=_("When a degraded poster is requested again by itself.")
    )
    automatic_retries = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text=_("How many degraded posters in a row led to this request.")
    )
    asked_again_at = models.DateTimeField(
        null=True, help_text=_("When reconcile_posters sent its request once more, for want of an outcome.")
    )
    attempt = models.PositiveIntegerField(default=1)
    generation = models.PositiveIntegerField(default=0)
    erased_generation = models.PositiveIntegerField(null=True, help_text=_("Images up to this generation are deleted."))
    generation_time_ms = models.PositiveIntegerField(null=True)
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    announced = models.BooleanField(default=False, help_text=_("Whether poster_finished was sent for this outcome."))
    outcome_partition = models.PositiveIntegerField(null=True, help_text=_("Of the record with the outcome."))
    outcome_offset = models.PositiveBigIntegerField(null=True, help_text=_("Of the record with the outcome."))

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "poster_index"], name="posters_poster_job_index"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-requested_at"], name="posters_poster_requested"),
            models.Index(fields=["status", "-requested_at"], name="posters_poster_status"),
            models.Index(fields=["entity_id", "owner_model"], name="posters_poster_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.section} of {self.entity_id}: {self.status}"

    @property
    def images(self) -> list[PosterImage]:
        """The images of the last good picture, the first of which is that of `url`; empty while there is none."""
        if self.image_data or not self.stored_url:
            found = [PosterImage.from_json(stored) for stored in self.image_data]
            return [replace(image, url=readable_address(image.url)) for image in found]
        only = PosterImage(
            name=ONLY,
            url=self.url,
            object_key=self.object_key,
            sha256=self.sha256,
            width=self.width,
            height=self.height,
            format=self.format,
            size=self.size_bytes,
        )
        return [only]

    @property
    def stored_url(self) -> str:
        """The address of the storage, as the row holds it: `url`, but not signed."""
        return stored_address(self.url)

    @property
    def expected_sizes(self) -> dict[str, tuple[int, int]]:
        """Width and height of each image in CSS pixels, as far as known at the request, by its name and in order."""
        # A list in the database, because PostgreSQL does not keep the order of an object.
        sizes = {name: (width, height) for name, width, height in self.variant_sizes}
        return sizes or {ONLY: (self.css_width, self.css_height)}

    def url_of(self, variant: str) -> str:
        """Return the address of a variant, or "" while the last good picture has none of this name."""
        image = find_image(self.images, variant)
        return image.url if image is not None else ""

    @property
    def wants_retry(self) -> bool:
        """Whether the poster is degraded and the time has come to request it again."""
        return self.retry_at is not None and self.retry_at <= timezone.now()

    @property
    def shows_earlier(self) -> bool:
        """Whether the picture is older than this request: the request is unfinished, or it failed or was cancelled."""
        return self.stored_url != "" and (self.picture_of is not None or self.status != Status.COMPLETED)

    @property
    def row(self) -> models.Model | None:
        """The row that the poster shows, None where it or its model no longer exists. Each access is a query."""
        try:
            model = apps.get_model(self.owner_model)
        except (LookupError, ValueError):
            return None
        row: models.Model | None = model._base_manager.using(self._state.db).filter(pk=self.entity_id).first()
        return row

    def replay(self) -> None:
        """Request the same poster once more, in the current transaction: its next generation replaces this outcome.

        The workers make it of the data and template version that it had. Raises RequestError where it is unfinished,
        erased, or its row was deleted.
        """
        # Requests are written by a room above the models.
        import_module(".requests.replay", __package__).replay_poster(self)

    async def areplay(self) -> None:
        """Async variant of `replay()`."""
        await sync_to_async(self.replay)()

    @property
    def is_erased(self) -> bool:
        """Whether the image was deleted."""
        return self.erased_generation is not None and self.erased_generation >= self.generation

    @property
    def is_usable(self) -> bool:
        """Whether there is an image or one is pending: not where the poster failed, was cancelled or was erased."""
        if self.is_finished:
            return self.status == Status.COMPLETED and self.stored_url != ""
        return self.job.cancel_requested_at is None

    @property
    def is_finished(self) -> bool:
        """Whether the outcome is known."""
        return self.status in self.FINISHED


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
        return f"{self.kind} of {self.section}: {self.state}"


class OutboxEvent(models.Model):
    """A committed event that is not yet published; `relay_posters` deletes it after the broker's acknowledgement."""

    id = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField(unique=True)
    topic = models.CharField(max_length=100)
    key = models.CharField(max_length=100)
    value = models.BinaryField()
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    refused = models.TextField(default="", help_text=_("Why the broker permanently refuses the event, or empty."))
    due_at = models.DateTimeField(null=True, help_text=_("When to publish the event; empty: at once."))

    class Meta:
        indexes: ClassVar = [models.Index(fields=["topic", "key", "id"], name="posters_outbox_order")]

    def __str__(self) -> str:
        return f"{self.topic} {self.key}"


class DeadLetterEvent(models.Model):
    """A Kafka record that could not be applied, with its original bytes."""

    id = models.BigAutoField(primary_key=True)
    topic = models.CharField(max_length=100)
    partition = models.PositiveIntegerField()
    offset = models.PositiveBigIntegerField()
    key = models.BinaryField(null=True)
    value = models.BinaryField(null=True)
    error = models.TextField()
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "posters_setasideevent"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["topic", "partition", "offset"], name="posters_set_aside_place"),
        ]

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}"


SetAsideEvent = DeadLetterEvent
"""The name of DeadLetterEvent in version 0.1."""
