"""Clocks, memory, and the bandwidth that bounds any engine that reads each weight it uses."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit


def timed(do: Callable[[], Any]) -> tuple[float, float, Any]:
    """CPU seconds of this process, wall seconds, and what was returned."""
    cpu, wall = time.process_time(), time.perf_counter()
    found = do()
    return time.process_time() - cpu, time.perf_counter() - wall, found


def median(values: list[float]) -> float:
    return float(statistics.median(values))


def peak_MB() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@njit(fastmath=True)
def _read_blocks(memory: np.ndarray, starts: np.ndarray, size: int) -> float:
    total = memory.dtype.type(0)
    for k in range(len(starts)):
        block = memory[starts[k] : starts[k] + size]
        for i in range(size):
            total += block[i]
    return total


class Blocks:
    """Random reads of whole blocks out of a working set, as spikes read weights.

    Parameters
    ----------
    n : int
        Numbers in the working set.
    size : int
        Numbers in a block.
    dtype : str
        Of the numbers.
    """

    def __init__(self, n: int, size: int, dtype: str) -> None:
        self.size = size
        self.memory = np.ones(n, dtype)
        self.starts = np.random.default_rng(0).integers(0, n // size, 40_000_000 // size) * size
        _read_blocks(self.memory, self.starts[:10], size)

    def GBps(self) -> float:
        cpu, _, _ = timed(lambda: _read_blocks(self.memory, self.starts, self.size))
        return self.starts.size * self.size * self.memory.itemsize / cpu / 1e9
