"""What the allocator does with large buffers: they go back to the system when nobody holds them."""

import ctypes

LARGE = 9 << 20
"""More than framing reads at once, whose buffers are used again and again: pages that are new cost
as much as a third of the digests."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def return_large_buffers(large: int = LARGE) -> None:
    """Let buffers of so many bytes have mappings of their own, and each thread keep one smaller.

    By default glibc raises these thresholds to the largest buffer that was freed, and keeps what is
    smaller in an arena of each thread: ranges of a body then add up to several times what is held
    of it. Without glibc nothing is changed.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, large)
        mallopt(_M_TRIM_THRESHOLD, large)
