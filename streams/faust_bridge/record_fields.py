"""The fields of a Kafka record in its binary form, decoded so that no producer's bytes are too odd."""

from typing import Final

from streams.delivery import Headers

_LONGEST_NUMBER: Final = 10


class Fields:
    """Reads the fields of a record one after the other. Every method raises ValueError where the bytes end early."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = 0

    def skip(self, count: int) -> None:
        """Go past some bytes."""
        self._take(count)

    def number(self) -> int:
        """Return a signed number (zigzag, seven bits a byte)."""
        encoded = shift = 0
        for _ in range(_LONGEST_NUMBER):
            byte = self._take(1)[0]
            encoded |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (encoded >> 1) ^ -(encoded & 1)
            shift += 7
        raise ValueError("a number has no end")

    def field(self) -> bytes | None:
        """Return bytes that follow their length; None for a null."""
        length = self.number()
        return None if length < 0 else self._take(length)

    def headers(self) -> Headers:
        """Return headers; what is not UTF-8 in a name is escaped, since names are text everywhere else."""
        count = self.number()
        if count < 0:
            raise ValueError(f"the number of headers is {count}")
        headers = []
        for _ in range(count):
            name = self.field()
            if name is None:
                raise ValueError("the name of a header is null")
            headers.append((name.decode("utf-8", "backslashreplace"), self.field()))
        return tuple(headers)

    def _take(self, count: int) -> bytes:
        end = self._position + count
        if end > len(self._content):
            raise ValueError("the bytes end early")
        taken = self._content[self._position : end]
        self._position = end
        return taken
