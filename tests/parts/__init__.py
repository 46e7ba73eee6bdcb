"""Real servers for tests, benchmarks and fault runs, started from what `scripts/test-parts.sh` installed.

Each class starts its server in `start()` (or as a context manager) and stops it, by its process id, in `close()`. If
the Python process dies first, the kernel kills the servers: start them from a thread that outlives them.
"""

from tests.parts.kafka import KafkaServer
from tests.parts.kafka_cluster import KafkaCluster
from tests.parts.mariadb import MariaServer
from tests.parts.objects import Bucket, ObjectServer
from tests.parts.ports import free_port
from tests.parts.postgres import PostgresServer
from tests.parts.process import PartError, ServerProcess

__all__ = [
    "Bucket",
    "KafkaCluster",
    "KafkaServer",
    "MariaServer",
    "ObjectServer",
    "PartError",
    "PostgresServer",
    "ServerProcess",
    "free_port",
]
