"""Synapses of a converted circuit that go on learning by a local rule.

A rule needs a weight for every synapse, and copies share theirs. So the cells of the plastic target get currents, and all
their synapses weights, of their own; nothing else changes, and neither do the spikes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from conversion.circuit import Circuit, FloatArray, rebuilt
from snn.description import Projection, Signal
from snn.errors import ConversionError, nearest, sentence
from snn.local import Rule
from snn.topology import Dense, LocalField, OneToOne, SharedKernel


def with_rule(
    circuit: Circuit,
    targets: Sequence[str],
    sources: Sequence[str],
    rule_of: Callable[[Projection], Rule],
    signals: Sequence[Signal],
    w_max_mV: float | None = None,
) -> Circuit:
    """Let a rule act on the synapses from some populations to others.

    Parameters
    ----------
    circuit : Circuit
        Of spiking cells.
    targets, sources : sequence of str
        Populations; all projections between them become plastic.
    rule_of : callable
        Gives the rule of a projection.
    signals : sequence of Signal
        What the rules read.
    w_max_mV : float, optional
        Upper bound of the plastic weights.

    Returns
    -------
    Circuit
        With the same spikes as long as nothing is learned.

    Raises
    ------
    ConversionError
        If there is no such projection, or sites share its kernel.
    """
    found = own_weights(circuit, targets)
    plastic = [j for j in found.network.projections if j.source in sources and j.target in targets]
    if not plastic:
        known = sorted({j.source for j in found.network.projections if j.target in targets})
        wanted = sources[0] if sources else ""
        raise ConversionError(sentence("sources", f"none of them reaches {list(targets)}", got=list(sources), cure=nearest(wanted, known)))
    shared = next((j.name for j in plastic if isinstance(j.topology, SharedKernel)), None)
    if shared is not None:
        raise ConversionError(sentence(shared, "has one kernel for all sites, which no local rule can change", cure="convert with unshare"))
    names = {j.name for j in plastic}
    listed = []
    for j in found.network.projections:
        update = {"rule": rule_of(j), "signals": tuple(signals), "w_max_mV": w_max_mV} if j.name in names else {}
        listed.append((j.model_copy(update=update), found.weights(j.name)))
    return rebuilt(found, found.network.populations, listed)


def own_weights(circuit: Circuit, targets: Sequence[str]) -> Circuit:
    """Give every cell of some populations currents of its own, and every synapse onto it a weight of its own.

    Parameters
    ----------
    circuit : Circuit
    targets : sequence of str
        Populations.

    Returns
    -------
    Circuit
        With the same spikes.

    Raises
    ------
    ConversionError
        If there is no such population.
    """
    network = circuit.network
    names = [p.name for p in network.populations]
    for name in targets:
        if name not in names:
            raise ConversionError(sentence("targets", f"there is no population {name!r}", cure=nearest(name, names)))
    populations = [p.model_copy(update={"pools": None}) if p.name in targets else p for p in network.populations]
    listed = []
    for j in network.projections:
        w = circuit.weights(j.name)
        listed.append((j, _between_copies(circuit, j, w) if j.target in targets else w))
    return replace(rebuilt(circuit, populations, listed), partners=circuit.partners)


def _between_copies(circuit: Circuit, j: Projection, w: FloatArray) -> FloatArray:
    """Repeat weights between units for all pairs of their copies; pairs that do not meet get 0."""
    source, target = circuit.network.population(j.source), circuit.network.population(j.target)
    if target.pools is None:
        return w
    n, m = source.copies, target.copies
    meets = (np.arange(n)[:, None] % target.pools == np.arange(m)[None, :] % target.pools).astype(float)
    if isinstance(j.topology, LocalField | SharedKernel):
        rows, cols, n_pre, k, _, n_post = w.shape
        found: FloatArray = np.einsum("rcfabq,ij->rcfiabqj", w, meets).reshape(rows, cols, n_pre * n, k, k, n_post * m)
        return found
    if isinstance(j.topology, Dense):
        dense: FloatArray = np.einsum("fq,ij->fiqj", w, meets).reshape(w.shape[0] * n, w.shape[1] * m)
        return dense
    assert isinstance(j.topology, OneToOne)
    pairs = j.topology.pairs if j.topology.pairs is not None else tuple((f, f) for f in range(source.shape[2]))
    met = [(a * n + i, b * m + k, index, meets[i, k]) for index, (a, b) in enumerate(sorted(pairs)) for i in range(n) for k in range(m)]
    return np.stack([w[..., index] * factor for _, _, index, factor in sorted(met)], axis=-1)
