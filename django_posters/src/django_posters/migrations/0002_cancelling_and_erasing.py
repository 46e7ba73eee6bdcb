"""When a job was to be cancelled, and which pictures are erased."""

# ruff: noqa: RUF012 - the form that Django writes

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("posters", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="cancel_requested_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="poster",
            name="erased_generation",
            field=models.PositiveIntegerField(help_text="Its picture, and those before it, are gone.", null=True),
        ),
    ]
