"""Memory tuning of a worker: the C library's allocator and the garbage collector."""

import ctypes
import gc
from typing import Final

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
LARGE_BYTES: Final = 256 * 1024


def return_large_blocks() -> None:
    """Return blocks above 256 KB to the system as soon as they are freed.

    A worker handles thousands of images. By default glibc raises this threshold to the largest block freed so far and
    keeps the fragments (mallopt(3), M_MMAP_THRESHOLD): 174 MB after 60 posters instead of 125. Without glibc this does
    nothing.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_MMAP_THRESHOLD, LARGE_BYTES)
        library.mallopt(_TRIM_THRESHOLD, LARGE_BYTES)


def freeze_loaded_objects() -> None:
    """Exclude the present objects (code and models, which live as long as the process) from garbage collection.

    Traversing them blocks the event loop for some 50 ms and frees nothing.
    """
    gc.collect()
    gc.freeze()
