"""Record batches byte by byte, and a producer of them: what no client library lets a test write."""

import socket
import struct
import time
from collections.abc import Sequence

from aiokafka.record.util import calc_crc32c

_NOT_LEADER = 6
_ATTEMPTS = 300
RawHeaders = Sequence[tuple[bytes, bytes | None]]


def varint(number: int) -> bytes:
    """Return a signed number in the zigzag encoding of the record format."""
    number = (number << 1) ^ (number >> 63)
    number &= 2**64 - 1
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _field(content: bytes | None) -> bytes:
    return varint(-1) if content is None else varint(len(content)) + content


def raw_record(
    key: bytes | None, value: bytes | None, headers: RawHeaders = (), *, offset_delta: int = 0, timestamp_delta: int = 0
) -> bytes:
    """Return one record of a batch, without its length."""
    body = b"\0" + varint(timestamp_delta) + varint(offset_delta) + _field(key) + _field(value)
    return body + varint(len(headers)) + b"".join(_field(name) + _field(content) for name, content in headers)


def raw_batch(records: Sequence[bytes], *, timestamp: int = 1_767_225_600_000, attributes: int = 0) -> bytes:
    """Return a batch of the current format (version 2) with a valid checksum. `timestamp` is in milliseconds."""
    content = b"".join(varint(len(record)) + record for record in records)
    return packed_batch(content, len(records), timestamp=timestamp, attributes=attributes)


def packed_batch(content: bytes, count: int, *, timestamp: int = 1_767_225_600_000, attributes: int = 0) -> bytes:
    """Return a batch whose records, compressed or not, are `content`."""
    checked = struct.pack(">hiqqqhii", attributes, count - 1, timestamp, timestamp, -1, -1, -1, count) + content
    after_length = struct.pack(">ibI", -1, 2, calc_crc32c(checked)) + checked
    return struct.pack(">qi", 0, len(after_length)) + after_length


def at_offset(batch: bytes, offset: int) -> bytes:
    """Return the batch as the broker stores it: the base offset is not part of the checksum."""
    return struct.pack(">q", offset) + batch[8:]


def produce_raw(address: str, topic: str, batch: bytes, partition: int = 0) -> int:
    """Publish a batch as it is, and return its offset. Raises AssertionError where the broker refuses it."""
    for _ in range(_ATTEMPTS):
        error, offset = _send(address, topic, batch, partition)
        if error != _NOT_LEADER:  # as for a moment after the topic was made
            break
        time.sleep(0.1)
    assert error == 0, f"the broker refused the batch: error {error}"
    return offset


def _send(address: str, topic: str, batch: bytes, partition: int) -> tuple[int, int]:
    """Send a request of the API `Produce`, version 3, and return the error and the offset of the answer."""
    host, port = address.split(":")
    name = topic.encode()
    header = struct.pack(">hhih", 0, 3, 1, 4) + b"test"
    body = struct.pack(">hhiih", -1, -1, 30_000, 1, len(name)) + name
    body += struct.pack(">iii", 1, partition, len(batch)) + batch
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
        answer = _read(connection, struct.unpack(">i", _read(connection, 4))[0])
    error, offset = struct.unpack_from(">hq", answer, 4 + 4 + 2 + len(name) + 4 + 4)
    return int(error), int(offset)


def _read(connection: socket.socket, count: int) -> bytes:
    content = b""
    while len(content) < count:
        piece = connection.recv(count - len(content))
        assert piece, "the broker closed the connection"
        content += piece
    return content
