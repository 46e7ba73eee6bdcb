"""The three tables: posters, events on their way to the broker, and events that could not be understood."""

import uuid
from typing import ClassVar, Final

from django.db import models

from .contract import limits
from .contract.output import CONTENT_TYPES


class Poster(models.Model):
    """A picture that a row of this site asked for. Only `request_poster()` and `consume_posters` write here."""

    class Status(models.TextChoices):
        """The words of the contract."""

        QUEUED = "queued"
        PROCESSING = "processing"
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELLED = "cancelled"

    FINISHED: Final = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job_id = models.CharField(max_length=limits.JOB_ID_MAX_CHARACTERS)
    poster_index = models.PositiveIntegerField(default=0)
    owner_model = models.CharField(max_length=200, help_text="The model of the row it shows, as app_label.modelname.")
    entity_id = models.CharField(max_length=limits.ENTITY_ID_MAX_BYTES, help_text="The primary key of the row.")
    section = models.CharField(max_length=63)
    template_id = models.CharField(max_length=200, help_text="What was asked for, such as testimonial_latest.")
    template_version = models.PositiveIntegerField(null=True)
    digest = models.CharField(max_length=64, help_text="SHA-256 of all that was asked for.")
    metadata = models.JSONField(default=dict)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    url = models.TextField(default="")
    object_key = models.TextField(default="")
    sha256 = models.CharField(max_length=64, default="")
    size_bytes = models.PositiveBigIntegerField(null=True)
    width = models.PositiveIntegerField(null=True, help_text="Device pixels.")
    height = models.PositiveIntegerField(null=True, help_text="Device pixels.")
    format = models.CharField(max_length=10, choices=[(name, name) for name in CONTENT_TYPES], default="")
    error_code = models.CharField(max_length=40, default="")
    error_message = models.TextField(default="")
    warnings = models.JSONField(default=list)
    attempt = models.PositiveIntegerField(default=1)
    generation = models.PositiveIntegerField(default=0)
    generation_time_ms = models.PositiveIntegerField(null=True)
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    announced = models.BooleanField(default=False, help_text="Whether poster_finished was sent for this outcome.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job_id", "poster_index"], name="posters_poster_job_index"),
        ]
        indexes: ClassVar = [models.Index(fields=["-requested_at"], name="posters_poster_requested")]

    def __str__(self) -> str:
        return f"{self.section} of {self.entity_id}: {self.status}"

    @property
    def is_finished(self) -> bool:
        """Whether the outcome is known."""
        return self.status in self.FINISHED


class OutboxEvent(models.Model):
    """An event that its transaction committed and the broker has not yet taken; `relay_posters` removes it then."""

    id = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField(unique=True)
    topic = models.CharField(max_length=100)
    key = models.CharField(max_length=100)
    value = models.BinaryField()
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    refused = models.TextField(default="", help_text="Why the broker will never take it; empty while it may.")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["topic", "key", "id"], name="posters_outbox_order")]

    def __str__(self) -> str:
        return f"{self.topic} {self.key}"


class SetAsideEvent(models.Model):
    """A record of the broker that could not be applied, with the bytes as they came."""

    id = models.BigAutoField(primary_key=True)
    topic = models.CharField(max_length=100)
    partition = models.PositiveIntegerField()
    offset = models.PositiveBigIntegerField()
    key = models.BinaryField(null=True)
    value = models.BinaryField(null=True)
    error = models.TextField()
    seen_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["topic", "partition", "offset"], name="posters_set_aside_place"),
        ]

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}"
