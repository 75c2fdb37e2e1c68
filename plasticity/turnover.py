"""Structural turnover: synapses that fall to 0 are gone, and others grow elsewhere in the field."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from plasticity.compose import Compose
from snn.description import Network
from snn.errors import DescriptionError, sentence
from snn.local import Update, W, minimum
from snn.seeding import stream
from snn.state import State

LEAST_mV = 1e-9
"""A weight below it, for which no engine tells it from 0, is on its way out."""


class Structural(Compose):
    """Rules under which a synapse whose weight has come to 0 stays at 0: it is gone.

    Every new weight is that of the rules times ``min(1, w / 1e-9 mV)`` of the weight before. What is gone grows again only by
    `regrown`, somewhere in the field of the cell, between clips.

    Parameters
    ----------
    rules : tuple of Rule
        At least one; what they do to weights above 0 is as in `Compose`.

    References
    ----------
    Bellec, Kappel, Maass & Legenstein (2018), https://doi.org/10.48550/arXiv.1711.05136; Kappel, Habenschuss, Legenstein & Maass (2015),
    https://doi.org/10.1371/journal.pcbi.1004485. Spines that come and go: Holtmaat & Svoboda (2009),
    https://doi.org/10.1038/nrn2699.

    Notes
    -----
    *Departures.* Those rules move through 0 by noise, and keep a sign; here a rule's own depression takes synapses away, and
    chance brings others.
    """

    kind: Literal["structural"] = "structural"  # type: ignore[assignment]

    def updates(self) -> tuple[Update, ...]:
        """Updates of all rules, of what is there."""
        alive = minimum(W * (1.0 / LEAST_mV), 1.0)
        return tuple(u if u.weight is None else Update(u.when, alive * u.weight, u.own) for u in super().updates())


def regrown(state: State, network: Network, projection: str, *, n_synapses: int, born_mV: float, seed: int = 0) -> State:
    """Let every cell grow as many synapses as it lacks, at places of its field that are empty.

    Parameters
    ----------
    state : State
        Between clips.
    network : Network
        Its description.
    projection : str
        Whose synapses have weights of their own.
    n_synapses : int
        Synapses of a cell in this projection; one that has more keeps them, one with too small a field fills it.
    born_mV : float
        Weight of a new one.
    seed : int
        Of the places, together with the number of steps done.

    Returns
    -------
    State
        The same but for these weights.

    Raises
    ------
    DescriptionError
        If there is no such projection, synapses share weights, or a number is out of range.
    """
    j = network.projection(projection)
    if j.topology.kind == "shared" or network.population(j.target).pools is not None:
        raise DescriptionError(sentence(projection, "shares weights: a synapse of it cannot go by itself", cure="use another topology"))
    if n_synapses < 1 or not LEAST_mV < born_mV <= (np.inf if j.w_max_mV is None else j.w_max_mV):
        got, allowed = (n_synapses, born_mV), f"at least 1 synapse, and a weight above {LEAST_mV} mV within the bound of the projection"
        raise DescriptionError(sentence("regrown", "cannot grow that", got=got, allowed=allowed))
    weights, e = state.weights(projection).copy(), network.edges(j)
    flat = weights.reshape(-1)
    empty = flat[e.weight] < LEAST_mV
    lacking = n_synapses - np.bincount(e.post[~empty], minlength=network.population(j.target).n)
    # Empty places of each cell in an order of chance: the first of them grow.
    place, post = e.weight[empty], e.post[empty]
    order = np.lexsort((stream(seed, "turnover", projection, state.step).random(len(post)), post))
    first = np.searchsorted(post[order], post[order])
    grows = order[np.arange(len(order)) - first < lacking[post[order]]]
    flat[e.weight[empty]] = 0.0
    flat[place[grows]] = born_mV
    return replace(state, arrays={**state.arrays, f"weights/{projection}": weights})
