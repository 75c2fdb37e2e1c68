"""One frame of the event engine: the phases of ``conventions.md``, in their order."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn.engines.event_arrays import J_LAZY, KIND, MOVES, RASTER, RATE, SOURCE, START, Arrays, Floats, Ints, N, Tables
from snn.engines.event_cells import fire, integrate, play
from snn.engines.event_kernels import arrivals, deliver, raise_traces
from snn.engines.event_lazy import deliver_lazy, spikes_lazy


@njit(cache=True)
def note_spikes(n: int, listed: int, t: Tables, x: Arrays, spike_steps: Ints, spike_cells: Ints) -> int:
    """List the spikes of a step, as far as there is room; return how many there are by now.

    Parameters
    ----------
    n : int
        Number of the step.
    listed : int
        Spikes listed so far.
    t : Tables
    x : Arrays
        Changed in place.
    spike_steps, spike_cells : ndarray of int, shape (room,)
        Filled in place.

    Returns
    -------
    int
        Spikes by now.
    """
    for p in range(len(t.pop)):
        if t.pop[p, KIND] != RATE:
            first, count = arrivals(p, n, t, x)
            for k in range(count):
                if listed < len(spike_steps):
                    spike_steps[listed] = n
                    spike_cells[listed] = t.pop[p, START] + x.ring[first + k]
                listed += 1
    return listed


@njit(cache=True)
def advance(
    n0: int,
    steps: int,
    act: bool,
    raster_start: Ints,
    raster_cells: NDArray[np.int32],
    thresholds: Floats,
    t: Tables,
    x: Arrays,
    spike_steps: Ints,
    spike_cells: Ints,
) -> int:
    """Run one frame; return the number of spikes, of which as many are listed as there is room for.

    Parameters
    ----------
    n0 : int
        Number of the first step.
    steps : int
        Steps of the frame.
    act : bool
        Whether rules act.
    raster_start : ndarray of int, shape (n_sources, steps + 1)
        Where each step of each source begins in ``raster_cells``.
    raster_cells : ndarray of int32
        Cells that spike, source by source and step by step.
    thresholds : ndarray, shape (steps, n_moving)
        Thresholds of the cells that spike by chance, in each step.
    t : Tables
    x : Arrays
        Changed in place.
    spike_steps, spike_cells : ndarray of int, shape (room,)
        Filled in place.

    Returns
    -------
    int
        Number of spikes of the frame.
    """
    n_pop, n_proj = len(t.pop), len(t.projection)
    listed = 0
    for s in range(steps):
        n = n0 + s
        for p in range(n_pop):
            if t.pop[p, KIND] == SOURCE:
                r = t.pop[p, RASTER]
                play(p, n, s, raster_cells[raster_start[r, s] : raster_start[r, s + 1]], t, x)
        integrate(n, t, x)
        for p in range(n_pop):
            if t.pop[p, MOVES] >= 0:
                first, start, size = t.pop[p, MOVES], t.pop[p, START], t.pop[p, N]
                x.threshold[start : start + size] = thresholds[s, first : first + size]
        fire(n, s, t, x)
        if len(spike_steps) > 0:
            listed = note_spikes(n, listed, t, x, spike_steps, spike_cells)
        for k in range(len(t.lazy)):
            decay = x.v.dtype.type(np.exp(-t.lazy_law[k, 3]))
            y = x.lazy_y[t.lazy[k, 0] : t.lazy[k, 0] + t.lazy[k, 3]]
            for i in range(len(y)):
                y[i] *= decay
        at = 0
        for q in range(n_proj):
            if t.projection[q, J_LAZY] >= 0:
                deliver(n, at, q, t, x)
                deliver_lazy(q, n, act, t, x)
                at = q + 1
        deliver(n, at, n_proj, t, x)
        if len(t.trace):
            raise_traces(n, s, t, x)
        for q in range(n_proj):
            if t.projection[q, J_LAZY] >= 0:
                spikes_lazy(q, n, act, t, x)
    return listed
