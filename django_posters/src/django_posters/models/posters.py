"""Jobs and their posters."""

import uuid
from dataclasses import replace
from typing import Any, ClassVar, Final

from asgiref.sync import sync_to_async
from django.apps import apps
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..contract import limits
from ..contract.output import CONTENT_TYPES
from ..images import ONLY, PosterImage, find_image
from ..labels import STATUSES
from ..row_ids import parse_id
from ..signing import AddressField, readable_address, stored_address


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
        return gettext("%(section)s, %(finished)s of %(total)s: %(status)s") % {
            "section": self.section,
            "finished": self.finished_count,
            "total": self.total_count,
            "status": STATUSES[self.status],
        }

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
        from ..requests.replay import replay_job  # noqa: PLC0415 - a room above the models, which imports them

        return replay_job(self, failed_only=failed_only)

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
    erasure_announced = models.BooleanField(
        default=True, db_default=True, help_text=_("Whether poster_erased was sent for these images.")
    )
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
        return gettext("%(section)s of %(row)s: %(status)s") % {
            "section": self.section,
            "row": self.entity_id,
            "status": STATUSES[self.status],
        }

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
            pk = parse_id(model, self.entity_id)
        except (LookupError, ValueError):
            return None
        row: models.Model | None = model._base_manager.using(self._state.db).filter(pk=pk).first()
        return row

    def replay(self) -> None:
        """Request the same poster once more, in the current transaction: its next generation replaces this outcome.

        The workers make it of the data and template version that it had. Raises RequestError where it is unfinished,
        erased, or its row was deleted.
        """
        from ..requests.replay import replay_poster  # noqa: PLC0415 - likewise

        replay_poster(self)

    async def areplay(self) -> None:
        """Async variant of `replay()`."""
        await sync_to_async(self.replay)()

    @property
    def is_erased(self) -> bool:
        """Whether the image was deleted."""
        return self.erased_generation is not None and self.erased_generation >= self.generation

    @property
    def has_own_picture(self) -> bool:
        """Whether there is a picture that was made for this poster: not that of an earlier one, and none erased."""
        return self.stored_url != "" and self.picture_of is None

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
