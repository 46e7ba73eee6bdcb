"""Whether the signal of an erasure was sent. It only adds: processes of the former version work on."""

# ruff: noqa: RUF012 - the form that Django writes

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("posters", "0006_record_positions"),
    ]

    operations = [
        migrations.AddField(
            model_name="poster",
            name="erasure_announced",
            field=models.BooleanField(
                db_default=True, default=True, help_text="Whether poster_erased was sent for these images."
            ),
        ),
    ]
