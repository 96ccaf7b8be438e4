"""Keeping memory from one training step to the next."""

import contextlib
import ctypes

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_TOP_PAD = 256 << 20


def keep_freed_memory() -> bool:
    """Let the C library keep the memory that is freed, instead of giving it back each time.

    A training step frees and takes the same hundreds of megabytes again and again, and the kernel
    clears every page that comes back: a third to a half of the step on a CPU
    (``benchmarks/train_step.py``). The process holds on to its largest step until it ends.

    Returns:
        Whether the C library could be told; only glibc can.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        settings = ((_M_TRIM_THRESHOLD, -1), (_M_TOP_PAD, _TOP_PAD), (_M_MMAP_MAX, 0))
        done = [mallopt(name, value) for name, value in settings]
        return all(done)
    return False
