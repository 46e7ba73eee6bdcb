"""Where requests and outcomes are on their topics. It only adds: processes of the former version work on."""

# ruff: noqa: RUF012 - the form that Django writes

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("posters", "0005_owners_of_templates"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="request_records",
            field=models.JSONField(
                db_default=[],
                default=list,
                help_text="Of each published request: first poster, number of posters, partition and offset.",
            ),
        ),
        migrations.AddField(
            model_name="poster",
            name="outcome_partition",
            field=models.PositiveIntegerField(help_text="Of the record with the outcome.", null=True),
        ),
        migrations.AddField(
            model_name="poster",
            name="outcome_offset",
            field=models.PositiveBigIntegerField(help_text="Of the record with the outcome.", null=True),
        ),
    ]
