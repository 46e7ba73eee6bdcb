"""The first tables."""

# ruff: noqa: RUF012 - the form that Django writes

import django.core.validators
import django_posters.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("posters", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Testimonial",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("author", models.CharField(max_length=80)),
                ("role", models.CharField(blank=True, max_length=80)),
                ("company", models.CharField(blank=True, max_length=80)),
                ("quote", models.TextField(max_length=600)),
                (
                    "rating",
                    models.FloatField(
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(5),
                        ]
                    ),
                ),
                ("language", models.CharField(default="en", max_length=10)),
                ("poster_url", models.URLField(blank=True, editable=False, max_length=2000)),
                ("poster", django_posters.fields.PosterField()),
            ],
        ),
    ]
