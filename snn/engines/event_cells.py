"""Compiled loops of the event engine over cells: integrate, fire, play a raster (phases 1 to 3)."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn.engines import layout
from snn.engines.event_arrays import (
    ADAPTIVE,
    COPIES,
    DENDRITE,
    DEPTH,
    DRIVEN,
    FLOORED,
    GATE,
    INTEGRATING,
    KIND,
    L_ADAPT,
    L_ADAPT_DECAY,
    L_ADAPT_STEP,
    L_D,
    L_D_ADAPT,
    L_D_DRIVE,
    L_D_TO_V,
    L_DRIVE,
    L_FLOOR,
    L_GAIN,
    L_RESET,
    L_REST,
    L_SPIKE,
    L_V,
    L_V_RESET,
    L_V_TO_D,
    N_REC,
    PEAK,
    POOLS,
    PULSE,
    RATE,
    REC,
    REFRACTORY,
    RESTS,
    RING,
    SLOT,
    SOFT,
    SOURCE,
    START,
    UPSWING,
    Arrays,
    Floats,
    N,
    Tables,
)
from snn.engines.event_upswing import swing_up

REST_BELOW_mV = layout.REST_BELOW_mV


@njit(cache=True)
def integrate(n: int, t: Tables, x: Arrays) -> None:
    """Phase 1. Each kind of term is a pass of its own over a population, so that every pass vectorises.

    Adding and taking away a tiny number leaves every value that matters as it is, but keeps what has decayed to almost nothing from
    falling below the smallest normal number, where everything costs a hundred times as much.

    Parameters
    ----------
    n : int
        Number of the step.
    t : Tables
    x : Arrays
        Changed in place.
    """
    pop, all_v, all_a, all_g, law, receptor, receptor_law = t.pop, x.v, x.adaptation, x.g, t.law, t.receptor, t.receptor_law
    tiny = t.tiny[0]
    zero, one = x.v.dtype.type(0), x.v.dtype.type(1)
    for p in range(len(pop)):
        if pop[p, KIND] == SOURCE:
            continue
        if pop[p, POOLS]:
            integrate_pooled(p, n, t, x)
            continue
        if pop[p, DENDRITE] >= 0:
            integrate_compartments(p, t, x)
            continue
        start, size = pop[p, START], pop[p, N]
        v = all_v[start : start + size]
        held, rests, upswing = pop[p, REFRACTORY] > 0, pop[p, RESTS] > 0, pop[p, UPSWING] > 0
        if pop[p, PEAK]:
            for i in range(size):
                if n - x.last[start + i] == pop[p, PEAK]:
                    v[i] = law[p, L_V_RESET]
        before = v.copy() if held or rests or upswing else v
        total = np.zeros(size if rests else 0, v.dtype)
        if rests and pop[p, DRIVEN]:
            total += x.current[start : start + size]
        k_v, k_drive, k_a = law[p, L_V], law[p, L_DRIVE], law[p, L_ADAPT]
        d_a = one if upswing else law[p, L_ADAPT_DECAY]
        if pop[p, DRIVEN]:
            current = x.current[start : start + size]
            for i in range(size):
                v[i] = k_v * v[i] + k_drive * current[i] + tiny - tiny
        elif k_v != 1:
            for i in range(size):
                v[i] = k_v * v[i] + tiny - tiny
        if pop[p, ADAPTIVE]:
            a = all_a[start : start + size]
            for i in range(size):
                v[i] -= k_a * a[i]
                a[i] = d_a * a[i] + tiny - tiny
        gated = False
        for r in range(pop[p, REC], pop[p, REC] + pop[p, N_REC]):
            g = all_g[receptor[r, 0] : receptor[r, 0] + size]
            gain, decay = receptor_law[r, 0], receptor_law[r, 1]
            if rests:
                goal = before if receptor[r, 1] == PULSE else total
                for i in range(size):
                    goal[i] += g[i]
            if receptor[r, 1] == GATE:
                gated = True
            elif receptor[r, 2] >= 0 or receptor[r, 3] >= 0:
                opening = np.ones(size, v.dtype)
                if receptor[r, 2] >= 0:
                    gate = all_g[receptor[r, 2] : receptor[r, 2] + size]
                    for i in range(size):
                        opening[i] = max(gate[i], zero)
                if receptor[r, 3] >= 0:
                    shunt = all_g[receptor[r, 3] : receptor[r, 3] + size]
                    for i in range(size):
                        opening[i] /= one + max(-shunt[i], zero)
                for i in range(size):
                    v[i] += gain * g[i] * min(opening[i], one)
                    g[i] = decay * g[i] + tiny - tiny
            elif receptor[r, 1] == INTEGRATING:
                for i in range(size):
                    v[i] += gain * g[i]
            else:
                for i in range(size):
                    v[i] += gain * g[i]
                    g[i] = decay * g[i] + tiny - tiny
        if gated:
            # Only now, since the currents of this step saw the gates as they were when it began.
            for r in range(pop[p, REC], pop[p, REC] + pop[p, N_REC]):
                if receptor[r, 1] == GATE:
                    gate = all_g[receptor[r, 0] : receptor[r, 0] + size]
                    for i in range(size):
                        gate[i] = receptor_law[r, 1] * gate[i] + tiny - tiny
        if upswing:
            swing_up(p, n, before, t, x)
        if rests:
            for i in range(size):
                if total[i] <= REST_BELOW_mV:
                    v[i] = law[p, L_REST] * before[i] + tiny - tiny
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
def integrate_pooled(p: int, n: int, t: Tables, x: Arrays) -> None:
    """Phase 1 of a population whose copies share their currents: sums per unit and pool first, then every cell.

    Parameters
    ----------
    p : int
        Number of the population.
    n : int
        Number of the step.
    t : Tables
    x : Arrays
        Changed in place.
    """
    pop, law, dtype = t.pop, t.law, x.v.dtype
    start, size, copies, pools = pop[p, START], pop[p, N], pop[p, COPIES], pop[p, POOLS]
    units = size // copies
    tiny = t.tiny[0]
    push, total, pulse = np.zeros(pools * units, dtype), np.zeros(pools * units, dtype), np.zeros(pools * units, dtype)
    for r in range(pop[p, REC], pop[p, REC] + pop[p, N_REC]):
        g = x.g[t.receptor[r, 0] : t.receptor[r, 0] + pools * units]
        gain, decay = t.receptor_law[r, 0], t.receptor_law[r, 1]
        goal = pulse if t.receptor[r, 1] == PULSE else total
        for i in range(pools * units):
            push[i] += gain * g[i]
            goal[i] += g[i]
            g[i] = decay * g[i] + tiny - tiny
    v, current, adaptation, last = x.v[start : start + size], x.current[start : start + size], x.adaptation, x.last
    k_v, k_drive, k_rest, k_a, d_a = law[p, L_V], law[p, L_DRIVE], law[p, L_REST], law[p, L_ADAPT], law[p, L_ADAPT_DECAY]
    driven, rests, adaptive, refractory = pop[p, DRIVEN], pop[p, RESTS], pop[p, ADAPTIVE], pop[p, REFRACTORY]
    plain = pools == 1 and not (adaptive or refractory)
    floor = law[p, L_FLOOR] if pop[p, FLOORED] else dtype.type(-np.inf)
    # In the precision of the voltages, since a comparison in another one halves how many fit in a register.
    still = dtype.type(REST_BELOW_mV) if rests else dtype.type(-np.inf)
    for u in range(units):
        # Written as choices, which vectorise; `max` and branches do not.
        if plain and driven:
            add, more, kick = push[u], total[u], pulse[u]
            for i in range(u * copies, (u + 1) * copies):
                new = k_v * v[i] + k_drive * current[i] + add
                new = (k_rest * (v[i] + kick) if more + current[i] <= still else new) + tiny - tiny
                v[i] = new if new > floor else floor
            continue
        if plain:
            factor, add = (k_rest, k_rest * pulse[u]) if total[u] <= still else (k_v, push[u])
            for i in range(u * copies, (u + 1) * copies):
                new = factor * v[i] + add + tiny - tiny
                v[i] = new if new > floor else floor
            continue
        for c in range(copies):
            i, k = u * copies + c, (c % pools) * units + u
            external = current[i] if driven else dtype.type(0)
            new = k_v * v[i] + k_drive * external
            if adaptive:
                new -= k_a * adaptation[start + i]
                adaptation[start + i] = d_a * adaptation[start + i] + tiny - tiny
            new = new + push[k] + tiny - tiny
            if total[k] + external <= still:
                new = k_rest * (v[i] + pulse[k]) + tiny - tiny
            if refractory > 0 and n - last[start + i] < refractory:
                new = v[i]
            v[i] = max(new, floor)


@njit(cache=True)
def integrate_compartments(p: int, t: Tables, x: Arrays) -> None:
    """Phase 1 of a population of cells with a dendrite, which go on while they are refractory.

    Parameters
    ----------
    p : int
        Number of the population.
    t : Tables
    x : Arrays
        Changed in place.
    """
    pop, law = t.pop, t.law
    start, size, tiny = pop[p, START], pop[p, N], t.tiny[0]
    v, d = x.v[start : start + size], x.dendrite[pop[p, DENDRITE] : pop[p, DENDRITE] + size]
    v_v, d_v, v_d, d_d = law[p, L_V], law[p, L_D_TO_V], law[p, L_V_TO_D], law[p, L_D]
    for i in range(size):
        old_v, old_d = v[i], d[i]
        v[i] = v_v * old_v + d_v * old_d + tiny - tiny
        d[i] = v_d * old_v + d_d * old_d + tiny - tiny
    if pop[p, DRIVEN]:
        current = x.current[start : start + size]
        for i in range(size):
            v[i] += law[p, L_DRIVE] * current[i]
            d[i] += law[p, L_D_DRIVE] * current[i]
    if pop[p, ADAPTIVE]:
        a = x.adaptation[start : start + size]
        for i in range(size):
            v[i] -= law[p, L_ADAPT] * a[i]
            d[i] -= law[p, L_D_ADAPT] * a[i]
            a[i] = law[p, L_ADAPT_DECAY] * a[i] + tiny - tiny
    for r in range(pop[p, REC], pop[p, REC] + pop[p, N_REC]):
        g = x.g[t.receptor[r, 0] : t.receptor[r, 0] + size]
        gain_v, decay, gain_d = t.receptor_law[r, 0], t.receptor_law[r, 1], t.receptor_law[r, 2]
        for i in range(size):
            v[i] += gain_v * g[i]
            d[i] += gain_d * g[i]
            if t.receptor[r, 1] != INTEGRATING:
                g[i] = decay * g[i] + tiny - tiny
    if pop[p, FLOORED]:
        for i in range(size):
            v[i] = max(v[i], law[p, L_FLOOR])


@njit(cache=True)
def above(v: Floats, threshold: Floats, flag: NDArray[np.uint8], ring: NDArray[np.int32], place: int) -> int:
    """List the cells at or above threshold; return how many there are.

    Comparing vectorises where nothing else is done, and eight cells of which none fires are passed over at once. Of the
    others every one is noted and only those that fire are kept: a branch for each would be guessed wrongly too often.

    Parameters
    ----------
    v, threshold : ndarray, shape (n,)
    flag : ndarray of uint8, at least n rounded up to a multiple of 8
        Room to work in.
    ring : ndarray of int32
        Filled in place, from ``place`` on.
    place : int

    Returns
    -------
    int
        Number of cells.
    """
    size, count = len(v), 0
    for i in range(size):
        flag[i] = v[i] >= threshold[i]
    words = (size + 7) // 8
    for i in range(size, 8 * words):
        flag[i] = 0
    eights = flag[: 8 * words].view(np.uint64)
    for k in range(words):
        if eights[k] != 0:
            for i in range(8 * k, min(8 * k + 8, size)):
                ring[place + count] = i
                count += flag[i]
    return count


@njit(cache=True)
def fire(n: int, s: int, t: Tables, x: Arrays) -> None:
    """Phases 2 and 3 of all populations with a membrane; what is sent goes into their rings.

    Parameters
    ----------
    n : int
        Number of the step.
    s : int
        Step within the frame.
    t : Tables
    x : Arrays
        Changed in place.
    """
    pop, law, all_v, all_threshold, ring, value = t.pop, t.law, x.v, x.threshold, x.ring, x.ring_value
    adaptation, last, total, late_total = x.adaptation, x.last, x.total, x.late
    late = t.late[s]
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
            count = above(v, threshold, x.flag, ring, place)
            if refractory > 0:
                over, count = count, 0
                for k in range(over):
                    i = ring[place + k]
                    ring[place + count] = i
                    count += n - last[start + i] >= refractory
            soft, v_reset = pop[p, SOFT] > 0, law[p, L_SPIKE]
            # A pass for each array, and only over those that change: at many spikes a step, memory is what takes time.
            for k in range(count):
                i = ring[place + k]
                v[i] = v[i] - reset if soft else v_reset
                last[start + i] = n
                total[start + i] += 1
            if pop[p, ADAPTIVE]:
                for k in range(count):
                    adaptation[start + ring[place + k]] += step
            if late > 0:
                for k in range(count):
                    late_total[start + ring[place + k]] += late
        x.ring_count[pop[p, SLOT] + slot] = count


@njit(cache=True)
def play(p: int, n: int, s: int, cells: NDArray[np.int32], t: Tables, x: Arrays) -> None:
    """Phase 2 of a spike source: send its raster.

    Parameters
    ----------
    p : int
        Number of the population.
    n : int
        Number of the step.
    s : int
        Step within the frame.
    cells : ndarray of int32
        Cells that spike.
    t : Tables
    x : Arrays
        Changed in place.
    """
    start, size = t.pop[p, START], t.pop[p, N]
    slot = n % t.pop[p, DEPTH]
    first = t.pop[p, RING] + slot * size
    for k in range(len(cells)):
        x.ring[first + k] = cells[k]
        x.last[start + cells[k]] = n
        x.total[start + cells[k]] += 1
        x.late[start + cells[k]] += t.late[s]
    x.ring_count[t.pop[p, SLOT] + slot] = len(cells)
