"""From a description to the tables and flat arrays that the compiled kernels of the event engine read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from snn.description import Network, Projection
from snn.engines import event_arrays as k
from snn.engines.event_rule_tables import Place, RuleTables
from snn.engines.layout import Layout, has_membrane, propagators
from snn.engines.plain_release import release_law
from snn.engines.upswing import UpswingLaw
from snn.topology import LocalField, OneToOne, SharedKernel, channel_pairs, window

KINETICS = {"exponential": k.EXPONENTIAL, "integrating": k.INTEGRATING, "pulse": k.PULSE, "gate": k.GATE}


@dataclass(frozen=True)
class Built:
    """Tables, arrays at zero, and where the state's arrays lie in them.

    Attributes
    ----------
    tables : event_arrays.Tables
    arrays : event_arrays.Arrays
    places : dict of str to Place
        By key of ``snn.state``.
    rules : RuleTables
        How each projection learns.
    shapes : dict of str to tuple of int
        Shapes of the arrays of the state that have more than one axis, by key.
    sources : tuple of str
        Spike sources, in the order of the raster table.
    """

    tables: k.Tables
    arrays: k.Arrays
    places: dict[str, Place]
    rules: RuleTables
    shapes: dict[str, tuple[int, ...]]
    sources: tuple[str, ...]


def build_tables(layout: Layout, dtype: DTypeLike) -> Built:
    """Lay a network out for the kernels.

    Parameters
    ----------
    layout : Layout
    dtype : float32 or float64
        Precision of voltages, currents, weights and traces.

    Returns
    -------
    Built
    """
    network = layout.network
    places: dict[str, Place] = {}
    pop: list[list[int]] = []
    law: list[list[float]] = []
    receptor: list[list[int]] = []
    receptor_law: list[list[float]] = []
    ring = slot = g = dendrites = moving = 0
    sources = tuple(p.name for p in network.populations if not has_membrane(p))
    order = {p.name: i for i, p in enumerate(network.populations)}
    for p in network.populations:
        start = layout.offsets[p.name]
        depth = max((layout.delay_steps(j) for j in network.projections if j.source == p.name), default=1)
        source = not has_membrane(p)
        f = None if source else propagators(p, layout.dt_ms)
        pop.append(
            [
                start,
                p.n,
                k.SOURCE if source else k.RATE if p.graded else k.SPIKING,
                int(f.soft) if f else 0,
                f.refractory_steps if f else 0,
                int(bool(f and (f.adaptation_step or (f.upswing and f.upswing.coupling)))),
                int(bool(f and np.isfinite(f.floor))),
                len(receptor),
                len(p.receptors),
                ring,
                slot,
                depth,
                int((p.drive is not None or p.biased) and not source),
                sources.index(p.name) if source else -1,
                p.pools or 0,
                p.copies,
                int(f is not None and f.rest is not None),
                dendrites if p.dendritic else -1,
                moving if getattr(p.cell, "escape", None) else -1,
                int(bool(f and f.upswing)),
                f.upswing.peak_steps if f and f.upswing else 0,
            ]
        )
        moving += p.n if getattr(p.cell, "escape", None) else 0
        d = f.dendrite if f else None
        up = f.upswing if f else None
        law.append(
            [f.v, f.drive, f.adaptation, f.adaptation_decay, f.adaptation_step, f.reset_by, f.v_reset, f.floor, f.gain, f.rest or 0.0]
            + ([d.to_soma, d.from_soma, d.d, d.drive, d.adaptation] if d else [0.0] * 5)
            + [f.v_spike, *(_upswing(up) if up else [0.0, 1.0] + [0.0] * 5)]
            if f
            else [0.0] * k.N_LAW
        )
        for key, flat in (("v", "v"), ("threshold", "threshold"), ("adaptation", "adaptation"), ("last", "last"), ("total", "total")):
            places[f"{key}/{p.name}"] = Place(flat, start, p.n)
        gates: dict[str | None, int] = {r.name: g + i * p.n for i, r in enumerate(p.receptors) if r.kinetics == "gate"}
        for i, r in enumerate(p.receptors):
            assert f is not None
            receptor.append([g, KINETICS[r.kinetics], gates.get(r.gate, -1), gates.get(r.shunt, -1)])
            receptor_law.append([f.receptor_gain[i], f.receptor_decay[i], d.receptor_gain[i] if d else 0.0])
            places[f"g/{p.name}/{r.name}"] = Place("g", g, p.n_currents)
            g += p.n_currents
        if p.dendritic:
            places[f"dendrite/{p.name}"] = Place("dendrite", dendrites, p.n)
            dendrites += p.n
        places[f"flight/{p.name}"] = Place("ring", ring, depth * p.n)
        ring += depth * p.n
        slot += depth
    rows: list[list[int]] = []
    pair_start: list[int] = [0]
    pair_post: list[int] = []
    w = longest = factor = 0
    for j in network.projections:
        row, stretches = _projection(layout, j, order, places, w, len(pair_start) - 1)
        if isinstance(j.topology, OneToOne):
            base = len(pair_post)
            source_grid, target_grid = network.ends(j)
            pairs = channel_pairs(j.topology, source_grid, target_grid)
            pair_post += [b for _, b in pairs]
            counts = np.bincount([a for a, _ in pairs], minlength=source_grid.channels)
            pair_start += (base + np.cumsum(counts)).tolist()
        if j.spread:
            n_factors = network.ends(j)[0].n
            row[k.J_FACTOR], places[f"factor/{j.name}"] = factor, Place("factor", factor, n_factors)
            factor += n_factors
        rows.append(row)
        size = int(np.prod(network.weight_shape(j.name)))
        places[f"weights/{j.name}"] = Place("w", w, size)
        w += size
        longest = max(longest, stretches)
    rules = RuleTables(layout, order, places, np.dtype(dtype).name)
    n_trace, n_last = rules.n_trace, network.n_neurons
    for j, row in zip(network.projections, rows, strict=True):
        if j.short_term is not None:
            n_pre = network.population(j.source).n
            row[k.J_SHORT], row[k.J_USED], row[k.J_ARRIVED], row[k.J_SHORT_LAW] = n_trace, n_trace + n_pre, n_last, len(law)
            places[f"resources/{j.name}"], places[f"utilised/{j.name}"] = (Place("trace", n_trace + i * n_pre, n_pre) for i in range(2))
            places[f"arrived/{j.name}"] = Place("last", n_last, n_pre)
            law.append([*release_law(j.short_term, layout.dt_ms), *[0.0] * (k.N_LAW - 3)])
            n_trace, n_last = n_trace + 2 * n_pre, n_last + n_pre
    tables = k.Tables(
        pop=_ints(pop, 21),
        law=np.array(law, dtype=dtype),
        receptor=_ints(receptor, 4),
        receptor_law=np.array(receptor_law, dtype=dtype).reshape(-1, 3),
        projection=_ints(rows, 32),
        sign=np.array([-1.0 if network.population(j.source).sign == "inhibitory" else 1.0 for j in network.projections], dtype=dtype),
        pair_start=np.array(pair_start, dtype=np.int64),
        pair_post=np.array(pair_post, dtype=np.int64),
        trace=_ints(rules.traces, 14),
        trace_decay=np.array(rules.decays, dtype=dtype),
        tap_source=_ints(rules.taps, 2),
        tap_start=np.array(rules.tap_start, dtype=np.int64),
        tap_post=np.array(rules.tap_post, dtype=np.int64),
        late=layout.late_weight,
        own=_ints(rules.own, 2),
        own_decay=np.array(rules.own_decay, dtype=np.float64),
        common=np.array([rules.common], dtype=np.int64),
        rule=_ints(rules.rule, 7),
        offset=np.array(rules.offsets, dtype=np.int64),
        constant=np.array(rules.constants, dtype=dtype),
        post_start=np.array(rules.post_start, dtype=np.int64),
        post_pre=_joined(rules.post_pre),
        post_place=_joined(rules.post_place),
        lazy=_ints(rules.lazy or [[0] * 7], 7),
        lazy_law=np.array(rules.lazy_law or [[0.0] * 3], dtype=np.float64),
        tiny=np.array([1e-290 if np.dtype(dtype) == np.float64 else 1e-30], dtype=dtype),
    )
    n = network.n_neurons
    valued = any(p.graded for p in network.populations) or any(j.short_term for j in network.projections)
    zeros: Any = np.zeros
    arrays = k.Arrays(
        v=zeros(n, dtype), threshold=zeros(n, dtype), adaptation=zeros(n, dtype), last=zeros(n_last, np.int32), current=zeros(n, dtype),
        dendrite=zeros(dendrites, dtype),
        g=zeros(g, dtype), total=zeros(n, dtype), late=zeros(n, dtype), ring=zeros(ring, np.int32), ring_count=zeros(slot, np.int64),
        ring_value=zeros(ring if valued else 1, dtype), w=zeros(w, dtype), factor=zeros(factor, dtype),
        trace=zeros(n_trace, dtype), frame_value=zeros(rules.n_frame, dtype), frame_ago=zeros(rules.n_frame, dtype),
        lagged=zeros(rules.n_lagged, dtype),
        own=zeros(rules.n_own, dtype), own_scale=np.ones(len(rules.own)),
        history=zeros(rules.n_history, dtype), lazy_row=zeros(rules.n_cells, np.int64), lazy_coefficient=zeros(rules.n_cells, dtype),
        lazy_now=zeros(len(rules.lazy), np.int64),
        segment=zeros((longest, 3), np.int64), flag=zeros(max((p.n for p in network.populations), default=0) + 8, np.uint8),
    )  # fmt: skip
    shapes = {key: network.weight_shape(j.name) for j in network.projections for key in (f"weights/{j.name}", *rules.own_keys(j))}
    shapes |= rules.lags
    return Built(tables, arrays, places, rules, shapes, sources)


def _joined(parts: list[NDArray[np.uint32]]) -> NDArray[np.uint32]:
    return np.concatenate([np.zeros(0, np.uint32), *parts])


def _ints(rows: list[list[int]], columns: int) -> NDArray[np.int64]:
    return np.array(rows, dtype=np.int64).reshape(-1, columns)


def _upswing(up: UpswingLaw) -> list[float]:
    return [up.onset, up.sharpness, up.coupling, up.after, up.after_rate, up.jump, up.jump_rate]


def _projection(
    layout: Layout, j: Projection, order: dict[str, int], places: dict[str, Place], w: int, pairs: int
) -> tuple[list[int], int]:
    """Row of the projection table, and the largest number of stretches that one source cell reaches."""
    network: Network = layout.network
    pre, post = network.ends(j)
    row = [0] * 32
    row[k.J_FACTOR] = row[k.J_SHORT] = -1
    target = network.population(j.target)
    row[k.J_COPIES], row[k.J_POOLS], row[k.J_UNITS] = (
        (1, 1, 0) if target.pools is None else (network.population(j.source).copies, target.pools, target.units.n)
    )
    row[k.J_SOURCE], row[k.J_TARGET], row[k.J_DELAY], row[k.J_W] = order[j.source], order[j.target], layout.delay_steps(j), w
    row[k.J_G] = places[f"g/{j.target}/{j.receptor}"].start
    row[k.J_PRE_ROWS], row[k.J_PRE_COLS], row[k.J_PRE_CH] = pre.rows, pre.cols, pre.channels
    row[k.J_POST_ROWS], row[k.J_POST_COLS], row[k.J_POST_CH] = post.rows, post.cols, post.channels
    if isinstance(j.topology, OneToOne):
        found = channel_pairs(j.topology, pre, post)
        row[k.J_KIND], row[k.J_PAIRS], row[k.J_N_PAIRS] = k.ONE_TO_ONE, pairs, len(found)
        return row, max(1, len(found))
    if isinstance(j.topology, LocalField | SharedKernel):
        s = window(j.topology, pre, post)
        row[k.J_KIND], row[k.J_SIZE], row[k.J_OFF_ROW], row[k.J_OFF_COL] = k.LOCAL, s.size, s.offset_row, s.offset_col
        (row[k.J_F0], row[k.J_F1]), (row[k.J_Q0], row[k.J_Q1]) = s.pre_channels, s.post_channels
        row[k.J_PHASE_ROW], row[k.J_PHASE_COL] = s.phases
        row[k.J_DEPTHWISE] = int(isinstance(j.topology, LocalField) and j.topology.depthwise)
        return row, s.size * s.size
    row[k.J_KIND] = k.DENSE
    return row, 1
