"""Pair rules in the event engine: all updates of a synapse are moved to the arrivals of spikes at it.

Between two arrivals only potentiation happens. It is the difference of two snapshots of the target's discounted spike
count, times what the arriving trace was worth at the last arrival; so it can be added, and clipped, at once. Snapshots
are kept for an epoch of steps, short enough that the difference does not cancel.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from snn.engines.event_arrays import J_DELAY, J_G, J_LAZY, J_SOURCE, J_TARGET, Arrays, Tables
from snn.engines.event_kernels import arrivals, segments

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
def deliver_lazy(q: int, n: int, act: bool, t: Tables, x: Arrays) -> None:
    """Phases 4 and 5 (arrivals) for a pair rule whose updates wait until the next arrival.

    Between two arrivals only potentiation happens, so it can be added at once, from the difference of two snapshots of
    the target's discounted spike count, and clipped once; then the spike is delivered and depression follows.

    Parameters
    ----------
    q : int
        Number of the projection.
    n : int
        Number of the step.
    act : bool
        Whether rules act.
    t : Tables
    x : Arrays
        Changed in place.
    """
    j, z = t.projection[q], t.lazy[t.projection[q, J_LAZY]]
    law = t.lazy_law[t.projection[q, J_LAZY]]
    kind = x.v.dtype.type
    zero, a_minus, w_max = kind(0), kind(law[1] if act else 0.0), kind(law[4])
    y0, h0, c0, n_post = z[0], z[1], z[2], z[3]
    now = x.lazy_now[t.projection[q, J_LAZY], 0]
    first, count = arrivals(j[J_SOURCE], n + 1 - j[J_DELAY], t, x)
    g0, sign = j[J_G], t.sign[q]
    for k in range(count):
        cell = x.ring[first + k]
        coefficient = x.lazy_coefficient[c0 + cell]
        row = h0 + x.lazy_row[c0 + cell] * n_post
        for s in range(segments(j, t.pair_start, t.pair_post, cell, x.segment)):
            at, length = x.segment[s, 0], x.segment[s, 2]
            w = x.w[x.segment[s, 1] : x.segment[s, 1] + length]
            g = x.g[g0 + at : g0 + at + length]
            new = x.history[h0 + now * n_post + at : h0 + now * n_post + at + length]
            old = x.history[row + at : row + at + length]
            y = x.lazy_y[y0 + at : y0 + at + length]
            for i in range(length):
                u = min(w_max, w[i] + coefficient * (new[i] - old[i]))
                g[i] += sign * u
                w[i] = max(zero, u - a_minus * y[i])
        passed = n - x.lazy_step[c0 + cell]
        x.lazy_x[c0 + cell] = x.lazy_x[c0 + cell] * np.exp(-passed * law[2]) + 1
        x.lazy_step[c0 + cell] = n
        x.lazy_row[c0 + cell] = now
        x.lazy_coefficient[c0 + cell] = (law[0] if act else 0.0) * x.lazy_x[c0 + cell] * np.exp(now * law[2])


@njit(cache=True)
def spikes_lazy(q: int, n: int, act: bool, t: Tables, x: Arrays) -> None:
    """Phase 5 (spikes of the target) for a lazy rule: next snapshot; flush when the epoch is full.

    Parameters
    ----------
    q : int
        Number of the projection.
    n : int
        Number of the step.
    act : bool
        Whether rules act.
    t : Tables
    x : Arrays
        Changed in place.
    """
    j, k = t.projection[q], t.projection[q, J_LAZY]
    z, law = t.lazy[k], t.lazy_law[k]
    y0, h0, n_post = z[0], z[1], z[3]
    now = x.lazy_now[k, 0]
    x.history[h0 + (now + 1) * n_post : h0 + (now + 2) * n_post] = x.history[h0 + now * n_post : h0 + (now + 1) * n_post]
    first, count = arrivals(j[J_TARGET], n, t, x)
    discount = np.exp(-now * law[2])
    for c in range(count):
        cell = x.ring[first + c]
        x.history[h0 + (now + 1) * n_post + cell] += discount
        x.lazy_y[y0 + cell] += 1
    x.lazy_now[k, 0] = now + 1
    if now + 1 == z[5]:
        flush(q, act, n + 1, t, x)


@njit(cache=True)
def flush(q: int, act: bool, n: int, t: Tables, x: Arrays) -> None:
    """Bring every weight of a lazy projection up to date before step n, and begin a new epoch there.

    Parameters
    ----------
    q : int
        Number of the projection.
    act : bool
        Whether rules act.
    n : int
        Number of the step.
    t : Tables
    x : Arrays
        Changed in place.
    """
    j, k = t.projection[q], t.projection[q, J_LAZY]
    z, law = t.lazy[k], t.lazy_law[k]
    h0, c0, n_post, n_pre = z[1], z[2], z[3], z[4]
    now, w_max = x.lazy_now[k, 0], x.v.dtype.type(law[4])
    for cell in range(n_pre):
        coefficient = x.lazy_coefficient[c0 + cell]
        if coefficient != 0:
            row = h0 + x.lazy_row[c0 + cell] * n_post
            for s in range(segments(j, t.pair_start, t.pair_post, cell, x.segment)):
                at, length = x.segment[s, 0], x.segment[s, 2]
                w = x.w[x.segment[s, 1] : x.segment[s, 1] + length]
                new = x.history[h0 + now * n_post + at : h0 + now * n_post + at + length]
                old = x.history[row + at : row + at + length]
                for i in range(length):
                    w[i] = min(w_max, w[i] + coefficient * (new[i] - old[i]))
        x.lazy_row[c0 + cell] = 0
        x.lazy_coefficient[c0 + cell] = (law[0] if act else 0.0) * x.lazy_x[c0 + cell] * np.exp(-(n - x.lazy_step[c0 + cell]) * law[2])
    x.history[h0 : h0 + n_post] = 0
    x.lazy_now[k, 0] = 0
