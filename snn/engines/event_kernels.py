"""Compiled loops of the event engine: the step law over flat arrays.

All cells of a network lie in one array, population after population, and so do receptors, weights and traces; small
tables say where. One compiled kernel so runs every network, and is compiled once per machine. A spike is pushed to
its targets along contiguous stretches of the weight array, without an index per synapse.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.floating]

BLOCK = 64
EPOCH = 128
SPIKING, RATE, SOURCE = 0, 1, 2
EXPONENTIAL, INTEGRATING, PULSE = 0, 1, 2
LOCAL, ONE_TO_ONE, DENSE = 0, 1, 2
PRE, POST, SIGNAL = 0, 1, 2
NO_FRAME, MEAN, SUM = 0, 1, 2

# Columns of the tables.
START, N, KIND, SOFT, REFRACTORY, ADAPTIVE, FLOORED, REC, N_REC, RING, SLOT, DEPTH, DRIVEN, RASTER = range(14)
L_V, L_DRIVE, L_ADAPT, L_ADAPT_DECAY, L_ADAPT_STEP, L_RESET, L_V_RESET, L_FLOOR, L_GAIN = range(9)
(J_SOURCE, J_TARGET, J_KIND, J_G, J_DELAY, J_W, J_PRE_ROWS, J_PRE_COLS, J_PRE_CH, J_POST_ROWS, J_POST_COLS, J_POST_CH, J_SIZE, J_OFF_ROW,
 J_OFF_COL, J_F0, J_F1, J_Q0, J_Q1, J_PHASE_ROW, J_PHASE_COL, J_PAIRS, J_N_PAIRS, J_LAZY) = range(24)  # fmt: skip
T_SIDE, T_PROJECTION, T_START, T_N, T_DECAYS, T_FRAME, T_ACC, T_TAPS, T_N_TAPS = range(9)


class Tables(NamedTuple):
    """What does not change while a network runs."""

    pop: Ints
    law: Floats
    receptor: Ints
    receptor_law: Floats
    projection: Ints
    sign: Floats
    pair_start: Ints
    pair_post: Ints
    trace: Ints
    trace_decay: Floats
    tap_source: Ints
    tap_start: Ints
    tap_post: Ints
    late: NDArray[np.float64]
    lazy: Ints
    lazy_law: NDArray[np.float64]


class Arrays(NamedTuple):
    """What changes."""

    v: Floats
    threshold: Floats
    adaptation: Floats
    last: Ints
    current: Floats
    g: Floats
    total: NDArray[np.float64]
    late: NDArray[np.float64]
    ring: NDArray[np.int32]
    ring_count: Ints
    ring_value: Floats
    w: Floats
    trace: Floats
    frame_value: Floats
    history: Floats
    lazy_row: Ints
    lazy_coefficient: Floats
    lazy_x: Floats
    lazy_step: Ints
    lazy_y: Floats
    lazy_now: Ints
    segment: Ints


@njit(cache=True)
def segments(j: Ints, pair_start: Ints, pair_post: Ints, cell: int, out: Ints) -> int:
    """List the contiguous stretches that one source cell reaches: first target cell, first weight, length."""
    kind = j[J_KIND]
    if kind == DENSE:
        n_post = j[J_POST_ROWS] * j[J_POST_COLS] * j[J_POST_CH]
        out[0, 0], out[0, 1], out[0, 2] = 0, j[J_W] + cell * n_post, n_post
        return 1
    channels = j[J_PRE_CH]
    site, channel = cell // channels, cell % channels
    if kind == ONE_TO_ONE:
        p0, p1 = pair_start[j[J_PAIRS] + channel], pair_start[j[J_PAIRS] + channel + 1]
        for p in range(p0, p1):
            out[p - p0, 0] = site * j[J_POST_CH] + pair_post[p]
            out[p - p0, 1] = j[J_W] + site * j[J_N_PAIRS] + p - pair_start[j[J_PAIRS]]
            out[p - p0, 2] = 1
        return p1 - p0
    f = channel - j[J_F0]
    if f < 0 or channel >= j[J_F1]:
        return 0
    size, channels_post, n_q = j[J_SIZE], j[J_POST_CH], j[J_Q1] - j[J_Q0]
    row, col = site // j[J_PRE_COLS], site % j[J_PRE_COLS]
    row0 = row * j[J_POST_ROWS] // j[J_PRE_ROWS] + j[J_OFF_ROW]
    col0 = col * j[J_POST_COLS] // j[J_PRE_COLS] + j[J_OFF_COL]
    kernel = (row % j[J_PHASE_ROW]) * j[J_PHASE_COL] + col % j[J_PHASE_COL]
    base = j[J_W] + (kernel * (j[J_F1] - j[J_F0]) + f) * size * size * n_q
    a0, a1 = max(0, -row0), min(size, j[J_POST_ROWS] - row0)
    b0, b1 = max(0, -col0), min(size, j[J_POST_COLS] - col0)
    count = 0
    for a in range(a0, a1):
        if n_q == channels_post:
            if b1 > b0:
                out[count, 0] = ((row0 + a) * j[J_POST_COLS] + col0 + b0) * channels_post
                out[count, 1] = base + (a * size + b0) * n_q
                out[count, 2] = (b1 - b0) * n_q
                count += 1
        else:
            for b in range(b0, b1):
                out[count, 0] = ((row0 + a) * j[J_POST_COLS] + col0 + b) * channels_post + j[J_Q0]
                out[count, 1] = base + (a * size + b) * n_q
                out[count, 2] = n_q
                count += 1
    return count


@njit(cache=True)
def integrate(p: int, n: int, t: Tables, x: Arrays) -> None:
    """Phase 1 for one population."""
    start, size = t.pop[p, START], t.pop[p, N]
    v, a = x.v[start : start + size], x.adaptation[start : start + size]
    law = t.law[p]
    held = t.pop[p, REFRACTORY] > 0
    before = v.copy() if held else v
    k_v, k_drive, k_a, d_a = law[L_V], law[L_DRIVE], law[L_ADAPT], law[L_ADAPT_DECAY]
    if t.pop[p, DRIVEN]:
        current = x.current[start : start + size]
        for i in range(size):
            v[i] = k_v * v[i] + k_drive * current[i]
    elif k_v != 1:
        for i in range(size):
            v[i] *= k_v
    if t.pop[p, ADAPTIVE]:
        for i in range(size):
            v[i] -= k_a * a[i]
            a[i] *= d_a
    for r in range(t.pop[p, REC], t.pop[p, REC] + t.pop[p, N_REC]):
        g = x.g[t.receptor[r, 0] : t.receptor[r, 0] + size]
        gain, decay = t.receptor_law[r, 0], t.receptor_law[r, 1]
        if t.receptor[r, 1] == INTEGRATING:
            for i in range(size):
                v[i] += gain * g[i]
        else:
            for i in range(size):
                v[i] += gain * g[i]
                g[i] *= decay
    if held:
        last = x.last[start : start + size]
        for i in range(size):
            if n - last[i] < t.pop[p, REFRACTORY]:
                v[i] = before[i]
    if t.pop[p, FLOORED]:
        floor = law[L_FLOOR]
        for i in range(size):
            v[i] = max(v[i], floor)


@njit(cache=True)
def fire(p: int, n: int, late: float, t: Tables, x: Arrays) -> None:
    """Phases 2 and 3 for one population with a membrane; what is sent goes into its ring."""
    start, size = t.pop[p, START], t.pop[p, N]
    v, threshold = x.v[start : start + size], x.threshold[start : start + size]
    law, refractory, soft = t.law[p], t.pop[p, REFRACTORY], t.pop[p, SOFT]
    slot = n % t.pop[p, DEPTH]
    ring = x.ring[t.pop[p, RING] + slot * size : t.pop[p, RING] + (slot + 1) * size]
    count = 0
    if t.pop[p, KIND] == RATE:
        value = x.ring_value[t.pop[p, RING] + slot * size : t.pop[p, RING] + (slot + 1) * size]
        for i in range(size):
            if v[i] > threshold[i]:
                sent = law[L_GAIN] * (v[i] - threshold[i])
                v[i] -= law[L_RESET] * sent
                x.adaptation[start + i] += law[L_ADAPT_STEP] * sent
                x.last[start + i] = n
                x.total[start + i] += sent
                x.late[start + i] += late * sent
                ring[count] = i
                value[count] = sent
                count += 1
    else:
        for block in range(0, size, BLOCK):
            stop = min(size, block + BLOCK)
            over = 0
            for i in range(block, stop):
                over += v[i] >= threshold[i]
            if over == 0:
                continue
            for i in range(block, stop):
                if v[i] >= threshold[i] and (refractory == 0 or n - x.last[start + i] >= refractory):
                    v[i] = v[i] - law[L_RESET] if soft else law[L_V_RESET]
                    x.adaptation[start + i] += law[L_ADAPT_STEP]
                    x.last[start + i] = n
                    x.total[start + i] += 1
                    x.late[start + i] += late
                    ring[count] = i
                    count += 1
    x.ring_count[t.pop[p, SLOT] + slot] = count


@njit(cache=True)
def play(p: int, n: int, late: float, cells: NDArray[np.int32], t: Tables, x: Arrays) -> None:
    """Phase 2 of a spike source: send its raster."""
    start, size = t.pop[p, START], t.pop[p, N]
    slot = n % t.pop[p, DEPTH]
    first = t.pop[p, RING] + slot * size
    for k in range(len(cells)):
        x.ring[first + k] = cells[k]
        x.last[start + cells[k]] = n
        x.total[start + cells[k]] += 1
        x.late[start + cells[k]] += late
    x.ring_count[t.pop[p, SLOT] + slot] = len(cells)


@njit(cache=True)
def arrivals(p: int, m: int, t: Tables, x: Arrays) -> tuple[int, int]:
    """Where the ring holds what population p sent in step m: first place and number."""
    slot = m % t.pop[p, DEPTH]
    return t.pop[p, RING] + slot * t.pop[p, N], x.ring_count[t.pop[p, SLOT] + slot]


@njit(cache=True)
def deliver(q: int, n: int, t: Tables, x: Arrays) -> None:
    """Phase 4 for one projection."""
    j = t.projection[q]
    source = j[J_SOURCE]
    first, count = arrivals(source, n + 1 - j[J_DELAY], t, x)
    graded = t.pop[source, KIND] == RATE
    g0, sign = j[J_G], t.sign[q]
    for k in range(count):
        effect = sign * x.ring_value[first + k] if graded else sign
        for s in range(segments(j, t.pair_start, t.pair_post, x.ring[first + k], x.segment)):
            length = x.segment[s, 2]
            g = x.g[g0 + x.segment[s, 0] : g0 + x.segment[s, 0] + length]
            w = x.w[x.segment[s, 1] : x.segment[s, 1] + length]
            for i in range(length):
                g[i] += effect * w[i]


@njit(cache=True)
def raise_traces(n: int, first_frame_step: bool, t: Tables, x: Arrays) -> None:
    """Phase 5 for rules that act at the end of a frame: decay and raise traces, take the step into frame values."""
    for k in range(len(t.trace)):
        row = t.trace[k]
        size, side, mode = row[T_N], row[T_SIDE], row[T_FRAME]
        trace = x.trace[row[T_START] : row[T_START] + size]
        acc = x.frame_value[row[T_ACC] : row[T_ACC] + size]
        if first_frame_step:
            acc[:] = 0
        decays = row[T_DECAYS]
        goal = trace if decays else acc
        if decays:
            decay = t.trace_decay[k]
            for i in range(size):
                trace[i] *= decay
        j = t.projection[row[T_PROJECTION]]
        if side == SIGNAL:
            for tap in range(row[T_TAPS], row[T_TAPS] + row[T_N_TAPS]):
                source, at = t.tap_source[tap, 0], t.tap_source[tap, 1]
                first, count = arrivals(source, n, t, x)
                graded = t.pop[source, KIND] == RATE
                for c in range(count):
                    value = x.ring_value[first + c] if graded else x.v.dtype.type(1)
                    cell = at + x.ring[first + c]
                    for e in range(t.tap_start[cell], t.tap_start[cell + 1]):
                        goal[t.tap_post[e]] += value
        else:
            source = j[J_SOURCE] if side == PRE else j[J_TARGET]
            first, count = arrivals(source, n + 1 - j[J_DELAY] if side == PRE else n, t, x)
            graded = t.pop[source, KIND] == RATE
            for c in range(count):
                goal[x.ring[first + c]] += x.ring_value[first + c] if graded else x.v.dtype.type(1)
        if mode != NO_FRAME and decays:
            for i in range(size):
                acc[i] += trace[i]


@njit(cache=True)
def deliver_lazy(q: int, n: int, act: bool, t: Tables, x: Arrays) -> None:
    """Phases 4 and 5 (arrivals) for a pair rule whose updates wait until the next arrival.

    Between two arrivals only potentiation happens, so it can be added at once, from the difference of two snapshots of
    the target's discounted spike count, and clipped once; then the spike is delivered and depression follows.
    """
    j, z = t.projection[q], t.lazy[t.projection[q, J_LAZY]]
    law = t.lazy_law[t.projection[q, J_LAZY]]
    one = x.v.dtype.type(1)
    a_minus, w_max = one * law[1] if act else one * 0.0, one * law[4]
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
                w[i] = max(one * 0, u - a_minus * y[i])
        passed = n - x.lazy_step[c0 + cell]
        x.lazy_x[c0 + cell] = x.lazy_x[c0 + cell] * np.exp(-passed * law[2]) + 1
        x.lazy_step[c0 + cell] = n
        x.lazy_row[c0 + cell] = now
        x.lazy_coefficient[c0 + cell] = (law[0] if act else 0.0) * x.lazy_x[c0 + cell] * np.exp(now * law[2])


@njit(cache=True)
def spikes_lazy(q: int, n: int, t: Tables, x: Arrays) -> None:
    """Phase 5 (spikes of the target) for a lazy rule: next snapshot; flush when the epoch is full."""
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
    if now + 1 == EPOCH:
        flush(q, True, n + 1, t, x)


@njit(cache=True)
def flush(q: int, act: bool, n: int, t: Tables, x: Arrays) -> None:
    """Bring every weight of a lazy projection up to date before step n, and begin a new epoch there."""
    j, k = t.projection[q], t.projection[q, J_LAZY]
    z, law = t.lazy[k], t.lazy_law[k]
    h0, c0, n_post, n_pre = z[1], z[2], z[3], z[4]
    one = x.v.dtype.type(1)
    now, w_max = x.lazy_now[k, 0], one * law[4]
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


@njit(cache=True)
def advance(n0: int, steps: int, act: bool, raster_start: Ints, raster_cells: NDArray[np.int32], t: Tables, x: Arrays, spike_steps: Ints, spike_cells: Ints) -> int:
    """Run one frame; return the number of spikes, of which as many are listed as there is room for."""
    n_pop, n_proj = len(t.pop), len(t.projection)
    listed = 0
    for s in range(steps):
        n = n0 + s
        for p in range(n_pop):
            if t.pop[p, KIND] == SOURCE:
                r = t.pop[p, RASTER]
                play(p, n, t.late[s], raster_cells[raster_start[r, s] : raster_start[r, s + 1]], t, x)
            else:
                integrate(p, n, t, x)
                fire(p, n, t.late[s], t, x)
            if len(spike_steps) > 0 and t.pop[p, KIND] != RATE:
                first, count = arrivals(p, n, t, x)
                for k in range(count):
                    if listed < len(spike_steps):
                        spike_steps[listed] = n
                        spike_cells[listed] = t.pop[p, START] + x.ring[first + k]
                    listed += 1
        for k in range(len(t.lazy)):
            decay = x.v.dtype.type(np.exp(-t.lazy_law[k, 3]))
            y = x.lazy_y[t.lazy[k, 0] : t.lazy[k, 0] + t.lazy[k, 3]]
            for i in range(len(y)):
                y[i] *= decay
        for q in range(n_proj):
            if t.projection[q, J_LAZY] >= 0:
                deliver_lazy(q, n, act, t, x)
            else:
                deliver(q, n, t, x)
        if len(t.trace):
            raise_traces(n, s == 0, t, x)
        for q in range(n_proj):
            if t.projection[q, J_LAZY] >= 0:
                spikes_lazy(q, n, t, x)
    return listed
