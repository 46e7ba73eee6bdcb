"""Upload a template straight to the broker, without the outbox, and wait for the answer of the templates role.

The command line uses it: it reports the result at once and needs neither `relay_posters` nor `consume_posters`.
"""

import threading
import time
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from django_posters.conf import Settings
from django_posters.contract.codec import ContractError, decode, encode
from django_posters.contract.templates import TemplateAnswer, TemplateRejected, TemplateUpload, TemplateUploaded
from django_posters.contract.topics import TEMPLATE_COMMANDS, TEMPLATE_EVENTS
from django_posters.errors import BrokerError, StoppedError
from django_posters.kafka import ACK_SECONDS, make_consumer, make_producer
from django_posters.outbox.store import CONTENT_TYPE
from django_posters.tracing import creating

_POLL_SECONDS: Final = 0.2
"""The longest delay between Ctrl-C and the end of a wait."""


def send(stop: threading.Event, command: TemplateUpload, settings: Settings) -> None:
    """Return once the broker has acknowledged the command. Raises BrokerError, and StoppedError where `stop` is set."""
    producer = make_producer(settings)
    errors: list[KafkaError] = []

    def report(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            errors.append(error)

    with creating(TEMPLATE_COMMANDS, command.section) as trace:
        headers: list[tuple[str, str | bytes | None]] = list((trace | CONTENT_TYPE).items())
    key, value = command.section.encode(), encode(command)
    producer.produce(TEMPLATE_COMMANDS, key=key, value=value, headers=headers, on_delivery=report)
    while producer.flush(_POLL_SECONDS):
        _check_not_stopped(stop)
    if errors:
        raise BrokerError(
            f"the broker did not take the template in {ACK_SECONDS} s: {errors[0].str()}; "
            f"does it run at {settings.bootstrap_servers}?"
        )


class TemplateAnswers:
    """Reads the answers of the templates role from now on. Open it before you send. Raises BrokerError."""

    def __init__(self, settings: Settings) -> None:
        self._consumer = make_consumer(settings, group=f"{settings.group}-uploads")
        try:
            self._consumer.assign(_end_offsets(self._consumer))
        except KafkaException as error:
            self._consumer.close()
            raise BrokerError(
                f"the broker does not return the end offsets of {TEMPLATE_EVENTS}: {error.args[0].str()}; "
                f"does it run at {settings.bootstrap_servers}, and was `posters setup` run?"
            ) from error

    def wait_for(
        self, stop: threading.Event, command: TemplateUpload, *, seconds: float
    ) -> TemplateUploaded | TemplateRejected:
        """Return the answer to the command. Raises BrokerError after `seconds`, StoppedError where `stop` is set."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            _check_not_stopped(stop)
            message = self._consumer.poll(min(left, _POLL_SECONDS))
            if message is None or message.error() is not None:
                continue
            try:
                answer = decode(message.value(), TemplateAnswer)
            except ContractError:  # not an answer to our command, which would be valid
                continue
            ours = answer.command_id == command.event_id
            if ours and isinstance(answer, TemplateUploaded | TemplateRejected):
                return answer
        raise BrokerError(f"no answer within {seconds:g} s; is a worker with the role `templates` running?")

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()


def _check_not_stopped(stop: threading.Event) -> None:
    if stop.is_set():
        raise StoppedError("interrupted; it is unknown whether the template arrived. Uploading it again is safe")


def _end_offsets(consumer: Consumer) -> list[TopicPartition]:
    topic = consumer.list_topics(TEMPLATE_EVENTS, timeout=ACK_SECONDS).topics[TEMPLATE_EVENTS]
    if topic.error is not None:
        raise KafkaException(topic.error)
    deadline = time.monotonic() + ACK_SECONDS
    return [
        _with_end_offset(consumer, TopicPartition(TEMPLATE_EVENTS, partition), deadline)
        for partition in topic.partitions
    ]


def _with_end_offset(consumer: Consumer, partition: TopicPartition, deadline: float) -> TopicPartition:
    while True:
        try:
            _, partition.offset = consumer.get_watermark_offsets(partition, timeout=ACK_SECONDS)
        except KafkaException as error:
            # The partition is changing its leader, or was created a moment ago.
            if error.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION or time.monotonic() > deadline:
                raise
        else:
            return partition
