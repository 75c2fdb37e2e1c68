"""Learned weights to a number of bits, as hardware or a synapse of few states would keep them."""

from __future__ import annotations

import numpy as np

from snn.description import MIXED, Network
from snn.state import State


def rounded(state: State, network: Network, bits: int | None) -> State:
    """Round the weights that are learned.

    ``w = round(w / step) step`` with ``step = max |w| / (2^bits - 1)`` over a projection, whose sign belongs to its source; where that is
    mixed, one bit is for the sign.

    Parameters
    ----------
    state : State
    network : Network
    bits : int or None
        None leaves them as they are.

    Returns
    -------
    State
    """
    if bits is None:
        return state
    arrays = dict(state.arrays)
    for j in network.projections:
        if j.rule is None:
            continue
        w = state.weights(j.name)
        levels = 2 ** (bits - (network.population(j.source).sign == MIXED)) - 1
        largest = float(np.abs(w).max())
        if largest > 0 and levels > 0:
            arrays[f"weights/{j.name}"] = np.round(w / largest * levels) * (largest / levels)
    return State(arrays, state.step, state.seed, state.dt_ms, state.digest)
