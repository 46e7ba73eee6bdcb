"""Labels of models and fields in the language of the user.

They are set when the app is ready, not in the models: there, a name of its own for each field would be a migration.
"""

from typing import Final

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

STATUSES: Final = {
    "queued": _("queued"),
    "processing": _("processing"),
    "completed": _("completed"),
    "failed": _("failed"),
    "cancelled": _("cancelled"),
    "sent": _("sent"),
    "done": _("done"),
    "rejected": _("rejected"),
}
"""Statuses of posters and jobs, and states of template commands, as they stand in a sentence."""

COMMANDS: Final = {
    "template.upload": _("upload"),
    "template.update": _("update"),
    "template.preview": _("preview"),
    "template.activate": _("activation"),
    "template.archive": _("archiving"),
    "template.get": _("reading of the HTML"),
}
"""Kinds of template commands, without the word that all of them have."""

MODELS: Final = {
    "Job": (_("job"), _("jobs")),
    "Poster": (_("poster"), _("posters")),
    "PosterTemplate": (_("template"), _("templates")),
    "TemplateCommand": (_("template command"), _("template commands")),
    "OutboxEvent": (_("outbox event"), _("outbox events")),
    "DeadLetterEvent": (_("dead letter event"), _("dead letter events")),
}
FIELDS: Final = {
    "active_from": _("active from"),
    "alt": _("alternative text"),
    "answered_at": _("answered at"),
    "archived_at": _("archived at"),
    "asked_again_at": _("asked again at"),
    "assets": _("assets"),
    "attempt": _("attempt"),
    "automatic_retries": _("automatic retries"),
    "cancel_requested_at": _("cancel requested at"),
    "cancelled_count": _("cancelled"),
    "created_at": _("created at"),
    "degraded": _("degraded"),
    "due_at": _("due at"),
    "entity_id": _("row"),
    "erased_generation": _("erased generation"),
    "error": _("error"),
    "error_code": _("error code"),
    "error_message": _("error message"),
    "errors": _("errors"),
    "event_id": _("event id"),
    "failure_count": _("failed"),
    "field_name": _("field"),
    "finished_at": _("finished at"),
    "format": _("format"),
    "generation": _("generation"),
    "generation_time_ms": _("duration (ms)"),
    "headers": _("headers"),
    "height": _("height"),
    "id": _("id"),
    "image_data": _("images"),
    "is_active": _("active"),
    "is_private": _("private"),
    "is_shared": _("shared"),
    "javascript": _("JavaScript"),
    "job": _("job"),
    "job_id": _("job"),
    "key": _("key"),
    "kind": _("command"),
    "metadata": _("metadata"),
    "name": _("name"),
    "object_key": _("object key"),
    "offset": _("offset"),
    "output": _("output"),
    "owner": _("owner"),
    "owner_model": _("model"),
    "partition": _("partition"),
    "picture_of": _("picture of"),
    "placeholders": _("placeholders"),
    "refused": _("refused"),
    "reported_at": _("reported at"),
    "requested_at": _("requested at"),
    "retry_at": _("retry at"),
    "section": _("section"),
    "seen_at": _("seen at"),
    "sha256": _("SHA-256"),
    "size_bytes": _("size (bytes)"),
    "state": _("state"),
    "status": _("status"),
    "strict": _("strict"),
    "success_count": _("completed"),
    "template": _("template"),
    "template_id": _("template"),
    "template_version": _("template version"),
    "topic": _("topic"),
    "total_count": _("all"),
    "url": _("address"),
    "version": _("version"),
    "warnings": _("warnings"),
    "width": _("width"),
}


def set_labels(app: AppConfig) -> None:
    """Give the models of the app and their fields labels that follow the language of each request."""
    for model in app.get_models():
        singular, plural = MODELS[model.__name__]
        model._meta.verbose_name, model._meta.verbose_name_plural = singular, plural
        for field in model._meta.local_fields:
            if field.name in FIELDS:
                field.verbose_name = FIELDS[field.name]
