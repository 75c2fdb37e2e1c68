"""From a description to the tables and flat arrays that the compiled kernels of the event engine read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from snn.description import Network, Projection
from snn.engines import event_arrays as k
from snn.engines.event_lazy import epoch_steps
from snn.engines.event_rules import pair_constants
from snn.engines.layout import Layout, has_membrane, propagators
from snn.topology import LocalField, OneToOne, SharedKernel, channel_pairs, window

KINETICS = {"exponential": k.EXPONENTIAL, "integrating": k.INTEGRATING, "pulse": k.PULSE, "gate": k.GATE}
SIDES = {"pre": k.PRE, "post": k.POST, "signal": k.SIGNAL}
MODES = {None: k.NO_FRAME, "mean": k.MEAN, "sum": k.SUM}


@dataclass(frozen=True)
class Place:
    """Where an array of the state lies in a flat array.

    Attributes
    ----------
    flat : str
        Field of ``event_arrays.Arrays``.
    start, size : int
        Range.
    """

    flat: str
    start: int
    size: int

    @property
    def span(self) -> slice:
        """The range as a slice."""
        return slice(self.start, self.start + self.size)


@dataclass(frozen=True)
class Built:
    """Tables, arrays at zero, and where the state's arrays lie in them.

    Attributes
    ----------
    tables : event_arrays.Tables
    arrays : event_arrays.Arrays
    places : dict of str to Place
        By key of ``snn.state``.
    traces : dict of (str, str) to Place
        Values that frame-end rules read, by projection and trace.
    lazy : dict of str to int
        Number of each lazily learning projection.
    sources : tuple of str
        Spike sources, in the order of the raster table.
    """

    tables: k.Tables
    arrays: k.Arrays
    places: dict[str, Place]
    traces: dict[tuple[str, str], Place]
    lazy: dict[str, int]
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
                int(bool(f and f.adaptation_step)),
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
            ]
        )
        moving += p.n if getattr(p.cell, "escape", None) else 0
        d = f.dendrite if f else None
        law.append(
            [f.v, f.drive, f.adaptation, f.adaptation_decay, f.adaptation_step, f.reset_by, f.v_reset, f.floor, f.gain, f.rest or 0.0]
            + ([d.to_soma, d.from_soma, d.d, d.drive] if d else [0.0] * 4)
            if f
            else [0.0] * 14
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
    lazy_rows: list[list[int]] = []
    lazy_laws: list[list[float]] = []
    lazy: dict[str, int] = {}
    n_y = n_h = n_c = 0
    for j in network.projections:
        row, stretches = _projection(layout, j, order, places, w, len(pair_start) - 1)
        if isinstance(j.topology, OneToOne):
            base = len(pair_post)
            source_grid, target_grid = network.ends(j)
            pairs = channel_pairs(j.topology, source_grid, target_grid)
            pair_post += [b for _, b in pairs]
            counts = np.bincount([a for a, _ in pairs], minlength=source_grid.channels)
            pair_start += (base + np.cumsum(counts)).tolist()
        constants = pair_constants(j.rule) if j.rule else None
        if constants is not None:
            n_pre, n_post = network.population(j.source).n, network.population(j.target).n
            row[k.J_LAZY] = lazy[j.name] = len(lazy_rows)
            epoch = epoch_steps(constants.tau_plus_ms / layout.dt_ms)
            lazy_rows.append([n_y, n_h, n_c, n_post, n_pre, epoch])
            w_max = np.inf if j.w_max_mV is None else j.w_max_mV
            lazy_laws.append(
                [
                    constants.a_plus_mV,
                    constants.a_minus_mV,
                    layout.dt_ms / constants.tau_plus_ms,
                    layout.dt_ms / constants.tau_minus_ms,
                    w_max,
                ]
            )
            n_y, n_h, n_c = n_y + n_post, n_h + (epoch + 1) * n_post, n_c + n_pre
        if j.spread:
            n_factors = network.ends(j)[0].n
            row[k.J_FACTOR], places[f"factor/{j.name}"] = factor, Place("factor", factor, n_factors)
            factor += n_factors
        rows.append(row)
        size = int(np.prod(network.weight_shape(j.name)))
        places[f"weights/{j.name}"] = Place("w", w, size)
        w += size
        longest = max(longest, stretches)
    trace_rows, decays, taps, tap_start, tap_post, traces, n_trace, n_acc = _traces(layout, order, lazy, places)
    tables = k.Tables(
        pop=_ints(pop, 19),
        law=np.array(law, dtype=dtype),
        receptor=_ints(receptor, 4),
        receptor_law=np.array(receptor_law, dtype=dtype).reshape(-1, 3),
        projection=_ints(rows, 28),
        sign=np.array([-1.0 if network.population(j.source).sign == "inhibitory" else 1.0 for j in network.projections], dtype=dtype),
        pair_start=np.array(pair_start, dtype=np.int64),
        pair_post=np.array(pair_post, dtype=np.int64),
        trace=_ints(trace_rows, 10),
        trace_decay=np.array(decays, dtype=dtype),
        tap_source=_ints(taps, 2),
        tap_start=np.array(tap_start, dtype=np.int64),
        tap_post=np.array(tap_post, dtype=np.int64),
        late=layout.late_weight,
        lazy=_ints(lazy_rows, 6),
        lazy_law=np.array(lazy_laws, dtype=np.float64).reshape(-1, 5),
        tiny=np.array([1e-300 if np.dtype(dtype) == np.float64 else 1e-30], dtype=dtype),
    )
    n = network.n_neurons
    graded = any(p.graded for p in network.populations)
    zeros: Any = np.zeros
    arrays = k.Arrays(
        v=zeros(n, dtype), threshold=zeros(n, dtype), adaptation=zeros(n, dtype), last=zeros(n, np.int64), current=zeros(n, dtype),
        dendrite=zeros(dendrites, dtype),
        g=zeros(g, dtype), total=zeros(n), late=zeros(n), ring=zeros(ring, np.int32), ring_count=zeros(slot, np.int64),
        ring_value=zeros(ring if graded else 1, dtype), w=zeros(w, dtype), factor=zeros(factor, dtype),
        trace=zeros(n_trace, dtype), frame_value=zeros(n_acc, dtype),
        history=zeros(n_h, dtype), lazy_row=zeros(n_c, np.int64), lazy_coefficient=zeros(n_c, dtype), lazy_x=zeros(n_c, dtype),
        lazy_step=zeros(n_c, np.int64), lazy_y=zeros(n_y, dtype), lazy_now=zeros((len(lazy_rows), 1), np.int64),
        segment=zeros((longest, 3), np.int64),
    )  # fmt: skip
    return Built(tables, arrays, places, traces, lazy, sources)


def _ints(rows: list[list[int]], columns: int) -> NDArray[np.int64]:
    return np.array(rows, dtype=np.int64).reshape(-1, columns)


def _projection(
    layout: Layout, j: Projection, order: dict[str, int], places: dict[str, Place], w: int, pairs: int
) -> tuple[list[int], int]:
    """Row of the projection table, and the largest number of stretches that one source cell reaches."""
    network: Network = layout.network
    pre, post = network.ends(j)
    row = [0] * 28
    row[k.J_FACTOR] = -1
    target = network.population(j.target)
    row[k.J_COPIES], row[k.J_POOLS], row[k.J_UNITS] = (
        (1, 1, 0) if target.pools is None else (network.population(j.source).copies, target.pools, target.units.n)
    )
    row[k.J_SOURCE], row[k.J_TARGET], row[k.J_DELAY], row[k.J_W], row[k.J_LAZY] = (
        order[j.source],
        order[j.target],
        layout.delay_steps(j),
        w,
        -1,
    )
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
        return row, s.size * s.size
    row[k.J_KIND] = k.DENSE
    return row, 1


def _traces(
    layout: Layout, order: dict[str, int], lazy: dict[str, int], places: dict[str, Place]
) -> tuple[list[list[int]], list[float], list[list[int]], list[int], list[int], dict[tuple[str, str], Place], int, int]:
    """Rows of the trace table, decays, teaching taps, and where rules find their values."""
    rows: list[list[int]] = []
    decays: list[float] = []
    taps: list[list[int]] = []
    tap_start: list[int] = [0]
    tap_post: list[int] = []
    found: dict[tuple[str, str], Place] = {}
    n_trace = n_acc = 0
    for q, j in enumerate(layout.network.projections):
        if j.rule is None or j.name in lazy:
            continue
        for trace in j.rule.traces():
            size = layout.network.population(j.source if trace.side == "pre" else j.target).n
            first_tap = len(taps)
            for name, pre, post in layout.signal_edges(j, trace.carried) if trace.side == "signal" else ():
                n_pre = layout.network.population(name).n
                taps.append([order[name], len(tap_start) - 1])
                ends = len(tap_post) + np.cumsum(np.bincount(pre, minlength=n_pre))
                tap_post += post.tolist()
                tap_start += ends.tolist()
            rows.append(
                [
                    SIDES[trace.side],
                    q,
                    n_trace,
                    size,
                    int(trace.tau_ms is not None),
                    MODES[trace.frame],
                    n_acc,
                    first_tap,
                    len(taps) - first_tap,
                    layout.counted_steps(trace)[0],
                ]
            )
            decays.append(layout.trace_decay(trace.tau_ms) if trace.tau_ms else 0.0)
            if trace.tau_ms:
                places[f"trace/{j.name}/{trace.name}"] = Place("trace", n_trace, size)
            found[j.name, trace.name] = Place("frame_value", n_acc, size) if trace.frame else Place("trace", n_trace, size)
            n_trace, n_acc = n_trace + size, n_acc + size
    return rows, decays, taps, tap_start, tap_post, found, n_trace, n_acc
