"""Read and write the records of a topic."""

from collections.abc import Iterable

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition


def read_topic(broker: str, topic: str) -> list[Message]:
    """Return every record of the topic, in offset order within each partition."""
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "reader", "enable.auto.commit": False})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    places = [TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions]
    left = sum(_count(consumer, place) for place in places)
    consumer.assign(places)
    records = []
    while left:
        message = consumer.poll(10)
        assert message is not None
        assert message.error() is None
        records.append(message)
        left -= 1
    consumer.close()
    return records


def write_topic(broker: str, topic: str, values: Iterable[bytes | None], *, key: str = "job") -> None:
    """Append the values to one partition, and return when the broker has acknowledged them."""
    producer = Producer({"bootstrap.servers": broker, "enable.idempotence": True})
    for value in values:
        producer.produce(topic, key=key, value=value)
    assert producer.flush(10) == 0


def _count(consumer: Consumer, place: TopicPartition) -> int:
    while True:
        try:
            low, high = consumer.get_watermark_offsets(place, timeout=10)
        except KafkaException as error:
            # The partition was created a moment ago.
            if error.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION:
                raise
        else:
            return int(high - low)
