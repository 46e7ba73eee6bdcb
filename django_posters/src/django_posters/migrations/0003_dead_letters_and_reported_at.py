"""Rename SetAsideEvent to DeadLetterEvent, and the field `told_at` to `reported_at`, in Django's state only.

The table and the column keep their names, so processes of the former version keep working during the migration.
Permissions follow the model, so that users keep them. The other operations change help texts.
"""

# ruff: noqa: RUF012 - the form that Django writes

from functools import partial

from django.db import migrations, models, router

OLD = ("setasideevent", "set aside event")
NEW = ("deadletterevent", "dead letter event")


def rename_permissions(new, apps, schema_editor):
    """Give the model's permissions its new name, without which groups would lose them."""
    using = schema_editor.connection.alias
    try:
        permission = apps.get_model("auth", "Permission")
    except LookupError:  # the site does not use Django's permissions, or has not created them yet
        return
    if not router.allow_migrate_model(using, permission):
        return
    (old_codename, _), (codename, name) = (OLD, NEW) if new else (NEW, OLD)
    for action in ("add", "change", "delete", "view"):
        permission.objects.using(using).filter(
            content_type__app_label="posters", codename=f"{action}_{old_codename}"
        ).update(codename=f"{action}_{codename}", name=f"Can {action} {name}")


class Migration(migrations.Migration):
    dependencies = [
        ("posters", "0002_cancelling_and_erasing"),
    ]

    operations = [
        migrations.AlterModelTable(name="setasideevent", table="posters_setasideevent"),
        migrations.RenameModel(old_name="SetAsideEvent", new_name="DeadLetterEvent"),
        migrations.RunPython(partial(rename_permissions, True), partial(rename_permissions, False)),
        # With the column named first, RenameField does not rename it.
        migrations.AlterField(
            model_name="postertemplate",
            name="told_at",
            field=models.DateTimeField(
                db_column="told_at",
                help_text="When the templates role reported this state; older reports are ignored.",
            ),
        ),
        migrations.RenameField(model_name="postertemplate", old_name="told_at", new_name="reported_at"),
        migrations.AlterField(
            model_name="job",
            name="revision",
            field=models.PositiveBigIntegerField(default=0, help_text="Increases with every change of the counts."),
        ),
        migrations.AlterField(
            model_name="job",
            name="template_id",
            field=models.CharField(help_text="The requested template, such as testimonial_latest.", max_length=200),
        ),
        migrations.AlterField(
            model_name="outboxevent",
            name="refused",
            field=models.TextField(default="", help_text="Why the broker permanently refuses the event, or empty."),
        ),
        migrations.AlterField(
            model_name="poster",
            name="css_height",
            field=models.PositiveIntegerField(default=1080, help_text="CSS pixels, as far as known at the request."),
        ),
        migrations.AlterField(
            model_name="poster",
            name="css_width",
            field=models.PositiveIntegerField(default=1080, help_text="CSS pixels, as far as known at the request."),
        ),
        migrations.AlterField(
            model_name="poster",
            name="digest",
            field=models.CharField(help_text="SHA-256 of everything the poster depends on.", max_length=64),
        ),
        migrations.AlterField(
            model_name="poster",
            name="erased_generation",
            field=models.PositiveIntegerField(help_text="Images up to this generation are deleted.", null=True),
        ),
        migrations.AlterField(
            model_name="poster",
            name="output",
            field=models.JSONField(default=dict, help_text="Size and format of the request."),
        ),
        migrations.AlterField(
            model_name="poster",
            name="template_id",
            field=models.CharField(help_text="The requested template, such as testimonial_latest.", max_length=200),
        ),
        migrations.AlterField(
            model_name="postertemplate",
            name="html_content",
            field=models.TextField(default="", help_text="Empty until this site uploads or opens the version."),
        ),
        migrations.AlterField(
            model_name="templatecommand",
            name="html_content",
            field=models.TextField(default="", help_text="The uploaded HTML, until the version stores it."),
        ),
        migrations.AlterField(
            model_name="templatecommand",
            name="url",
            field=models.TextField(default="", help_text="Address of the preview image."),
        ),
    ]
