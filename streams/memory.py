"""How the C library's allocator keeps memory."""

import ctypes
from typing import Final

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
LARGE_BYTES: Final = 256 * 1024


def return_large_blocks() -> None:
    """Let what is over 256 KB go back to the system as soon as it is freed.

    Images pass through by the thousand; by default glibc raises this threshold to the size of what it has seen and
    keeps the fragments (mallopt(3), M_MMAP_THRESHOLD): 174 MB after 60 posters instead of 125. Without glibc nothing
    is done.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_MMAP_THRESHOLD, LARGE_BYTES)
        library.mallopt(_TRIM_THRESHOLD, LARGE_BYTES)
