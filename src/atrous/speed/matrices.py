"""The product of matrices as the yardstick: what this machine computes at its best."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

_SIDE = 1536
"""Large enough that the product, not the memory, takes the time."""
FLOATING_POINT_OPERATIONS = 2 * _SIDE**3
"""Of one product."""


def kernels(cpu_info: Path = Path("/proc/cpuinfo")) -> Sequence[Mapping[str, str]]:
    """Settings of the environment to measure products under; the fastest one counts.

    On AMD's processors with AVX-512 OpenBLAS 0.3.31 takes kernels of 256 bits by itself, half as
    fast as those of 512 bits that it has too.

    Args:
        cpu_info: What Linux says of the processors.
    """
    try:
        wide = " avx512f" in cpu_info.read_text()
    except OSError:
        wide = False
    return ({}, {"OPENBLAS_CORETYPE": "SkylakeX"}) if wide else ({},)


class Matrices:
    """Two float32 matrices that numpy multiplies with the BLAS that it was built with."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        self._left, self._right = random.random((2, _SIDE, _SIDE), np.float32)
        self._product = np.empty_like(self._left)
        self.seconds()

    def seconds(self) -> float:
        """Time of one product."""
        start = time.perf_counter()
        np.matmul(self._left, self._right, out=self._product)
        return time.perf_counter() - start
