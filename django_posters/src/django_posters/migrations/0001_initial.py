"""The first tables."""

# ruff: noqa: RUF012 - the form that Django writes

import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Job",
            fields=[
                ("job_id", models.CharField(max_length=80, primary_key=True, serialize=False)),
                (
                    "owner_model",
                    models.CharField(
                        help_text="The model of the rows it shows, as app_label.modelname.", max_length=200
                    ),
                ),
                ("section", models.CharField(max_length=63)),
                (
                    "template_id",
                    models.CharField(help_text="What was asked for, such as testimonial_latest.", max_length=200),
                ),
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
                ("total_count", models.PositiveIntegerField()),
                ("success_count", models.PositiveIntegerField(default=0)),
                ("failure_count", models.PositiveIntegerField(default=0)),
                ("cancelled_count", models.PositiveIntegerField(default=0)),
                (
                    "revision",
                    models.PositiveBigIntegerField(default=0, help_text="Rises with every change of the counts."),
                ),
                ("metadata", models.JSONField(default=dict)),
                ("requested_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "announced",
                    models.BooleanField(default=False, help_text="Whether job_finished was sent for this outcome."),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["-requested_at"], name="posters_job_requested")],
            },
        ),
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
            name="PosterTemplate",
            fields=[
                ("template_id", models.UUIDField(primary_key=True, serialize=False)),
                ("section", models.CharField(max_length=63)),
                ("name", models.CharField(max_length=200)),
                ("version", models.PositiveIntegerField()),
                (
                    "is_active",
                    models.BooleanField(default=False, help_text="Whether <section>_latest means this version."),
                ),
                ("active_from", models.DateTimeField(null=True)),
                ("archived_at", models.DateTimeField(null=True)),
                ("html_sha256", models.CharField(max_length=64)),
                (
                    "html_content",
                    models.TextField(default="", help_text="Empty until this site uploaded or opened the version."),
                ),
                ("width", models.PositiveIntegerField(help_text="CSS pixels.")),
                ("height", models.PositiveIntegerField(help_text="CSS pixels.")),
                ("output", models.JSONField(default=dict)),
                ("javascript", models.BooleanField(default=False)),
                ("placeholders", models.JSONField(default=list)),
                ("warnings", models.JSONField(default=list)),
                (
                    "told_at",
                    models.DateTimeField(
                        help_text="When the templates role said so; what it said earlier is not applied."
                    ),
                ),
            ],
            options={
                "verbose_name": "template",
                "indexes": [models.Index(fields=["section", "version"], name="posters_template_version")],
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
        migrations.CreateModel(
            name="Poster",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("poster_index", models.PositiveIntegerField(default=0)),
                (
                    "owner_model",
                    models.CharField(
                        help_text="The model of the row it shows, as app_label.modelname.", max_length=200
                    ),
                ),
                (
                    "field_name",
                    models.CharField(help_text="The PosterField of the row that links here.", max_length=100),
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
                ("output", models.JSONField(default=dict, help_text="What the request said of size and format.")),
                ("strict", models.BooleanField(default=False)),
                (
                    "css_width",
                    models.PositiveIntegerField(
                        default=1080, help_text="CSS pixels, as far as known when it was asked for."
                    ),
                ),
                ("css_height", models.PositiveIntegerField(default=1080, help_text="CSS pixels, likewise.")),
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
                (
                    "job",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="posters",
                        to="posters.job",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["-requested_at"], name="posters_poster_requested"),
                    models.Index(fields=["status", "-requested_at"], name="posters_poster_status"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("job", "poster_index"), name="posters_poster_job_index")
                ],
            },
        ),
        migrations.CreateModel(
            name="TemplateCommand",
            fields=[
                ("command_id", models.UUIDField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(help_text="The type of the command, such as template.upload.", max_length=30),
                ),
                ("section", models.CharField(max_length=63)),
                (
                    "html_content",
                    models.TextField(default="", help_text="What was uploaded, until the version has it."),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("sent", "Sent"), ("done", "Done"), ("rejected", "Rejected")],
                        default="sent",
                        max_length=10,
                    ),
                ),
                ("url", models.TextField(default="", help_text="Where the preview is.")),
                ("errors", models.JSONField(default=list)),
                ("warnings", models.JSONField(default=list)),
                ("created_at", models.DateTimeField()),
                ("answered_at", models.DateTimeField(null=True)),
                (
                    "template",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="posters.postertemplate",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["-created_at"], name="posters_command_created")],
            },
        ),
    ]
