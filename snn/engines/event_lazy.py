"""Rules in the event engine whose updates at spikes of the target wait until the next arrival (``event_plan.py``).

Between two arrivals only one thing happens to a synapse: it gains (or loses) what the arriving trace was worth at the
last arrival, times the difference of two snapshots of the target's discounted sum of factors; so that can be added, and
clipped, at once. Snapshots are kept for an epoch of steps, short enough that the difference does not cancel. The
arrivals themselves are compiled from the rule, in ``event_text.py``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from snn.engines.event_arrays import (
    Z_CELLS,
    Z_EPOCH,
    Z_HISTORY,
    Z_N_POST,
    Z_N_PRE,
    Z_PROJECTION,
    Z_TRACE,
    ZL_HIGH,
    ZL_LOW,
    ZL_RATE,
    Arrays,
    Tables,
)
from snn.engines.event_kernels import segments

LONGEST_EPOCH = 128
TAUS = 5.0


def epoch_steps(tau_steps: float) -> int:
    """Length of an epoch for a trace that decays with ``tau_steps``: at most five of them.

    Parameters
    ----------
    tau_steps : float
        Time constant in steps.

    Returns
    -------
    int
    """
    return max(1, min(LONGEST_EPOCH, int(TAUS * tau_steps)))


@njit(cache=True)
def next_snapshot(k: int, t: Tables, x: Arrays) -> None:
    """Begin the snapshot after the present one as its copy.

    Parameters
    ----------
    k : int
        Row of the table of lazy rules.
    t : Tables
    x : Arrays
        Changed in place.
    """
    n_post = t.lazy[k, Z_N_POST]
    old = t.lazy[k, Z_HISTORY] + x.lazy_now[k] * n_post
    x.history[old + n_post : old + 2 * n_post] = x.history[old : old + n_post]


@njit(cache=True)
def end_step(k: int, act: bool, t: Tables, x: Arrays) -> None:
    """Go on to the next snapshot; flush when the epoch is full.

    Parameters
    ----------
    k : int
        Row of the table of lazy rules.
    act : bool
        Whether rules act.
    t : Tables
    x : Arrays
        Changed in place.
    """
    x.lazy_now[k] += 1
    if x.lazy_now[k] == t.lazy[k, Z_EPOCH]:
        flush(k, act, t, x)


@njit(cache=True)
def flush(k: int, act: bool, t: Tables, x: Arrays) -> None:
    """Bring every weight of a lazy rule up to date before the next step, and begin a new epoch there.

    Parameters
    ----------
    k : int
        Row of the table of lazy rules.
    act : bool
        Whether rules act.
    t : Tables
    x : Arrays
        Changed in place.
    """
    z, j = t.lazy[k], t.projection[t.lazy[k, Z_PROJECTION]]
    h0, c0, n_post, now = z[Z_HISTORY], z[Z_CELLS], z[Z_N_POST], x.lazy_now[k]
    kind = x.v.dtype.type
    low, high = kind(t.lazy_law[k, ZL_LOW]), kind(t.lazy_law[k, ZL_HIGH])
    decay = np.exp(-t.lazy_law[k, ZL_RATE])
    for cell in range(z[Z_N_PRE]):
        coefficient = x.lazy_coefficient[c0 + cell]
        if coefficient != 0:
            row = h0 + x.lazy_row[c0 + cell] * n_post
            for s in range(segments(j, t.pair_start, t.pair_post, cell, x.segment)):
                at, length = x.segment[s, 0], x.segment[s, 2]
                w = x.w[x.segment[s, 1] : x.segment[s, 1] + length]
                new = x.history[h0 + now * n_post + at : h0 + now * n_post + at + length]
                old = x.history[row + at : row + at + length]
                for i in range(length):
                    w[i] = min(high, max(low, w[i] + coefficient * (new[i] - old[i])))
        x.lazy_row[c0 + cell] = 0
        x.lazy_coefficient[c0 + cell] = (decay if act else 0.0) * x.trace[z[Z_TRACE] + cell]
    x.history[h0 : h0 + n_post] = 0
    x.lazy_now[k] = 0
