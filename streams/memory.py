"""How the C library's allocator keeps memory."""

import ctypes
import gc
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


def keep_what_is_loaded() -> None:
    """Have the collector of cycles leave out what there is now: code and models, which stay to the end.

    Going through them holds up everything for a twentieth of a second and finds nothing.
    """
    gc.collect()
    gc.freeze()
