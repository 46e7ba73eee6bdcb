"""Images, assets and alternative texts of posters, the picture shown meanwhile, retries, and events for later.

It only adds: every column is nullable or has a default in the database, so processes of the former version work on.
"""

# ruff: noqa: RUF012 - the form that Django writes

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("posters", "0003_dead_letters_and_reported_at"),
    ]

    operations = [
        migrations.AddField(
            model_name="outboxevent",
            name="due_at",
            field=models.DateTimeField(help_text="When to publish the event; empty: at once.", null=True),
        ),
        migrations.AddField(
            model_name="poster",
            name="alt",
            field=models.TextField(db_default="", default="", help_text="Alternative text of the picture."),
        ),
        migrations.AddField(
            model_name="poster",
            name="asked_again_at",
            field=models.DateTimeField(
                help_text="When reconcile_posters sent its request once more, for want of an outcome.", null=True
            ),
        ),
        migrations.AddField(
            model_name="poster",
            name="assets",
            field=models.JSONField(
                db_default=[], default=list, help_text="Images, style sheets and fonts that it loaded."
            ),
        ),
        migrations.AddField(
            model_name="poster",
            name="automatic_retries",
            field=models.PositiveSmallIntegerField(
                db_default=0, default=0, help_text="How many degraded posters in a row led to this request."
            ),
        ),
        migrations.AddField(
            model_name="poster",
            name="degraded",
            field=models.BooleanField(db_default=False, default=False, help_text="Whether it lacks an asset."),
        ),
        migrations.AddField(
            model_name="poster",
            name="image_data",
            field=models.JSONField(db_column="images", db_default=[], default=list, help_text="Every image, as JSON."),
        ),
        migrations.AddField(
            model_name="poster",
            name="picture_of",
            field=models.UUIDField(
                db_index=True,
                help_text="The earlier poster of the row whose images this one shows meanwhile.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="poster",
            name="retry_at",
            field=models.DateTimeField(
                db_index=True, help_text="When a degraded poster is requested again by itself.", null=True
            ),
        ),
        migrations.AddField(
            model_name="poster",
            name="variant_sizes",
            field=models.JSONField(
                db_default=[],
                default=list,
                help_text="Name, width and height (CSS pixels) of each variant, as far as known.",
            ),
        ),
        migrations.AddIndex(
            model_name="poster",
            index=models.Index(fields=["entity_id", "owner_model"], name="posters_poster_owner"),
        ),
    ]
