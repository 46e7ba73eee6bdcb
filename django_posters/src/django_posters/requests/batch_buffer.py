"""Buffer for the encoded posters of a batch, spilled to disk, so that memory use does not grow with the batch.

The number of parts has to be known before the first part is written, so all posters are encoded first.
"""

import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self

from msgspec import Raw

from django_posters.contract.limits import BATCH_MAX_POSTERS

_IN_MEMORY_BYTES: Final = 4 * 1024 * 1024


class BatchBuffer:
    """Encoded posters, in order. A context manager: the exit deletes the file on disk."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - closed by __exit__
        self._sizes: list[int] = []

    def __len__(self) -> int:
        return len(self._sizes)

    def append(self, poster: bytes) -> None:
        """Add an encoded poster at the end."""
        self._file.write(poster)
        self._sizes.append(len(poster))

    def parts(self, *, max_bytes: int) -> list[range]:
        """Return the indexes of each part: up to 500 posters and `max_bytes` bytes of posters and separators."""
        parts: list[range] = []
        first, used = 0, 0
        for index, size in enumerate(self._sizes):
            if index > first and (index - first == BATCH_MAX_POSTERS or used + size + 1 > max_bytes):
                parts.append(range(first, index))
                first, used = index, 0
            used += size + 1
        if self._sizes:
            parts.append(range(first, len(self._sizes)))
        return parts

    def read(self, parts: list[range]) -> Iterator[list[Raw]]:
        """Yield the posters of each part, one part after the other."""
        self._file.seek(0)
        for part in parts:
            yield [Raw(self._file.read(self._sizes[index])) for index in part]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
