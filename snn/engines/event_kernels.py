"""Compiled loops of the event engine over synapses: geometry and delivery (phase 4).

A spike is pushed to its targets along contiguous stretches of the weight array, without an index per synapse.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn.engines.event_arrays import (
    DENSE,
    DEPTH,
    J_ARRIVED,
    J_COPIES,
    J_DELAY,
    J_DEPTHWISE,
    J_F0,
    J_F1,
    J_FACTOR,
    J_G,
    J_KIND,
    J_N_PAIRS,
    J_OFF_COL,
    J_OFF_ROW,
    J_PAIRS,
    J_PHASE_COL,
    J_PHASE_ROW,
    J_POOLS,
    J_POST_CH,
    J_POST_COLS,
    J_POST_ROWS,
    J_PRE_CH,
    J_PRE_COLS,
    J_PRE_ROWS,
    J_Q0,
    J_Q1,
    J_SHORT,
    J_SHORT_LAW,
    J_SIZE,
    J_SOURCE,
    J_UNITS,
    J_USED,
    J_W,
    KIND,
    LOCAL,
    ONE_TO_ONE,
    RATE,
    RING,
    S_FACILITATION,
    S_RECOVERY,
    S_UTILISATION,
    SHORT,
    SLOT,
    Arrays,
    Floats,
    Ints,
    N,
    Tables,
)


@njit(cache=True)
def segments(j: Ints, pair_start: Ints, pair_post: Ints, cell: int, out: Ints) -> int:
    """List the contiguous stretches that one source cell reaches: first target cell, first weight, length.

    Parameters
    ----------
    j : ndarray of int, shape (32,)
        Row of the projection table.
    pair_start, pair_post : ndarray of int
        Pairs of one-to-one projections.
    cell : int
        Source cell.
    out : ndarray of int, shape (room, 3)
        Filled in place.

    Returns
    -------
    int
        Number of stretches.
    """
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
    size, channels_post, n_q = j[J_SIZE], j[J_POST_CH], 1 if j[J_DEPTHWISE] else j[J_Q1] - j[J_Q0]
    first = j[J_Q0] + f if j[J_DEPTHWISE] else j[J_Q0]
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
                out[count, 0] = ((row0 + a) * j[J_POST_COLS] + col0 + b) * channels_post + first
                out[count, 1] = base + (a * size + b) * n_q
                out[count, 2] = n_q
                count += 1
    return count


@njit(cache=True)
def arrivals(p: int, m: int, t: Tables, x: Arrays) -> tuple[int, int]:
    """Where the ring holds what population p sent in step m: first place and number.

    Parameters
    ----------
    p : int
        Number of the population.
    m : int
        Number of the step in which was sent.
    t : Tables
    x : Arrays
        Changed in place.

    Returns
    -------
    (int, int)
        First place and number.
    """
    slot = m % t.pop[p, DEPTH]
    return t.pop[p, RING] + slot * t.pop[p, N], x.ring_count[t.pop[p, SLOT] + slot]


@njit(cache=True, inline="always")
def unit_and_currents(cell: int, g_first: int, copies: int, pools: int, units: int) -> tuple[int, int]:
    """Give the unit of a source cell whose target has pools, and where the currents of its copy's pool begin.

    Parameters
    ----------
    cell : int
        Source cell.
    g_first : int
        Where the currents of the receptor begin.
    copies, pools, units : int
        Copies of a source unit, pools and units of the target; 1, 1 and 0 where there are no pools.

    Returns
    -------
    (int, int)
        The cell itself and ``g_first`` where there are no pools.
    """
    if copies == 1:
        return cell, g_first
    unit = cell // copies
    if pools == 1:
        return unit, g_first
    return unit, g_first + (cell - unit * copies) % pools * units


@njit(cache=True)
def deliver_field(j: Ints, senders: NDArray[np.int32], values: Floats, sign: float, factors: Floats, all_g: Floats, all_w: Floats) -> None:
    """Phase 4 of a projection of local fields; the geometry of `segments` written out.

    Parameters
    ----------
    j : ndarray of int, shape (32,)
        Row of the projection table.
    senders : ndarray of int32, shape (count,)
        Cells that sent, in their order.
    values : ndarray, shape (count,) or (0,)
        What each sent, where it was not a spike, or how much of its weight a spike delivers.
    sign : float
        Of the source.
    factors : ndarray
        Factors of all source units.
    all_g, all_w : ndarray
        Currents, changed in place, and weights.
    """
    copies, pools, units, g_first, factor = j[J_COPIES], j[J_POOLS], j[J_UNITS], j[J_G], j[J_FACTOR]
    channels, pre_rows, pre_cols, f0, f1 = j[J_PRE_CH], j[J_PRE_ROWS], j[J_PRE_COLS], j[J_F0], j[J_F1]
    size, rows, cols, off_row, off_col = j[J_SIZE], j[J_POST_ROWS], j[J_POST_COLS], j[J_OFF_ROW], j[J_OFF_COL]
    phase_row, phase_col, w0, q0, channels_post = j[J_PHASE_ROW], j[J_PHASE_COL], j[J_W], j[J_Q0], j[J_POST_CH]
    depthwise = j[J_DEPTHWISE] > 0
    n_q = 1 if depthwise else j[J_Q1] - q0
    block = size * size * n_q
    per_site, low, high = channels * copies, f0 * copies, f1 * copies
    begins, first_unit, row0, col0, kernel, a0, a1, b0, b1 = -per_site, 0, 0, 0, 0, 0, 0, 0, 0
    for k in range(len(senders)):
        # In the order of cells, divisions are done once for all that a site sends, and only for what has targets.
        place = senders[k] - begins
        if place < 0 or place >= per_site:
            site = senders[k] // per_site
            begins, first_unit = site * per_site, site * channels
            place = senders[k] - begins
            row = site // pre_cols
            col = site - row * pre_cols
            row0, col0 = row * rows // pre_rows + off_row, col * cols // pre_cols + off_col
            kernel = w0 + ((row % phase_row) * phase_col + col % phase_col) * (f1 - f0) * block
            a0, a1, b0, b1 = max(0, -row0), min(size, rows - row0), max(0, -col0), min(size, cols - col0)
        if place < low or place >= high:
            continue
        f, g0 = unit_and_currents(place, g_first, copies, pools, units)
        effect = sign * values[k] if len(values) else sign
        if factor >= 0:
            effect *= factors[factor + first_unit + f]
        base = kernel + (f - f0) * block
        if depthwise:
            for a in range(a0, a1):
                at = g0 + ((row0 + a) * cols + col0) * channels_post + q0 + f - f0
                for b in range(b0, b1):
                    all_g[at + b * channels_post] += effect * all_w[base + a * size + b]
            continue
        length = (b1 - b0) * n_q
        for a in range(a0, a1):
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
def use_resources(
    n: int, senders: NDArray[np.int32], values: Floats, law: Floats, resources: Floats, utilised: Floats, arrived: NDArray[np.int32]
) -> None:
    """Let spikes use the resources of their cells, by short-term plasticity.

    Arrays one by one: with the whole of `Arrays`, `deliver` would carry it for projections without, too.

    Parameters
    ----------
    n : int
        Number of the step.
    senders : ndarray of int32, shape (count,)
        Cells whose spikes arrive.
    values : ndarray, shape (count,)
        How much of its weight each delivers; filled in place.
    law : ndarray, shape (N_LAW,)
        Begins with a `ReleaseLaw`.
    resources, utilised : ndarray
        What the last spike of each cell found; of the projection's first cell on, changed in place.
    arrived : ndarray of int32
        When it was delivered; of the projection's first cell on, changed in place.
    """
    share, kind = law[S_UTILISATION], values.dtype.type
    for k in range(len(senders)):
        cell = senders[k]
        gap, x, u = n - arrived[cell], resources[cell], utilised[cell]
        resources[cell] = kind(1.0 + (x - u * x - 1.0) * np.exp(-gap * law[S_RECOVERY]))
        utilised[cell] = kind(share + u * (1.0 - share) * np.exp(-gap * law[S_FACILITATION]))
        arrived[cell] = n
        values[k] = utilised[cell] * resources[cell]


@njit(cache=True)
def release(n: int, q: int, t: Tables, x: Arrays) -> None:
    """Phase 4 of a lazy rule's projection with short-term plasticity: its spikes use resources before the rule delivers them.

    Parameters
    ----------
    n : int
        Number of the step.
    q : int
        Projection.
    t : Tables
    x : Arrays
        Changed in place.
    """
    j = t.projection[q]
    first, count = arrivals(j[J_SOURCE], n + 1 - j[J_DELAY], t, x)
    senders, values = x.ring[first : first + count], x.ring_value[first : first + count]
    use_resources(n, senders, values, t.law[j[J_SHORT_LAW]], x.trace[j[J_SHORT] :], x.trace[j[J_USED] :], x.last[j[J_ARRIVED] :])


@njit(cache=True)
def deliver(n: int, begin: int, end: int, t: Tables, x: Arrays) -> None:
    """Phase 4 of projections without a lazy rule.

    Parameters
    ----------
    n : int
        Number of the step.
    begin, end : int
        First projection, and the one after the last.
    t : Tables
    x : Arrays
        Changed in place.
    """
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
    for q in range(begin, end):
        source = projection[q, J_SOURCE]
        slot = (n + 1 - projection[q, J_DELAY]) % pop[source, DEPTH]
        count = ring_count[pop[source, SLOT] + slot]
        if count == 0:
            continue
        first = pop[source, RING] + slot * pop[source, N]
        short = projection[q, J_SHORT] >= 0
        if short:
            # What the ring holds beside spikes is of the projection that is delivered at the moment.
            senders, values, law = ring[first : first + count], value[first : first + count], t.law[projection[q, J_SHORT_LAW]]
            resources, utilised = x.trace[projection[q, J_SHORT] :], x.trace[projection[q, J_USED] :]
            use_resources(n, senders, values, law, resources, utilised, x.last[projection[q, J_ARRIVED] :])
        graded = short or pop[source, KIND] == RATE
        g_first, sign = projection[q, J_G], t.sign[q]
        copies, pools, units = projection[q, J_COPIES], projection[q, J_POOLS], projection[q, J_UNITS]
        factor = projection[q, J_FACTOR]
        n_q, channels_post = projection[q, J_Q1] - projection[q, J_Q0], projection[q, J_POST_CH]
        if projection[q, J_KIND] == ONE_TO_ONE:
            channels, pairs, n_pairs, w0 = projection[q, J_PRE_CH], projection[q, J_PAIRS], projection[q, J_N_PAIRS], projection[q, J_W]
            pair_start, pair_post = t.pair_start, t.pair_post
            base = pair_start[pairs]
            for k in range(count):
                effect = sign * value[first + k] if graded else sign
                cell, g0 = unit_and_currents(ring[first + k], g_first, copies, pools, units)
                site = cell // channels
                channel = cell - site * channels
                for p in range(pair_start[pairs + channel], pair_start[pairs + channel + 1]):
                    all_g[g0 + site * channels_post + pair_post[p]] += effect * all_w[w0 + site * n_pairs + p - base]
            continue
        if projection[q, J_KIND] != LOCAL or (n_q != channels_post and projection[q, J_DEPTHWISE] == 0):
            for k in range(count):
                effect = sign * value[first + k] if graded else sign
                cell, g0 = unit_and_currents(ring[first + k], g_first, copies, pools, units)
                if factor >= 0:
                    effect *= x.factor[factor + cell]
                for s in range(segments(projection[q], t.pair_start, t.pair_post, cell, segment)):
                    length = segment[s, 2]
                    g = all_g[g0 + segment[s, 0] : g0 + segment[s, 0] + length]
                    w = all_w[segment[s, 1] : segment[s, 1] + length]
                    for i in range(length):
                        g[i] += effect * w[i]
            continue
        values = value[first : first + (count if graded else 0)]
        deliver_field(projection[q], ring[first : first + count], values, sign, x.factor, all_g, all_w)
