"""The outbox, and dead letters."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


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
