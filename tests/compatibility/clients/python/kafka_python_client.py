"""A client on kafka-python with its defaults: publishes an upload and a request, and prints the job's outcome."""

import sys
from pathlib import Path

from kafka import KafkaConsumer, KafkaProducer


def main(brokers: str, section: str, upload: str, key: str, request: str, job: str) -> None:
    """Publish both records, then read completions until the job's."""
    producer = KafkaProducer(bootstrap_servers=brokers)
    producer.send("template-commands", Path(upload).read_bytes(), key=section.encode()).get(timeout=30)
    producer.send("poster-requests", Path(request).read_bytes(), key=key.encode() or None).get(timeout=30)
    producer.close()
    consumer = KafkaConsumer(
        "poster-completions", bootstrap_servers=brokers, group_id=f"kafka-python-{job}", auto_offset_reset="earliest"
    )
    for message in consumer:
        if job.encode() in message.value:
            sys.stdout.write(message.value.decode())
            break
    consumer.close()


main(*sys.argv[1:])
