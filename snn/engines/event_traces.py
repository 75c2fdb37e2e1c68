"""Compiled loops of the event engine over traces and the synapses' own variables (phases 1, 5 and the frame's end)."""

from __future__ import annotations

from numba import njit

from snn.engines.event_arrays import (
    J_DELAY,
    J_SOURCE,
    J_TARGET,
    KIND,
    NO_FRAME,
    O_N,
    O_START,
    PRE,
    RATE,
    SIGNAL,
    START,
    T_ACC,
    T_DECAYS,
    T_FRAME,
    T_FROM,
    T_LAG,
    T_LAGGED,
    T_N,
    T_N_TAPS,
    T_POTENTIAL,
    T_PROJECTION,
    T_SIDE,
    T_START,
    T_TAPS,
    Arrays,
    Tables,
)
from snn.engines.event_kernels import arrivals

SMALLEST_SCALE = 1e-12


@njit(cache=True)
def decay_traces(first: int, stop: int, t: Tables, x: Arrays) -> None:
    """Phase 1 of some traces.

    Parameters
    ----------
    first, stop : int
        Rows ``first`` to ``stop - 1`` of the trace table.
    t : Tables
    x : Arrays
        Changed in place.
    """
    for k in range(first, stop):
        if t.trace[k, T_DECAYS] and not t.trace[k, T_POTENTIAL]:
            trace, decay = x.trace[t.trace[k, T_START] : t.trace[k, T_START] + t.trace[k, T_N]], t.trace_decay[k]
            for i in range(len(trace)):
                trace[i] = decay * trace[i] + t.tiny[0] - t.tiny[0]


@njit(cache=True)
def raise_traces(n: int, s: int, first: int, stop: int, sources: bool, targets: bool, t: Tables, x: Arrays) -> None:
    """Phase 5: raise some traces, and take the step into frame values.

    Parameters
    ----------
    n : int
        Number of the step.
    s : int
        Step within the frame.
    first, stop : int
        Rows ``first`` to ``stop - 1`` of the trace table.
    sources, targets : bool
        Whether to raise traces of source cells, and those of target cells and of signals.
    t : Tables
    x : Arrays
        Changed in place.
    """
    for k in range(first, stop):
        row = t.trace[k]
        size, side, mode = row[T_N], row[T_SIDE], row[T_FRAME]
        if not (sources if side == PRE else targets):
            continue
        trace = x.trace[row[T_START] : row[T_START] + size]
        acc = x.frame_value[row[T_ACC] : row[T_ACC] + size]
        counted = s >= row[T_FROM]
        decays = row[T_DECAYS]
        if not decays and not counted:
            continue
        goal = trace if decays else acc
        j = t.projection[row[T_PROJECTION]]
        if side == SIGNAL:
            for tap in range(row[T_TAPS], row[T_TAPS] + row[T_N_TAPS]):
                source, at = t.tap_source[tap, 0], t.tap_source[tap, 1]
                begin, count = arrivals(source, n, t, x)
                graded = t.pop[source, KIND] == RATE
                for c in range(count):
                    value = x.ring_value[begin + c] if graded else x.v.dtype.type(1)
                    cell = at + x.ring[begin + c]
                    for e in range(t.tap_start[cell], t.tap_start[cell + 1]):
                        goal[t.tap_post[e]] += value
        elif row[T_POTENTIAL]:
            old, fresh, first, lag = t.trace_decay[k], 1 - t.trace_decay[k], t.pop[j[J_TARGET], START], row[T_LAG]
            v = x.v[first : first + size]
            if lag > 0:
                # Of the step as many steps ago, whose place the present one takes.
                at = row[T_LAGGED] + n % lag * size
                past = x.lagged[at : at + size]
                for i in range(size):
                    trace[i] = old * trace[i] + fresh * past[i] + t.tiny[0] - t.tiny[0]
                    past[i] = v[i]
            else:
                for i in range(size):
                    trace[i] = old * trace[i] + fresh * v[i] + t.tiny[0] - t.tiny[0]
        else:
            source = j[J_SOURCE] if side == PRE else j[J_TARGET]
            begin, count = arrivals(source, n + 1 - j[J_DELAY] if side == PRE else n, t, x)
            graded = t.pop[source, KIND] == RATE
            for c in range(count):
                goal[x.ring[begin + c]] += x.ring_value[begin + c] if graded else x.v.dtype.type(1)
        if mode != NO_FRAME and decays and counted:
            for i in range(size):
                acc[i] += trace[i]


@njit(cache=True)
def decay_own(t: Tables, x: Arrays) -> None:
    """Phase 1 of the synapses' own variables.

    Every variable is kept as a number times a scale of its projection, so that decay costs one product, not one a synapse.

    Parameters
    ----------
    t : Tables
    x : Arrays
        Changed in place.
    """
    for k in range(len(t.own)):
        x.own_scale[k] *= t.own_decay[k]
        if x.own_scale[k] < SMALLEST_SCALE:
            settle_own(k, t, x)


@njit(cache=True)
def settle_own(k: int, t: Tables, x: Arrays) -> None:
    """Take the scale of a variable into its numbers.

    Parameters
    ----------
    k : int
        Row of the table of variables.
    t : Tables
    x : Arrays
        Changed in place.
    """
    if x.own_scale[k] != 1:
        scale = x.v.dtype.type(x.own_scale[k])
        values = x.own[t.own[k, O_START] : t.own[k, O_START] + t.own[k, O_N]]
        for i in range(len(values)):
            values[i] = scale * values[i] + t.tiny[0] - t.tiny[0]
        x.own_scale[k] = 1
