"""A kernel that all sites share becomes weights of each site's own: explicitly, or as a kernel and a factor for each cell."""

from __future__ import annotations

import numpy as np

from conversion.circuit import Circuit, FloatArray, rebuilt
from snn.seeding import stream
from snn.topology import LocalField, SharedKernel, existing


def unshare(circuit: Circuit, *, spread: float = 0.0, seed: int = 0) -> Circuit:
    """Give every synapse a weight of its own, equal to that of the kernel, or scattered around it.

    Parameters
    ----------
    circuit : Circuit
    spread : float
        Standard deviation of the logarithm of a factor on each weight, whose mean is 1: what sites differ by. With 0 the
        rates do not change at all.
    seed : int
        Of the factors.

    Returns
    -------
    Circuit
        Every `SharedKernel` is a `LocalField`.
    """
    network = circuit.network
    listed = []
    for j in network.projections:
        w = circuit.weights(j.name)
        if isinstance(j.topology, SharedKernel):
            pre, post = network.ends(j)
            field = LocalField(size=j.topology.size, pre_features=j.topology.pre_features, post_features=j.topology.post_features)
            w = tiled(w, pre.rows, pre.cols) * existing(field, pre, post)
            if spread:
                w = w * scatter(w.shape, spread, stream(seed, "unshare", j.name))
            j = j.model_copy(update={"topology": field})
        listed.append((j, w))
    return rebuilt(circuit, network.populations, listed)


def tiled(kernel: FloatArray, rows: int, cols: int) -> FloatArray:
    """Repeat a kernel for every source site.

    Parameters
    ----------
    kernel : ndarray, shape (phase_rows, phase_cols, n_pre, size, size, n_post)
    rows, cols : int
        Extent of the source grid.

    Returns
    -------
    ndarray, shape (rows, cols, n_pre, size, size, n_post)
    """
    return np.tile(kernel, (rows // kernel.shape[0], cols // kernel.shape[1], 1, 1, 1, 1))


def scatter(shape: tuple[int, ...], spread: float, rng: np.random.Generator) -> FloatArray:
    """Draw log-normal factors of mean 1.

    Parameters
    ----------
    shape : tuple of int
    spread : float
        Standard deviation of the logarithm.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape ``shape``

    References
    ----------
    Synaptic weights are distributed log-normally: Song et al. (2005), https://doi.org/10.1371/journal.pbio.0030068.
    """
    return np.exp(rng.normal(-0.5 * spread**2, spread, shape))
