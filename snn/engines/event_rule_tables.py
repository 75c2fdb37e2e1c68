"""Tables of the event engine for rules: their traces, variables, constants and how each is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snn.description import Projection
from snn.engines import event_arrays as k
from snn.engines.event_lazy import epoch_steps
from snn.engines.event_rules import Compiled, compiled, function, weight_bounds
from snn.engines.event_terms import STEP
from snn.engines.layout import Layout
from snn.local import Trace

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


class RuleTables:
    """Rows of the tables that rules need; arrays that belong to the state are added to the places.

    Parameters
    ----------
    layout : Layout
    order : mapping of str to int
        Number of each population.
    places : dict of str to Place
        By key of ``snn.state``; weights are there already.
    precision : {'float64', 'float32'}
    """

    def __init__(self, layout: Layout, order: Mapping[str, int], places: dict[str, Place], precision: str) -> None:
        self.layout, self.order, self.places = layout, order, places
        self.traces: list[list[int]] = []
        self.decays: list[float] = []
        self.taps: list[list[int]] = []
        self.tap_start: list[int] = [0]
        self.tap_post: list[int] = []
        self.own: list[list[int]] = []
        self.own_decay: list[float] = []
        self.rule: list[list[int]] = []
        self.offsets: list[int] = []
        self.constants: list[float] = []
        self.post_start: list[int] = []
        self.post_pre: list[NDArray[np.uint32]] = []
        self.post_place: list[NDArray[np.uint32]] = []
        self.lazy: list[list[int]] = []
        self.lazy_law: list[list[float]] = []
        self.n_trace = self.n_frame = self.n_lagged = self.n_own = self.n_history = self.n_cells = self.n_listed = 0
        # Compiled functions, and what runs at a frame's end: projection, function, where offsets and constants begin.
        self.precision = precision
        self.shared: dict[object, tuple[int, int, int]] = {}
        self.lags: dict[str, tuple[int, int]] = {}
        self.functions: list[object] = []
        self.at_end: list[list[int]] = []
        plastic = [(q, j, compiled(layout.network, j)) for q, j in enumerate(layout.network.projections) if j.rule is not None]
        for q, j, how in plastic:
            if not how.within:
                self._add(q, j, how)
        self.common = len(self.traces)
        for q, j, how in plastic:
            if how.within:
                self._add(q, j, how)
        self.n_lazy = len(self.lazy)

    def _add(self, q: int, j: Projection, how: Compiled) -> None:
        network, first = self.layout.network, len(self.traces)
        found: dict[tuple[str, str], int] = {("v", ""): self.layout.offsets[j.target]}
        if network.population(j.target).dendritic:
            found["v", "dendrite"] = self.places[f"dendrite/{j.target}"].start
        self._traces(q, j, found, share=not how.within)
        weights = self.places[f"weights/{j.name}"]
        for state in j.rule.states() if j.rule else ():
            found["own", state.name], found["scale", state.name] = self.n_own, len(self.own)
            self.places[f"own/{j.name}/{state.name}"] = Place("own", self.n_own, weights.size)
            self.own.append([self.n_own, weights.size])
            self.own_decay.append(self.layout.trace_decay(state.tau_ms) if state.tau_ms else 1.0)
            self.n_own += weights.size
        n_pre, n_post = network.population(j.source).n, network.population(j.target).n
        o, c = len(self.offsets), len(self.constants)
        listed = self._by_target(j, n_post) if how.walks_targets else 0
        self.offsets += [n_pre, n_post, weights.start, weights.size, first, len(self.traces), listed, len(self.lazy)]
        self.offsets += [found[slot] for slot in how.program.slots]
        shares = {STEP: self.layout.dt_ms} | {t.name: self.layout.counted_steps(t)[1] for t in (j.rule.traces() if j.rule else ())}
        low, high = weight_bounds(network, j)
        self.constants += [low, high, *(shares[x] if isinstance(x, str) else x for x in how.program.constants)]
        if how.lazy:
            tau_ms = how.lazy.trace.tau_ms
            assert tau_ms is not None
            epoch = epoch_steps(tau_ms / self.layout.dt_ms)
            self.lazy.append([self.n_history, self.n_cells, n_post, n_pre, epoch, found["trace", how.lazy.trace.name], q])
            self.lazy_law.append([self.layout.dt_ms / tau_ms, low, high])
            self.n_history, self.n_cells = self.n_history + (epoch + 1) * n_post, self.n_cells + n_pre
        at = {when: self._function(text) for when, text in how.program.functions.items()}
        if how.within:
            lazy = len(self.lazy) - 1 if how.lazy else -1
            self.rule.append([q, lazy, o, c, *(at.get(when, -1) for when in ("pre_spike", "post_spike", "step"))])
        if how.at_end:
            self.at_end.append([q, at["frame_end"], o, c])

    def _function(self, text: str) -> int:
        found = function(text, self.precision)
        if found not in self.functions:
            self.functions.append(found)
        return self.functions.index(found)

    @staticmethod
    def own_keys(j: Projection) -> tuple[str, ...]:
        """Keys of the state under which a projection's own variables are kept.

        Parameters
        ----------
        j : Projection

        Returns
        -------
        tuple of str
        """
        return tuple(f"own/{j.name}/{state.name}" for state in (j.rule.states() if j.rule else ()))

    def _by_target(self, j: Projection, n_post: int) -> int:
        """List the synapses of every target cell; give where the list of the first one is found."""
        found, first = self.layout.network.edges(j), len(self.post_start)
        order = np.argsort(found.post, kind="stable")
        self.post_pre.append(found.pre[order].astype(np.uint32))
        self.post_place.append(found.weight[order].astype(np.uint32))
        ends = np.cumsum(np.bincount(found.post, minlength=n_post))
        self.post_start += (self.n_listed + np.concatenate([[0], ends])).tolist()
        self.n_listed += len(order)
        return first

    def _traces(self, q: int, j: Projection, found: dict[tuple[str, str], int], *, share: bool) -> None:
        for trace in j.rule.traces() if j.rule else ():
            # What two projections onto the same cells see alike is kept once, where no rule looks at it within a frame.
            taps = next((s.taps for s in j.signals if s.name == trace.carried), ())
            followed = (trace.follows, trace.lag_ms)
            alike = (j.target, trace.side, taps, trace.tau_ms, trace.frame, self.layout.counted_steps(trace), trace.ago, followed)
            at = self.shared.get(alike) if share and trace.side != "pre" else None
            if at is None:
                at = self.shared[alike] = self._trace(q, j, trace)
            size = self.layout.network.population(j.source if trace.side == "pre" else j.target).n
            if trace.tau_ms:
                self.places[f"trace/{j.name}/{trace.name}"] = Place("trace", at[0], size)
            if trace.ago:
                self.places[f"ago/{j.name}/{trace.name}"] = Place("frame_ago", at[1], size)
            if trace.lag_ms:
                self.places[f"lag/{j.name}/{trace.name}"] = Place("lagged", at[2], self.layout.lag_steps(trace) * size)
                self.lags[f"lag/{j.name}/{trace.name}"] = (self.layout.lag_steps(trace), size)
            found["trace", trace.name], found["frame", trace.name], found["ago", trace.name] = at[0], at[1], at[1]

    def _trace(self, q: int, j: Projection, trace: Trace) -> tuple[int, int, int]:
        """Add a trace; give where it, its frame values and what it has yet to hear of begin."""
        size = self.layout.network.population(j.source if trace.side == "pre" else j.target).n
        first_tap = len(self.taps)
        for name, pre, post in self.layout.signal_edges(j, trace.carried) if trace.side == "signal" else ():
            n_pre = self.layout.network.population(name).n
            self.taps.append([self.order[name], len(self.tap_start) - 1])
            ends = len(self.tap_post) + np.cumsum(np.bincount(pre, minlength=n_pre))
            self.tap_post += post[np.argsort(pre, kind="stable")].tolist()
            self.tap_start += ends.tolist()
        self.traces.append(
            [
                SIDES[trace.side],
                q,
                self.n_trace,
                size,
                int(trace.tau_ms is not None),
                MODES[trace.frame],
                self.n_frame,
                first_tap,
                len(self.taps) - first_tap,
                self.layout.counted_steps(trace)[0],
                trace.ago,
                int(trace.follows == "potential"),
                self.layout.lag_steps(trace),
                self.n_lagged,
            ]
        )
        self.decays.append(self.layout.trace_decay(trace.tau_ms) if trace.tau_ms else 0.0)
        at = self.n_trace, self.n_frame, self.n_lagged
        self.n_trace, self.n_frame = self.n_trace + size, self.n_frame + size
        self.n_lagged += self.layout.lag_steps(trace) * size
        return at
