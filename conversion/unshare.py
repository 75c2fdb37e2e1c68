"""A kernel that all sites share becomes weights of each site's own.

Explicitly (`unshare`), or to save memory virtually (`spread_out`): the kernel stays, and each source unit has a factor of its
own on all its weights.
"""

from __future__ import annotations

import numpy as np

from conversion.circuit import Circuit, FloatArray, rebuilt
from snn.seeding import stream
from snn.topology import LocalField, SharedKernel, existing
from snn.weights import factors


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
                w = w * factors(w.size, spread, stream(seed, "unshare", j.name)).reshape(w.shape)
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


def spread_out(circuit: Circuit, spread: float, seed: int = 0) -> Circuit:
    """Keep shared kernels, and give each source unit a factor of its own, for one number a unit.

    A population and its inhibitory partner have the same factors, onto a population and its partner alike, so what was
    balanced stays so.

    Parameters
    ----------
    circuit : Circuit
    spread : float
        Standard deviation of the logarithm of the factors, whose mean is 1.
    seed : int

    Returns
    -------
    Circuit
    """
    network = circuit.network
    listed, arrays = [], {k: a for k, a in circuit.arrays.items() if not k.startswith("weights/")}
    for j in network.projections:
        if isinstance(j.topology, SharedKernel) and spread:
            j = j.model_copy(update={"spread": spread})
            source, target = (name.removesuffix("_inh") if name in circuit.partners else name for name in (j.source, j.target))
            drawn = factors(network.ends(j)[0].n, spread, stream(seed, "spread", source, target, j.receptor))
            arrays[f"factor/{j.name}"] = drawn
        listed.append((j, circuit.weights(j.name)))
    return rebuilt(circuit, network.populations, listed, arrays)
