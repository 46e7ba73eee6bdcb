"""The first tables."""

# ruff: noqa: RUF012 - the form that Django writes

import uuid

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="OutboxEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("event_id", models.UUIDField(unique=True)),
                ("topic", models.CharField(max_length=100)),
                ("key", models.CharField(max_length=100)),
                ("value", models.BinaryField()),
                ("headers", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField()),
                (
                    "refused",
                    models.TextField(default="", help_text="Why the broker will never take it; empty while it may."),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["topic", "key", "id"], name="posters_outbox_order")],
            },
        ),
        migrations.CreateModel(
            name="Poster",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("job_id", models.CharField(max_length=80)),
                ("poster_index", models.PositiveIntegerField(default=0)),
                (
                    "owner_model",
                    models.CharField(
                        help_text="The model of the row it shows, as app_label.modelname.", max_length=200
                    ),
                ),
                ("entity_id", models.CharField(help_text="The primary key of the row.", max_length=128)),
                ("section", models.CharField(max_length=63)),
                (
                    "template_id",
                    models.CharField(help_text="What was asked for, such as testimonial_latest.", max_length=200),
                ),
                ("template_version", models.PositiveIntegerField(null=True)),
                ("digest", models.CharField(help_text="SHA-256 of all that was asked for.", max_length=64)),
                ("metadata", models.JSONField(default=dict)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("processing", "Processing"),
                            ("completed", "Completed"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("url", models.TextField(default="")),
                ("object_key", models.TextField(default="")),
                ("sha256", models.CharField(default="", max_length=64)),
                ("size_bytes", models.PositiveBigIntegerField(null=True)),
                ("width", models.PositiveIntegerField(help_text="Device pixels.", null=True)),
                ("height", models.PositiveIntegerField(help_text="Device pixels.", null=True)),
                (
                    "format",
                    models.CharField(
                        choices=[("png", "png"), ("jpeg", "jpeg"), ("webp", "webp"), ("pdf", "pdf")],
                        default="",
                        max_length=10,
                    ),
                ),
                ("error_code", models.CharField(default="", max_length=40)),
                ("error_message", models.TextField(default="")),
                ("warnings", models.JSONField(default=list)),
                ("attempt", models.PositiveIntegerField(default=1)),
                ("generation", models.PositiveIntegerField(default=0)),
                ("generation_time_ms", models.PositiveIntegerField(null=True)),
                ("requested_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "announced",
                    models.BooleanField(default=False, help_text="Whether poster_finished was sent for this outcome."),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["-requested_at"], name="posters_poster_requested")],
                "constraints": [
                    models.UniqueConstraint(fields=("job_id", "poster_index"), name="posters_poster_job_index")
                ],
            },
        ),
        migrations.CreateModel(
            name="SetAsideEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("topic", models.CharField(max_length=100)),
                ("partition", models.PositiveIntegerField()),
                ("offset", models.PositiveBigIntegerField()),
                ("key", models.BinaryField(null=True)),
                ("value", models.BinaryField(null=True)),
                ("error", models.TextField()),
                ("seen_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("topic", "partition", "offset"), name="posters_set_aside_place")
                ],
            },
        ),
    ]
