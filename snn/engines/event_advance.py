"""One frame of the event engine: the phases of ``conventions.md``, in their order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn.engines.event_arrays import (
    J_DELAY,
    J_SHORT,
    J_SOURCE,
    J_TARGET,
    KIND,
    MOVES,
    R_CONSTANTS,
    R_LAZY,
    R_OFFSETS,
    R_POST,
    R_PRE,
    R_PROJECTION,
    R_STEP,
    RASTER,
    RATE,
    SOURCE,
    START,
    Arrays,
    Floats,
    Ints,
    N,
    RuleView,
    Tables,
)
from snn.engines.event_cells import fire, integrate, play
from snn.engines.event_kernels import arrivals, deliver, release
from snn.engines.event_lazy import end_step, next_snapshot
from snn.engines.event_traces import decay_own, decay_traces, raise_traces


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
def begin_step(
    n: int,
    s: int,
    listed: int,
    raster_start: Ints,
    raster_cells: NDArray[np.int32],
    thresholds: Floats,
    t: Tables,
    x: Arrays,
    spike_steps: Ints,
    spike_cells: Ints,
) -> int:
    """Phases 1 to 3 of a step; return the number of spikes by now.

    Parameters
    ----------
    n, s : int
        Number of the step, in all and within the frame.
    listed : int
        Spikes of the frame so far.
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
        Spikes by now.
    """
    for p in range(len(t.pop)):
        if t.pop[p, KIND] == SOURCE:
            r = t.pop[p, RASTER]
            play(p, n, s, raster_cells[raster_start[r, s] : raster_start[r, s + 1]], t, x)
    integrate(n, t, x)
    for p in range(len(t.pop)):
        if t.pop[p, MOVES] >= 0:
            first, start, size = t.pop[p, MOVES], t.pop[p, START], t.pop[p, N]
            x.threshold[start : start + size] = thresholds[s, first : first + size]
    fire(n, s, t, x)
    return note_spikes(n, listed, t, x, spike_steps, spike_cells) if len(spike_steps) > 0 else listed


@njit(cache=True)
def advance(
    n0: int,
    steps: int,
    act: bool,
    modulator: float,
    raster_start: Ints,
    raster_cells: NDArray[np.int32],
    thresholds: Floats,
    t: Tables,
    x: Arrays,
    spike_steps: Ints,
    spike_cells: Ints,
) -> int:
    """Run one frame of a network whose rules, if any, act at its end; return the number of spikes.

    As many spikes are listed as there is room for.

    Parameters
    ----------
    n0 : int
        Number of the first step.
    steps : int
        Steps of the frame.
    act : bool
        Whether rules act.
    modulator : float
        Broadcast signal.
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
    listed = 0
    for s in range(steps):
        n = n0 + s
        listed = begin_step(n, s, listed, raster_start, raster_cells, thresholds, t, x, spike_steps, spike_cells)
        decay_own(t, x)
        deliver(n, 0, len(t.projection), t, x)
        decay_traces(0, len(t.trace), t, x)
        raise_traces(n, s, 0, len(t.trace), True, True, t, x)
    return listed


@njit(cache=True)
def advance_rules(
    n0: int,
    steps: int,
    act: bool,
    modulator: float,
    raster_start: Ints,
    raster_cells: NDArray[np.int32],
    thresholds: Floats,
    t: Tables,
    x: Arrays,
    spike_steps: Ints,
    spike_cells: Ints,
    view: RuleView,
    rules: tuple[Any, ...],
) -> int:
    """Run one frame as `advance` does, with rules that act within it.

    Parameters
    ----------
    n0, steps, act, modulator, raster_start, raster_cells, thresholds, t, x, spike_steps, spike_cells
        As for `advance`.
    view : RuleView
        What rules see of ``t`` and ``x``.
    rules : tuple of compiled functions
        What they do at events.

    Returns
    -------
    int
        Number of spikes of the frame.
    """
    listed = 0
    for s in range(steps):
        n = n0 + s
        listed = begin_step(n, s, listed, raster_start, raster_cells, thresholds, t, x, spike_steps, spike_cells)
        decay_own(t, x)
        at = 0
        for row in range(len(t.rule)):
            q, lazy = t.rule[row, R_PROJECTION], t.rule[row, R_LAZY]
            o, c, j = t.offset[t.rule[row, R_OFFSETS] :], t.constant[t.rule[row, R_CONSTANTS] :], t.projection[q]
            z, law = t.lazy[max(lazy, 0)], t.lazy_law[max(lazy, 0)]
            now = x.lazy_now[lazy] if lazy >= 0 else 0
            # A lazy rule delivers the spikes itself, since weights must be brought up to date first.
            deliver(n, at, q if act and lazy >= 0 else q + 1, t, x)
            at = q + 1
            decay_traces(o[4], o[5], t, x)
            if act and t.rule[row, R_PRE] >= 0:
                first, count = arrivals(j[J_SOURCE], n + 1 - j[J_DELAY], t, x)
                if count > 0:
                    if lazy >= 0 and j[J_SHORT] >= 0:
                        release(n, q, t, x)
                    rules[t.rule[row, R_PRE]](x.ring[first : first + count], now, modulator, t.sign[q], j, o, c, z, law, view)
            raise_traces(n, s, o[4], o[5], True, False, t, x)
            if lazy >= 0:
                next_snapshot(lazy, t, x)
            if act and t.rule[row, R_POST] >= 0:
                first, count = arrivals(j[J_TARGET], n, t, x)
                if count > 0:
                    rules[t.rule[row, R_POST]](x.ring[first : first + count], now, modulator, t.sign[q], j, o, c, z, law, view)
            if lazy >= 0:
                end_step(lazy, act, t, x)
            raise_traces(n, s, o[4], o[5], False, True, t, x)
            if act and t.rule[row, R_STEP] >= 0:
                rules[t.rule[row, R_STEP]](x.ring[:0], now, modulator, t.sign[q], j, o, c, z, law, view)
        deliver(n, at, len(t.projection), t, x)
        decay_traces(0, t.common[0], t, x)
        raise_traces(n, s, 0, t.common[0], True, True, t, x)
    return listed


@njit(cache=True)
def end_frame(rows: Ints, modulator: float, t: Tables, x: Arrays, view: RuleView, rules: tuple[Any, ...]) -> None:
    """Phase 6: what rules do at the end of a frame.

    Parameters
    ----------
    rows : ndarray of int, shape (n_rules, 4)
        Projection, function, and where offsets and constants begin.
    modulator : float
        Broadcast signal.
    t : Tables
    x : Arrays
        Changed in place.
    view : RuleView
        What rules see of ``t`` and ``x``.
    rules : tuple of compiled functions
        What they do at events.
    """
    for row in rows:
        q, o, c = row[0], t.offset[row[2] :], t.constant[row[3] :]
        rules[row[1]](x.ring[:0], 0, modulator, t.sign[q], t.projection[q], o, c, t.lazy[0], t.lazy_law[0], view)
