"""Convolution kernels as weights of local topologies: what a source reaches, in place of what a target is reached by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def same(kernel: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Turn a convolution that keeps the size into weights between equal grids.

    Parameters
    ----------
    kernel : ndarray, shape (n_out, n_in, k, k) or (sites, n_out, n_in, k, k)
        One kernel, or one for each target site.
    size : (int, int)
        Rows and columns.

    Returns
    -------
    ndarray, shape (1, 1, n_in, k, k, n_out) or (rows, cols, n_in, k, k, n_out)
        For a `SharedKernel` or a `LocalField`; places outside of the grid are 0.
    """
    k = kernel.shape[-1]
    return _scattered(kernel, size, size, 1, k)


def upsampled(kernel: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Turn a convolution after nearest-neighbour upsampling by two into weights from the coarse grid to the fine one.

    Parameters
    ----------
    kernel : ndarray, shape (n_out, n_in, k, k) or (sites, n_out, n_in, k, k)
    size : (int, int)
        Rows and columns of the fine grid.

    Returns
    -------
    ndarray, shape (1, 1, n_in, k + 1, k + 1, n_out) or (rows / 2, cols / 2, n_in, k + 1, k + 1, n_out)
    """
    return _scattered(kernel, (size[0] // 2, size[1] // 2), size, 2, kernel.shape[-1] + 1)


def pooled(kernel: FloatArray, pool: int) -> FloatArray:
    """Turn a convolution after average pooling into weights from the fine grid to the coarse one.

    Parameters
    ----------
    kernel : ndarray, shape (n_out, n_in, k, k)
    pool : int
        Side of the pooled square.

    Returns
    -------
    ndarray, shape (pool, pool, n_in, k, k, n_out)
        For a `SharedKernel`; every site of a square has the same kernel over the square's area.
    """
    one = same(kernel, (1, 1)) / pool**2
    return np.ascontiguousarray(np.broadcast_to(one, (pool, pool, *one.shape[2:])))


def _scattered(kernel: FloatArray, pre: tuple[int, int], post: tuple[int, int], factor: int, width: int) -> FloatArray:
    """Weights from each source site to a square of targets; each source stands for ``factor`` squared fine sites."""
    k = kernel.shape[-1]
    n_out, n_in = kernel.shape[-4:-2]
    shared = kernel.ndim == 4
    sites = (1, 1) if shared else pre
    found = np.zeros((*sites, n_in, width, width, n_out))
    rows, cols = (factor * np.arange(n)[:, None] - (k // 2) + np.arange(width) for n in sites)
    for i in range(factor):
        for j in range(factor):
            for ki in range(k):
                for kj in range(k):
                    a, b = i + k - 1 - ki, j + k - 1 - kj
                    if shared:
                        found[0, 0, :, a, b] += kernel[:, :, ki, kj].T
                        continue
                    r, c = rows[:, a], cols[:, b]
                    inside = ((r >= 0) & (r < post[0]))[:, None] & ((c >= 0) & (c < post[1]))[None, :]
                    at = np.clip(r, 0, post[0] - 1)[:, None] * post[1] + np.clip(c, 0, post[1] - 1)[None, :]
                    part = kernel[at, :, :, ki, kj].transpose(0, 1, 3, 2)
                    found[:, :, :, a, b] += np.where(inside[..., None, None], part, 0.0)
    return found
