"""The pages of the admin as a client opens them, and what the templates role answers."""

import hashlib
import uuid
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django_posters.contract.codec import decode
from django_posters.contract.outcomes import PosterOutcome
from django_posters.contract.templates import TemplateAnswer
from django_posters.models import OutboxEvent, Poster
from django_posters.results.outcomes import apply_outcome
from django_posters.results.template_results import apply_answer

import schemas.codec
from django_tests.outcomes import NOW, outcome
from schemas.envelope import Envelope
from schemas.templates import (
    TemplateActivate,
    TemplateGet,
    TemplatePreview,
    TemplatePreviewed,
    TemplateUpload,
)

ADMIN = "/admin/posters/"
EDITED = {"section": "quote", "html": "<p>{{ quote }}</p>", "kind": "upload", "custom_data": '{"quote": "Hi"}'}


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, path: str) -> str:
    answer = client.get(ADMIN + path)
    assert answer.status_code == 200, answer
    return answer.content.decode()


def tell(event: Envelope) -> None:
    """Apply an answer of the templates role."""
    apply_answer(decode(schemas.codec.encode(event), TemplateAnswer))


def previewed(command_id: uuid.UUID, url: str) -> TemplatePreviewed:
    return TemplatePreviewed(
        event_id=uuid.uuid4(),
        occurred_at=NOW,
        command_id=command_id,
        section="testimonial",
        url=url,
        object_key="previews/a.png",
    )


def sha256(html: str) -> str:
    return hashlib.sha256(html.encode()).hexdigest()


def finish(poster: Poster, status: str = "completed") -> None:
    apply_outcome(decode(outcome(poster.job_id, status), PosterOutcome))


def command(client: Client, **fields: Any) -> dict[str, Any]:
    """Send a command as the page does, and return the site's reply."""
    reply: dict[str, Any] = client.post(ADMIN + "postertemplate/commands/", fields).json()
    return reply


def sent() -> Any:
    """Return the one event in the outbox as the templates role reads it."""
    value = bytes(OutboxEvent.objects.get().value)
    return schemas.codec.decode(value, TemplateUpload, TemplatePreview, TemplateActivate, TemplateGet)
