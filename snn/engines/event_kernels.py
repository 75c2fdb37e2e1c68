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

BLOCK = 32
SHORT = 16
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
T_SIDE, T_PROJECTION, T_START, T_N, T_DECAYS, T_FRAME, T_ACC, T_TAPS, T_N_TAPS, T_FROM = range(10)


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
        return int(p1 - p0)
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
def integrate(n: int, t: Tables, x: Arrays) -> None:
    """Phase 1. Each kind of term is a pass of its own over a population, so that every pass vectorises."""
    pop, all_v, all_a, all_g, law, receptor, receptor_law = t.pop, x.v, x.adaptation, x.g, t.law, t.receptor, t.receptor_law
    for p in range(len(pop)):
        if pop[p, KIND] == SOURCE:
            continue
        start, size = pop[p, START], pop[p, N]
        v = all_v[start : start + size]
        held = pop[p, REFRACTORY] > 0
        before = v.copy() if held else v
        k_v, k_drive, k_a, d_a = law[p, L_V], law[p, L_DRIVE], law[p, L_ADAPT], law[p, L_ADAPT_DECAY]
        if pop[p, DRIVEN]:
            current = x.current[start : start + size]
            for i in range(size):
                v[i] = k_v * v[i] + k_drive * current[i]
        elif k_v != 1:
            for i in range(size):
                v[i] *= k_v
        if pop[p, ADAPTIVE]:
            a = all_a[start : start + size]
            for i in range(size):
                v[i] -= k_a * a[i]
                a[i] *= d_a
        for r in range(pop[p, REC], pop[p, REC] + pop[p, N_REC]):
            g = all_g[receptor[r, 0] : receptor[r, 0] + size]
            gain, decay = receptor_law[r, 0], receptor_law[r, 1]
            if receptor[r, 1] == INTEGRATING:
                for i in range(size):
                    v[i] += gain * g[i]
            else:
                for i in range(size):
                    v[i] += gain * g[i]
                    g[i] *= decay
        if held:
            last = x.last[start : start + size]
            for i in range(size):
                if n - last[i] < pop[p, REFRACTORY]:
                    v[i] = before[i]
        if pop[p, FLOORED]:
            floor = law[p, L_FLOOR]
            for i in range(size):
                v[i] = max(v[i], floor)


@njit(cache=True)
def fire(n: int, late: float, t: Tables, x: Arrays) -> None:
    """Phases 2 and 3 of all populations with a membrane; what is sent goes into their rings."""
    pop, law, all_v, all_threshold, ring, value = t.pop, t.law, x.v, x.threshold, x.ring, x.ring_value
    adaptation, last, total, late_total = x.adaptation, x.last, x.total, x.late
    for p in range(len(pop)):
        if pop[p, KIND] == SOURCE:
            continue
        start, size, refractory = pop[p, START], pop[p, N], pop[p, REFRACTORY]
        v, threshold = all_v[start : start + size], all_threshold[start : start + size]
        reset, step = law[p, L_RESET], law[p, L_ADAPT_STEP]
        slot = n % pop[p, DEPTH]
        place = pop[p, RING] + slot * size
        count = 0
        if pop[p, KIND] == RATE:
            gain = law[p, L_GAIN]
            for i in range(size):
                if v[i] > threshold[i]:
                    sent = gain * (v[i] - threshold[i])
                    v[i] -= reset * sent
                    adaptation[start + i] += step * sent
                    last[start + i] = n
                    total[start + i] += sent
                    late_total[start + i] += late * sent
                    ring[place + count] = i
                    value[place + count] = sent
                    count += 1
        else:
            for block in range(0, size, BLOCK):
                stop = min(size, block + BLOCK)
                v_block, threshold_block = v[block:stop], threshold[block:stop]
                over = 0
                for i in range(stop - block):
                    over += v_block[i] >= threshold_block[i]
                if over == 0:
                    continue
                for i in range(block, stop):
                    if v[i] >= threshold[i] and (refractory == 0 or n - last[start + i] >= refractory):
                        v[i] = v[i] - reset if pop[p, SOFT] else law[p, L_V_RESET]
                        adaptation[start + i] += step
                        last[start + i] = n
                        total[start + i] += 1
                        late_total[start + i] += late
                        ring[place + count] = i
                        count += 1
        x.ring_count[pop[p, SLOT] + slot] = count


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
def deliver(n: int, t: Tables, x: Arrays) -> None:
    """Phase 4 of all projections without a lazy rule; the geometry of `segments` written out for local fields."""
    pop, projection, ring, ring_count, value, all_g, all_w, segment = (
        t.pop,
        t.projection,
        x.ring,
        x.ring_count,
        x.ring_value,
        x.g,
        x.w,
        x.segment,
    )
    for q in range(len(projection)):
        source = projection[q, J_SOURCE]
        slot = (n + 1 - projection[q, J_DELAY]) % pop[source, DEPTH]
        count = ring_count[pop[source, SLOT] + slot]
        if count == 0 or projection[q, J_LAZY] >= 0:
            continue
        first = pop[source, RING] + slot * pop[source, N]
        graded = pop[source, KIND] == RATE
        g0, sign = projection[q, J_G], t.sign[q]
        n_q, channels_post = projection[q, J_Q1] - projection[q, J_Q0], projection[q, J_POST_CH]
        if projection[q, J_KIND] == ONE_TO_ONE:
            channels, pairs, n_pairs, w0 = projection[q, J_PRE_CH], projection[q, J_PAIRS], projection[q, J_N_PAIRS], projection[q, J_W]
            pair_start, pair_post = t.pair_start, t.pair_post
            base = pair_start[pairs]
            for k in range(count):
                effect = sign * value[first + k] if graded else sign
                cell = ring[first + k]
                site = cell // channels
                channel = cell - site * channels
                for p in range(pair_start[pairs + channel], pair_start[pairs + channel + 1]):
                    all_g[g0 + site * channels_post + pair_post[p]] += effect * all_w[w0 + site * n_pairs + p - base]
            continue
        if projection[q, J_KIND] != LOCAL or n_q != channels_post:
            for k in range(count):
                effect = sign * value[first + k] if graded else sign
                for s in range(segments(projection[q], t.pair_start, t.pair_post, ring[first + k], segment)):
                    length = segment[s, 2]
                    g = all_g[g0 + segment[s, 0] : g0 + segment[s, 0] + length]
                    w = all_w[segment[s, 1] : segment[s, 1] + length]
                    for i in range(length):
                        g[i] += effect * w[i]
            continue
        channels, pre_cols, f0, f1 = projection[q, J_PRE_CH], projection[q, J_PRE_COLS], projection[q, J_F0], projection[q, J_F1]
        size, rows, cols = projection[q, J_SIZE], projection[q, J_POST_ROWS], projection[q, J_POST_COLS]
        phase_row, phase_col, w0 = projection[q, J_PHASE_ROW], projection[q, J_PHASE_COL], projection[q, J_W]
        block = size * size * n_q
        for k in range(count):
            effect = sign * value[first + k] if graded else sign
            cell = ring[first + k]
            site = cell // channels
            f = cell - site * channels
            if f < f0 or f >= f1:
                continue
            row = site // pre_cols
            col = site - row * pre_cols
            row0 = row * rows // projection[q, J_PRE_ROWS] + projection[q, J_OFF_ROW]
            col0 = col * cols // pre_cols + projection[q, J_OFF_COL]
            base = w0 + (((row % phase_row) * phase_col + col % phase_col) * (f1 - f0) + f - f0) * block
            b0 = max(0, -col0)
            length = (min(size, cols - col0) - b0) * n_q
            for a in range(max(0, -row0), min(size, rows - row0)):
                at = g0 + ((row0 + a) * cols + col0 + b0) * n_q
                from_w = base + (a * size + b0) * n_q
                if length < SHORT:
                    for i in range(length):
                        all_g[at + i] += effect * all_w[from_w + i]
                else:
                    g = all_g[at : at + length]
                    w = all_w[from_w : from_w + length]
                    for i in range(length):
                        g[i] += effect * w[i]


@njit(cache=True)
def raise_traces(n: int, s: int, t: Tables, x: Arrays) -> None:
    """Phase 5 for rules that act at the end of a frame: decay and raise traces, take the step into frame values."""
    for k in range(len(t.trace)):
        row = t.trace[k]
        size, side, mode = row[T_N], row[T_SIDE], row[T_FRAME]
        trace = x.trace[row[T_START] : row[T_START] + size]
        acc = x.frame_value[row[T_ACC] : row[T_ACC] + size]
        if s == 0:
            acc[:] = 0
        counted = s >= row[T_FROM]
        decays = row[T_DECAYS]
        if not decays and not counted:
            continue
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
        if mode != NO_FRAME and decays and counted:
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
def note_spikes(n: int, listed: int, t: Tables, x: Arrays, spike_steps: Ints, spike_cells: Ints) -> int:
    """List the spikes of a step, as far as there is room; return how many there are by now."""
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
    t: Tables,
    x: Arrays,
    spike_steps: Ints,
    spike_cells: Ints,
) -> int:
    """Run one frame; return the number of spikes, of which as many are listed as there is room for."""
    n_pop, n_proj = len(t.pop), len(t.projection)
    listed = 0
    for s in range(steps):
        n = n0 + s
        for p in range(n_pop):
            if t.pop[p, KIND] == SOURCE:
                r = t.pop[p, RASTER]
                play(p, n, t.late[s], raster_cells[raster_start[r, s] : raster_start[r, s + 1]], t, x)
        integrate(n, t, x)
        fire(n, t.late[s], t, x)
        if len(spike_steps) > 0:
            listed = note_spikes(n, listed, t, x, spike_steps, spike_cells)
        for k in range(len(t.lazy)):
            decay = x.v.dtype.type(np.exp(-t.lazy_law[k, 3]))
            y = x.lazy_y[t.lazy[k, 0] : t.lazy[k, 0] + t.lazy[k, 3]]
            for i in range(len(y)):
                y[i] *= decay
        for q in range(n_proj):
            if t.projection[q, J_LAZY] >= 0:
                deliver_lazy(q, n, act, t, x)
        deliver(n, t, x)
        if len(t.trace):
            raise_traces(n, s, t, x)
        for q in range(n_proj):
            if t.projection[q, J_LAZY] >= 0:
                spikes_lazy(q, n, t, x)
    return listed
