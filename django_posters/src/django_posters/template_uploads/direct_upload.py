"""Upload a template straight to the broker, without the outbox, and wait for the answer of the templates role.

The command line uses it: it reports the result at once and needs neither `relay_posters` nor `consume_posters`.
"""

import math
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
from django_posters.outbox.store import new_headers
from django_posters.tracing import creating

_POLL_SECONDS: Final = 0.2
"""The longest delay between Ctrl-C and the end of a wait."""


def send(stop: threading.Event, command: TemplateUpload, settings: Settings, *, deadline: float = math.inf) -> None:
    """Return once the broker has acknowledged the command. `deadline` is a time of the monotonic clock.

    Raises BrokerError, and StoppedError where `stop` is set.
    """
    producer = make_producer(settings)
    errors: list[KafkaError] = []

    def report(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            errors.append(error)

    with creating(TEMPLATE_COMMANDS, command.section) as trace:
        headers: list[tuple[str, str | bytes | None]] = list((trace | new_headers(command)).items())
    key, value = command.section.encode(), encode(command)
    producer.produce(
        settings.written_topic(TEMPLATE_COMMANDS), key=key, value=value, headers=headers, on_delivery=report
    )
    while producer.flush(min(_POLL_SECONDS, max(0, deadline - time.monotonic()))):
        _check_not_stopped(stop)
        if time.monotonic() >= deadline:
            # Else the client would wait for the rest of its own time when the process ends.
            producer.purge()
            raise BrokerError(
                "the broker did not take the template in time, and it is unknown whether it arrived: "
                f"does it run at {settings.bootstrap_servers}? Uploading it again is safe"
            )
    if errors:
        raise BrokerError(
            f"the broker did not take the template in {ACK_SECONDS} s: {errors[0].str()}; "
            f"does it run at {settings.bootstrap_servers}?"
        )


class TemplateAnswers:
    """Reads the answers of the templates role from now on. Open it before you send.

    `deadline` is a time of the monotonic clock. Raises BrokerError.
    """

    def __init__(self, settings: Settings, *, deadline: float = math.inf) -> None:
        self._deadline = deadline
        self._consumer = make_consumer(settings, group=f"{settings.group}-uploads")
        topic = settings.topic(TEMPLATE_EVENTS)
        try:
            self._consumer.assign(_end_offsets(self._consumer, topic, min(deadline, time.monotonic() + ACK_SECONDS)))
        except KafkaException as error:
            self._consumer.close()
            raise BrokerError(
                f"the broker does not return the end offsets of {topic}: {error.args[0].str()}; "
                f"does it run at {settings.bootstrap_servers}, and was `posters setup` run?"
            ) from error

    def wait_for(
        self, stop: threading.Event, command: TemplateUpload, *, seconds: float
    ) -> TemplateUploaded | TemplateRejected:
        """Return the answer to the command, which may take `seconds` or until the deadline.

        Raises BrokerError after that time, StoppedError where `stop` is set.
        """
        deadline = min(self._deadline, time.monotonic() + seconds)
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


def _end_offsets(consumer: Consumer, name: str, deadline: float) -> list[TopicPartition]:
    topic = consumer.list_topics(name, timeout=_left(deadline)).topics[name]
    if topic.error is not None:
        raise KafkaException(topic.error)
    return [_with_end_offset(consumer, TopicPartition(name, partition), deadline) for partition in topic.partitions]


def _with_end_offset(consumer: Consumer, partition: TopicPartition, deadline: float) -> TopicPartition:
    while True:
        try:
            _, partition.offset = consumer.get_watermark_offsets(partition, timeout=_left(deadline))
        except KafkaException as error:
            # The partition is changing its leader, or was created a moment ago.
            if error.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION or time.monotonic() > deadline:
                raise
        else:
            return partition


def _left(deadline: float) -> float:
    # Not 0, with which the client does not wait for what it has asked for.
    return max(0.05, deadline - time.monotonic())
