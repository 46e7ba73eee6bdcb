"""A client on aiokafka with its defaults: publishes an upload and a request, and prints the job's outcome."""

import asyncio
import sys
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer


async def main(brokers: str, section: str, upload: str, key: str, request: str, job: str) -> None:
    """Publish both values, then read completions until the job's."""
    async with AIOKafkaProducer(bootstrap_servers=brokers) as producer:
        await producer.send_and_wait("template-commands", upload.encode(), key=section.encode())
        await producer.send_and_wait("poster-requests", request.encode(), key=key.encode() or None)
    consumer = AIOKafkaConsumer(
        "poster-completions", bootstrap_servers=brokers, group_id=f"aiokafka-{job}", auto_offset_reset="earliest"
    )
    async with consumer:
        async for message in consumer:
            if job.encode() in message.value:
                sys.stdout.write(message.value.decode())
                return


brokers, section, upload, key, request, job = sys.argv[1:]
asyncio.run(main(brokers, section, Path(upload).read_text(), key, Path(request).read_text(), job))
