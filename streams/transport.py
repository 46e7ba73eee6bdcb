"""Faust's Kafka transport, with the three things it does not let us set.

- Its producer is not idempotent; ours is, so that a retried send neither repeats nor reorders records.
- It fixes how long a fetch waits at the broker; embedded brokers, which do not wake a waiting fetch, want less.
- While partitions are held back it may sleep a whole second, or wait as long on the others; we look again soon.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import aiokafka
from faust.transport.drivers import aiokafka as driver

LOOK_AGAIN_SECONDS = 0.02
"""How soon a partition that was let go is fetched again; an idle look costs some 50 microseconds."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Creates the consumer with our fetch wait."""

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        app: Any = self.app
        consumer._fetch_max_wait_ms = int(app.fetch_wait * 1000)
        return consumer


class Consumer(driver.Consumer):
    """Consumes, and stays quick while partitions are held back."""

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def _wait_next_records(self, timeout: float) -> Any:
        if self._buffered_partitions and self.flow_active:
            if not self._get_active_partitions():
                await self.sleep(LOOK_AGAIN_SECONDS)
                return {}, set()
            timeout = LOOK_AGAIN_SECONDS
        return await super()._wait_next_records(timeout)


class Producer(driver.Producer):
    """Produces with acks from all replicas and without duplicates of its own making."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}


class Transport(driver.Transport):
    """What `RoleApp` uses in place of Faust's own."""

    Consumer: ClassVar[type[Any]] = Consumer
    Producer: ClassVar[type[Any]] = Producer
