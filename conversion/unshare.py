"""A kernel that all sites share becomes weights of each site's own.

Explicitly (`unshare`), or to save memory virtually (`spread_out`): the kernel stays, and each source unit has a factor of its
own on all its weights.
"""

from __future__ import annotations

import math

import numpy as np

from conversion.circuit import Circuit, FloatArray, rebuilt
from conversion.routes import STAGE
from snn.description import Projection
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

    A population and the partners that carry its activity have the same factors, onto a population and its partners alike, so
    what was balanced stays so. Where one cell of a site takes away what several have added (route ``parisien``), it has the
    mean of their factors, and balance is kept only on average.

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
    listed, arrays = [], {k: a for k, a in circuit.arrays.items() if not k.startswith("weights/")}
    for j in circuit.network.projections:
        if isinstance(j.topology, SharedKernel) and spread:
            j = j.model_copy(update={"spread": spread})
            arrays[f"factor/{j.name}"] = _of_sources(circuit, j, seed)
        listed.append((j, circuit.weights(j.name)))
    return rebuilt(circuit, circuit.network.populations, listed, arrays)


def _of_sources(circuit: Circuit, j: Projection, seed: int) -> FloatArray:
    """Draw the factors of a projection's source units, as they are for the synapse of the rate model that it stands for."""
    network, of = circuit.network, circuit.partner_of
    source, target = network.population(of.get(j.source, j.source)), of.get(j.target, j.target)
    # Interneurons before a target sum what then passes one of its receptors.
    onward = [k.receptor for k in network.projections if j.receptor == STAGE and (k.source, k.target) == (j.target, target)]
    here = network.ends(j)[0]
    shape = (*source.shape, here.copies)
    drawn = factors(math.prod(shape), j.spread, stream(seed, "spread", source.name, target, *(onward or [j.receptor])))
    if here.n == drawn.size:
        return drawn
    told = next(k.topology for k in network.projections if (k.source, k.target) == (source.name, j.source))
    first, stop = getattr(told, "pre_features", None) or (0, source.shape[2])
    mean: FloatArray = drawn.reshape(shape)[:, :, first:stop].mean(axis=2).ravel()
    return mean
