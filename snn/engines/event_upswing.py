"""Compiled loop of the event engine over cells whose spikes have an upswing (phase 1)."""

from __future__ import annotations

import numpy as np
from numba import njit

from snn.engines import upswing
from snn.engines.event_arrays import (
    L_ADAPT_DECAY,
    L_AFTER,
    L_AFTER_RATE,
    L_COUPLING,
    L_DRIVE,
    L_JUMP,
    L_JUMP_RATE,
    L_ONSET,
    L_SHARPNESS,
    PEAK,
    START,
    Arrays,
    Floats,
    Tables,
)

MOST_UPSWING = upswing.MOST_UPSWING


@njit(cache=True)
def swing_up(p: int, n: int, before: Floats, t: Tables, x: Arrays) -> None:
    """Add the upswing and the afterpotential to a step, and move the adaptation, which stands still at the peak.

    Parameters
    ----------
    p : int
        Number of the population.
    n : int
        Number of the step.
    before : ndarray, shape (n_cells,)
        V as the step began.
    t : Tables
    x : Arrays
        Changed in place.
    """
    law, start, size = t.law, t.pop[p, START], len(before)
    v, a, last = x.v[start : start + size], x.adaptation[start : start + size], x.last[start : start + size]
    drive, sharpness, onset, coupling = law[p, L_DRIVE], law[p, L_SHARPNESS], law[p, L_ONSET], law[p, L_COUPLING]
    most = v.dtype.type(MOST_UPSWING)
    if law[p, L_JUMP] > 0:
        for i in range(size):
            risen = onset + law[p, L_JUMP] * v.dtype.type(np.exp(-law[p, L_JUMP_RATE] * (n - 1 - last[i])))
            v[i] += drive * sharpness * np.exp(min((before[i] - risen) / sharpness, most))
    else:
        for i in range(size):
            v[i] += drive * sharpness * np.exp(min((before[i] - onset) / sharpness, most))
    if law[p, L_AFTER] > 0:
        for i in range(size):
            v[i] += law[p, L_AFTER] * v.dtype.type(np.exp(-law[p, L_AFTER_RATE] * (n - 1 - last[i])))
    decay, tiny = law[p, L_ADAPT_DECAY], t.tiny[0]
    for i in range(size):
        if n - last[i] >= t.pop[p, PEAK]:
            a[i] = decay * a[i] + coupling * before[i] + tiny - tiny
