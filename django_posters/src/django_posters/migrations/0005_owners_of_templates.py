"""Whose the section of a template is, and what other sites may do with it.

It only adds: every column has a default in the database, so processes of the former version work on.
"""

# ruff: noqa: RUF012 - the form that Django writes

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("posters", "0004_pictures_and_retries"),
    ]

    operations = [
        migrations.AddField(
            model_name="postertemplate",
            name="is_private",
            field=models.BooleanField(
                db_default=False, default=False, help_text="Whether other sites may not use the section."
            ),
        ),
        migrations.AddField(
            model_name="postertemplate",
            name="is_shared",
            field=models.BooleanField(
                db_default=False, default=False, help_text="Whether other sites may change the section."
            ),
        ),
        migrations.AddField(
            model_name="postertemplate",
            name="owner",
            field=models.CharField(
                db_default="",
                default="",
                help_text="The site whose section it is; empty: that of no site.",
                max_length=64,
            ),
        ),
    ]
