"""The private and internal names of Faust, mode and aiokafka that the bridge depends on, and what for.

A minor release may change them. A test compares this table with the installed versions, and with the names that the
source uses; `pyproject.toml` has the upper bounds of the versions.
"""

from dataclasses import dataclass
from typing import Final

_APP: Final = "faust.app.base:App"
_CONSUMER: Final = "faust.transport.drivers.aiokafka:Consumer"
_THREAD: Final = "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread"
_TABLES: Final = "faust.tables.manager:TableManager"
_FETCH_RECORDS: Final = "(self, consumer, active_partitions, timeout=None, max_records=None)"
_CLIENT: Final = "aiokafka.client:AIOKafkaClient"
_CLIENT_CONSUMER: Final = "aiokafka.consumer.consumer:AIOKafkaConsumer"
_FETCHER: Final = "aiokafka.consumer.fetcher:Fetcher"
_FETCHES: Final = "aiokafka.consumer.fetcher"
_PARTITION_RECORDS: Final = (
    "(tp, records, aborted_transactions, fetch_offset, key_deserializer, value_deserializer, check_crcs,"
    " isolation_level)"
)
_COORDINATOR: Final = "aiokafka.consumer.group_coordinator:GroupCoordinator"
_ASSIGNMENT: Final = "aiokafka.consumer.subscription_state:Assignment"
_PARTITION_STATE: Final = "aiokafka.consumer.subscription_state:TopicPartitionState"


@dataclass(frozen=True, slots=True)
class LibraryName:
    """A name of a library: the module and class that have it (or the module alone), and what it is used for.

    `signature` is that of a method that is overridden or replaced; None where the name is only read or called.
    """

    owner: str
    name: str
    purpose: str
    signature: str | None = None


LIBRARY_NAMES: Final = (
    # Faust: the application.
    LibraryName(_APP, "BootStrategy", "start no Faust producer"),
    LibraryName("faust.app.base:BootStrategy", "enable_kafka_producer", "start no Faust producer"),
    LibraryName(_APP, "_crash", "learn that the consumer has crashed", "(self, reason)"),
    LibraryName(_APP, "_create_directories", "create no directories for tables", "(self)"),
    LibraryName(_APP, "stop", "drain the inboxes before anything is stopped", "(self)"),
    LibraryName(_APP, "on_stop", "close the publisher once fetching has stopped", "(self)"),
    LibraryName(_APP, "flow_control", "drop queued events while partitions are moved"),
    LibraryName(_APP, "consumer_generation_id", "drop queued events of an earlier assignment"),
    LibraryName(_APP, "crash_reason", "report why the consumer has crashed"),
    LibraryName(_TABLES, "_update_channels", "start without waiting for tables"),
    LibraryName(_TABLES, "on_start", "start without waiting for tables", "(self)"),
    LibraryName("faust.streams", "_CStreamIterator", "require the compiled stream"),
    LibraryName("faust.agents.agent:Agent", "_actors", "tests: measure the queues of the streams"),
    # Faust: the consumer.
    LibraryName(_CONSUMER, "_thread", "reach the consumer's thread"),
    LibraryName(_CONSUMER, "_new_consumer_thread", "create `ConsumerThread`", "(self)"),
    LibraryName(_CONSUMER, "_wait_next_records", "poll soon under backpressure", "(self, timeout)"),
    LibraryName(_CONSUMER, "_get_active_partitions", "learn that every partition is paused"),
    LibraryName(_CONSUMER, "_buffered_partitions", "learn that partitions are paused, and forget revoked ones"),
    LibraryName(_CONSUMER, "_read_offset", "keep Faust from dropping records and from finding gaps"),
    LibraryName(_CONSUMER, "_committed_offset", "find the start of a gap"),
    LibraryName(_CONSUMER, "_gap", "allow commits past a gap"),
    LibraryName(_CONSUMER, "_acked", "commit past a gap at the end of a partition"),
    LibraryName(_CONSUMER, "_acked_index", "commit past a gap at the end of a partition"),
    LibraryName(_CONSUMER, "_filter_committable_offsets", "commit before a rebalance"),
    LibraryName(_CONSUMER, "_new_offset", "tests: the rule by which Faust commits"),
    LibraryName(_CONSUMER, "on_partitions_revoked", "commit before a rebalance", "(self, revoked)"),
    LibraryName(_CONSUMER, "on_stop", "limit the last commit", "(self)"),
    LibraryName(_CONSUMER, "_commit_fut", "commit also what was finished during a commit"),
    LibraryName(_CONSUMER, "close", "keep Faust from closing the consumer while it stops", "(self)"),
    LibraryName(_CONSUMER, "wait_first", "create no tasks for a record", "(self, *coros, timeout=None)"),
    LibraryName(_CONSUMER, "flow_active", "use Faust's own way while partitions are moved"),
    LibraryName(_CONSUMER, "suspend_flow", "use Faust's own way while partitions are moved"),
    LibraryName(_THREAD, "_consumer", "stop a consumer that could not connect"),
    LibraryName(_THREAD, "_ensure_consumer", "reach aiokafka's consumer"),
    LibraryName(_THREAD, "_create_worker_consumer", "set fetch wait and retry delays", "(self, transport)"),
    LibraryName(_THREAD, "_fetch_records", "record fetched offsets", _FETCH_RECORDS),
    LibraryName(_THREAD, "__post_init__", "add attributes", "(self)"),
    LibraryName(_THREAD, "on_start", "retry while no broker answers", "(self)"),
    LibraryName(_THREAD, "on_thread_stop", "leave the group within a limit", "(self)"),
    LibraryName("faust.transport.drivers.aiokafka:Transport", "Consumer", "create `Consumer`"),
    LibraryName("mode.threads:ServiceThread", "Worker", "keep the log context in the consumer's thread"),
    LibraryName("mode.threads:WorkerThread", "run", "keep the log context in the consumer's thread", "(self)"),
    # aiokafka.
    LibraryName(_CLIENT_CONSUMER, "_client", "set its retry delay"),
    LibraryName(_CLIENT_CONSUMER, "_coordinator", "find errors of the group membership"),
    LibraryName(_CLIENT_CONSUMER, "_fetch_max_wait_ms", "set the fetch wait"),
    LibraryName(_CLIENT_CONSUMER, "_fetcher", "pace fetches"),
    LibraryName(_CLIENT_CONSUMER, "_isolation_level", "read committed records only"),
    LibraryName(_CLIENT_CONSUMER, "_retry_backoff_ms", "set the retry delay"),
    LibraryName(_CLIENT_CONSUMER, "_subscription", "identify the present assignment"),
    LibraryName(_CLIENT, "_retry_backoff", "set the retry delay"),
    LibraryName(_CLIENT, "send", "ask to leave the group on another connection"),
    LibraryName(_CLIENT, "coordinator_lookup", "find the coordinator to leave"),
    LibraryName(_CLIENT, "close", "close a consumer that could not stop"),
    LibraryName("aiokafka.client", "CoordinationType", "find the coordinator to leave"),
    LibraryName("aiokafka.protocol.group", "LeaveGroupRequest", "ask to leave the group on another connection"),
    LibraryName("aiokafka.protocol.group", "JoinGroupRequest", "know who is no member"),
    LibraryName(_FETCHER, "_fetch_max_wait_ms", "pace fetches"),
    LibraryName(_FETCHER, "_fetch_min_bytes", "pace fetches"),
    LibraryName(_FETCHER, "_proc_fetch_request", "pace fetches", "(self, assignment, node_id, request)"),
    LibraryName(_FETCHES, "MemoryRecords", "decode every batch"),
    LibraryName(_FETCHES, "PartitionRecords", "decode every batch", _PARTITION_RECORDS),
    LibraryName(f"{_FETCHES}:PartitionRecords", "_unpack_records", "decode every batch", "(self)"),
    LibraryName(f"{_FETCHES}:PartitionRecords", "_records", "decode every batch"),
    LibraryName(f"{_FETCHES}:PartitionRecords", "_tp", "decode every batch"),
    LibraryName(f"{_FETCHES}:PartitionRecords", "next_fetch_offset", "continue behind what cannot be decoded"),
    LibraryName("aiokafka.record.memory_records", "MemoryRecords", "decode batch by batch"),
    LibraryName("aiokafka.record.util", "calc_crc32c", "tell damaged batches from odd ones"),
    LibraryName(_COORDINATOR, "_coordination_task", "learn that the consumer has left its group"),
    LibraryName(_COORDINATOR, "_do_rejoin_group", "tests: break the group membership"),
    LibraryName(_COORDINATOR, "check_errors", "find errors of the group membership"),
    LibraryName(_COORDINATOR, "coordinator_id", "learn whether the group has a coordinator"),
    LibraryName(_COORDINATOR, "ensure_coordinator_known", "find the coordinator to leave"),
    LibraryName(_COORDINATOR, "group_id", "leave the group"),
    LibraryName(_COORDINATOR, "member_id", "leave the group"),
    LibraryName(_COORDINATOR, "_group_instance_id", "stay in the group where the member has a name"),
    LibraryName(_ASSIGNMENT, "state_value", "read positions without waiting for them"),
    LibraryName(_PARTITION_STATE, "has_valid_position", "read positions without waiting for them"),
    LibraryName(_PARTITION_STATE, "position", "read positions without waiting for them"),
)
