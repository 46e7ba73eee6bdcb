"""The posters of a batch between reading the rows and writing the request: on disk, however many they are."""

import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self

from msgspec import Raw

from .contract.limits import BATCH_MAX_POSTERS

_IN_MEMORY_BYTES: Final = 4 * 1024 * 1024


class Spool:
    """Encoded posters, in order. A context manager: what it keeps on disk is gone at the exit."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - closed by __exit__
        self._sizes: list[int] = []

    def __len__(self) -> int:
        return len(self._sizes)

    def append(self, poster: bytes) -> None:
        """Keep one more."""
        self._file.write(poster)
        self._sizes.append(len(poster))

    def parts(self, *, room: int) -> list[range]:
        """Return the indexes of each part of the contract: up to 500 posters and `room` bytes."""
        parts: list[range] = []
        first, used = 0, 0
        for index, size in enumerate(self._sizes):
            if index > first and (index - first == BATCH_MAX_POSTERS or used + size + 1 > room):
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
