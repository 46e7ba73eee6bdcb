"""Send a template to the templates role, and wait for its answer."""

import threading
import time
import uuid
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from django.utils import timezone

from .conf import Settings
from .contract.codec import ContractError, decode, encode
from .contract.limits import TEMPLATE_HTML_MAX_BYTES, TEMPLATE_NAME_MAX_CHARACTERS
from .contract.output import Output, OutputError, resolve_output
from .contract.references import is_section
from .contract.templates import TemplateAnswer, TemplateRejected, TemplateUpload, TemplateUploaded
from .contract.topics import TEMPLATE_COMMANDS, TEMPLATE_EVENTS
from .errors import BrokerError, RequestError, StoppedError
from .kafka import ACK_SECONDS, make_consumer, make_producer
from .outbox import new_headers

_LOOK_SECONDS: Final = 0.2
"""How long Ctrl-C may have to wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A template on its way. Sizes are CSS pixels; None leaves them to the templates role."""

    section: str
    name: str
    html: str
    set_as_active: bool = True
    width: int | None = None
    height: int | None = None

    def command(self, settings: Settings) -> TemplateUpload:
        """Return the event to send. Raises RequestError where the templates role could only refuse it."""
        if not is_section(self.section):
            raise RequestError(
                f"the section cannot be `{self.section}`: use 1 to 63 of a-z, 0-9, `_` and `-`, "
                "starting with a letter or digit, not ending in `_latest`"
            )
        if not 1 <= len(self.name) <= TEMPLATE_NAME_MAX_CHARACTERS:
            raise RequestError(
                f"the name has {len(self.name)} characters; 1 to {TEMPLATE_NAME_MAX_CHARACTERS} are allowed"
            )
        if "\0" in self.html + self.name:
            raise RequestError("the HTML or the name holds U+0000, which cannot be stored; remove it")
        if (size := len(self.html.encode())) > TEMPLATE_HTML_MAX_BYTES:
            raise RequestError(f"the HTML has {size:,} bytes; {TEMPLATE_HTML_MAX_BYTES:,} are allowed")
        try:
            resolve_output(Output(width=self.width, height=self.height))
        except OutputError as error:
            raise RequestError(f"the template cannot have this size: {error}") from error
        return TemplateUpload(
            event_id=uuid.uuid4(),
            occurred_at=timezone.now(),
            source=settings.site,
            section=self.section,
            name=self.name,
            html_content=self.html,
            set_as_active=self.set_as_active,
            width=self.width,
            height=self.height,
        )


def send(stop: threading.Event, command: TemplateUpload, settings: Settings) -> None:
    """Return once the broker has the command. Raises BrokerError, and StoppedError if `stop` comes first."""
    producer = make_producer(settings)
    errors: list[KafkaError] = []

    def report(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            errors.append(error)

    headers: list[tuple[str, str | bytes | None]] = list(new_headers().items())
    key, value = command.section.encode(), encode(command)
    producer.produce(TEMPLATE_COMMANDS, key=key, value=value, headers=headers, on_delivery=report)
    while producer.flush(_LOOK_SECONDS):
        _go_on_unless(stop)
    if errors:
        raise BrokerError(
            f"the broker did not take the template in {ACK_SECONDS} s: {errors[0].str()}; "
            f"does it run at {settings.bootstrap_servers}?"
        )


class Answers:
    """The answers of the templates role from now on. Open it before the command is sent. Raises BrokerError."""

    def __init__(self, settings: Settings) -> None:
        self._consumer = make_consumer(settings, group=f"{settings.group}-uploads")
        try:
            self._consumer.assign(_ends(self._consumer))
        except KafkaException as error:
            self._consumer.close()
            raise BrokerError(
                f"the broker does not tell where {TEMPLATE_EVENTS} ends: {error.args[0].str()}; "
                f"does it run at {settings.bootstrap_servers}, and was `posters setup` run?"
            ) from error

    def wait_for(
        self, stop: threading.Event, command: TemplateUpload, *, seconds: float
    ) -> TemplateUploaded | TemplateRejected:
        """Return what came of the command. Raises BrokerError where nothing comes in time, StoppedError at `stop`."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            _go_on_unless(stop)
            message = self._consumer.poll(min(left, _LOOK_SECONDS))
            if message is None or message.error() is not None:
                continue
            try:
                answer = decode(message.value(), TemplateAnswer)
            except ContractError:  # whoever waits for that one will say so
                continue
            ours = answer.command_id == command.event_id
            if ours and isinstance(answer, TemplateUploaded | TemplateRejected):
                return answer
        raise BrokerError(f"no answer within {seconds:g} s; is a worker with the role `templates` running?")

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()


def _go_on_unless(stop: threading.Event) -> None:
    if stop.is_set():
        raise StoppedError("interrupted; whether the template arrived is not known, uploading it again does no harm")


def _ends(consumer: Consumer) -> list[TopicPartition]:
    topic = consumer.list_topics(TEMPLATE_EVENTS, timeout=ACK_SECONDS).topics[TEMPLATE_EVENTS]
    if topic.error is not None:
        raise KafkaException(topic.error)
    deadline = time.monotonic() + ACK_SECONDS
    return [_end(consumer, TopicPartition(TEMPLATE_EVENTS, partition), deadline) for partition in topic.partitions]


def _end(consumer: Consumer, place: TopicPartition, deadline: float) -> TopicPartition:
    while True:
        try:
            _, place.offset = consumer.get_watermark_offsets(place, timeout=ACK_SECONDS)
        except KafkaException as error:
            # The partition is moving to another leader, or was made a moment ago.
            if error.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION or time.monotonic() > deadline:
                raise
        else:
            return place
