"""Phases 5 and 6 of the step law for one projection, in plain NumPy over its list of synapses.

The reference engine and the batched torch engine both learn with it; the event and brian engines have their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn.description import Projection
from snn.engines.layout import Layout
from snn.engines.port import FloatArray
from snn.local import Expr, PostSum, Symbol, Trace, When, evaluate
from snn.state import Array
from snn.topology import Edges

Voltage = Callable[[str], FloatArray]


class PlainLearning:
    """Traces and updates of one projection's rule.

    Parameters
    ----------
    projection : Projection
    layout : Layout
    edges : Edges
        Its synapses.
    """

    def __init__(self, projection: Projection, layout: Layout, edges: Edges) -> None:
        self.projection, self.layout, self.edges = projection, layout, edges
        source, target = layout.network.population(projection.source), layout.network.population(projection.target)
        self.n_pre, self.n_post = source.n, target.n
        self.mixed, self.sign = source.sign == "mixed", -1.0 if source.sign == "inhibitory" else 1.0
        self.listed: tuple[Trace, ...] = projection.rule.traces() if projection.rule else ()
        self.states = projection.rule.states() if projection.rule else ()
        self.updates = projection.rule.updates() if projection.rule else ()
        self.acts_within_frames = any(u.when != "frame_end" for u in self.updates)
        self.taps = {t.name: layout.signal_edges(projection, t.carried) for t in self.listed if t.side == "signal"}
        self.trace: dict[str, FloatArray] = {}
        self.frame_value: dict[str, FloatArray] = {}
        self.ago: dict[str, FloatArray] = {}
        self.unheard: dict[str, list[FloatArray]] = {}
        self.own: dict[str, FloatArray] = {}
        self.step_in_frame = 0

    def load(self, arrays: Mapping[str, Array]) -> None:
        """Take over traces and the synapses' own variables from a state.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            Under the keys of ``snn.state``.
        """

        def read(kind: str, names: list[str]) -> dict[str, FloatArray]:
            return {name: np.array(arrays[f"{kind}/{self.projection.name}/{name}"], dtype=np.float64) for name in names}

        self.trace = read("trace", [t.name for t in self.listed if t.tau_ms])
        self.ago = read("ago", [t.name for t in self.listed if t.ago])
        self.own = read("own", [s.name for s in self.states])
        self.unheard = {name: list(rows) for name, rows in read("lag", [t.name for t in self.listed if t.lag_ms]).items()}
        self._clear()

    def dump(self) -> dict[str, Array]:
        """Copy out what `load` reads, under the keys of ``snn.state``."""
        unheard = {name: np.array(rows) for name, rows in self.unheard.items()}
        kept = {"trace": self.trace, "ago": self.ago, "own": self.own, "lag": unheard}
        return {f"{kind}/{self.projection.name}/{k}": a.copy() for kind, arrays in kept.items() for k, a in arrays.items()}

    def _clear(self) -> None:
        self.frame_value = {t.name: np.zeros(self.n_pre if t.side == "pre" else self.n_post) for t in self.listed if t.frame}

    def begin_frame(self) -> None:
        """Keep what sums and means of a frame came to, where a rule reads it later, and start them anew."""
        self.ago = {name: self.frame_value[name] for name in self.ago}
        self._clear()

    def decay(self, step_in_frame: int) -> None:
        """Let traces and the synapses' own variables decay over a step.

        Parameters
        ----------
        step_in_frame : int
            Number of the step within its frame.
        """
        self.step_in_frame = step_in_frame
        for t in self.listed:
            if t.tau_ms and t.follows == "spikes":
                self.trace[t.name] *= self.layout.trace_decay(t.tau_ms)
        for own in self.states:
            if own.tau_ms:
                self.own[own.name] *= self.layout.trace_decay(own.tau_ms)

    def learn(
        self, weights: FloatArray, arrived: FloatArray, sent: Mapping[str, FloatArray], act: bool, modulator: float, voltage: Voltage
    ) -> None:
        """Do phase 5 of a step.

        Parameters
        ----------
        weights : ndarray
            Changed in place.
        arrived : ndarray, shape (n_pre,)
            Spikes that reached the synapses in this step.
        sent : mapping of str to ndarray, shape (n,)
            Spikes that every population sent in this step.
        act : bool
            Whether updates act; traces rise in any case.
        modulator : float
            Broadcast signal.
        voltage : callable
            Gives the potential of a compartment of the target's cells.
        """
        own = sent[self.projection.target]
        if act:
            self.update("pre_spike", weights, arrived[self.edges.pre] > 0, modulator, voltage)
        self._raise_all("pre", arrived)
        if act:
            self.update("post_spike", weights, own[self.edges.post] > 0, modulator, voltage)
        self._raise_all("post", own, voltage)
        for t in self.listed:
            if t.side == "signal":
                told = np.zeros(self.n_post)
                for population, i, j in self.taps[t.name]:
                    np.add.at(told, j, sent[population][i])
                self._raise(t, told)
        if act:
            self.update("step", weights, np.ones(len(self.edges.pre), dtype=bool), modulator, voltage)

    def frame_end(self, weights: FloatArray, modulator: float, voltage: Voltage) -> None:
        """Do phase 6: updates at the end of a frame.

        Parameters
        ----------
        weights : ndarray
            Changed in place.
        modulator : float
            Broadcast signal.
        voltage : callable
            Gives the potential of a compartment of the target's cells.
        """
        self.update("frame_end", weights, np.ones(len(self.edges.pre), dtype=bool), modulator, voltage)

    def _raise_all(self, side: str, spikes: FloatArray, voltage: Voltage | None = None) -> None:
        for t in self.listed:
            if t.side == side:
                if voltage and t.tau_ms and t.follows == "potential":
                    decay = self.layout.trace_decay(t.tau_ms)
                    self.trace[t.name] *= decay
                    self._raise(t, (1.0 - decay) * self._heard(t, voltage("")))
                else:
                    self._raise(t, spikes)

    def _heard(self, t: Trace, v: FloatArray) -> FloatArray:
        """Potential of which a trace hears in this step."""
        if t.name not in self.unheard:
            return v
        # A copy, since the cells may change theirs in place.
        oldest, *later = self.unheard[t.name]
        self.unheard[t.name] = [*later, v.copy()]
        return oldest

    def _raise(self, t: Trace, spikes: FloatArray) -> None:
        if t.tau_ms:
            self.trace[t.name] += spikes
        first, share = self.layout.counted_steps(t)
        if t.frame and self.step_in_frame >= first:
            self.frame_value[t.name] += share * (self.trace[t.name] if t.tau_ms else spikes)

    def update(self, when: When, weights: FloatArray, chosen: NDArray[np.bool_], modulator: float, voltage: Voltage) -> None:
        """Apply the rule's updates of one kind of event to the chosen synapses.

        Parameters
        ----------
        when : {'pre_spike', 'post_spike', 'step', 'frame_end'}
        weights : ndarray
            Changed in place.
        chosen : ndarray of bool, shape (n_edges,)
        modulator : float
        voltage : callable
        """
        at, everywhere = np.flatnonzero(chosen), np.arange(len(self.edges.pre))
        for u in self.updates:
            if u.when != when or not len(at):
                continue

            def value_of(x: Symbol | PostSum, at: NDArray[np.int64] = at) -> Any:
                i, j, place = self.edges.pre[at], self.edges.post[at], self.edges.weight[at]
                if isinstance(x, PostSum):
                    every = evaluate(x.a, lambda s: value_of(s, everywhere))
                    return np.bincount(self.edges.post, np.broadcast_to(every, everywhere.shape), self.n_post)[j]
                if x.scope in ("sign", "modulator", "step"):
                    return {"sign": self.sign, "modulator": modulator, "step": self.layout.dt_ms}[x.scope]
                if x.scope in ("w", "own"):
                    return (weights if x.scope == "w" else self.own[x.name]).reshape(-1)[place]
                if x.scope == "voltage":
                    return voltage(x.name)[j]
                array = self.ago.get(x.name, self.frame_value.get(x.name, self.trace.get(x.name)))
                assert array is not None
                return array[i if x.scope == "pre" else j]

            # Every term is computed before anything changes.
            new = {name: self._asked(term, value_of, at) for name, term in u.own.items()}
            if u.weight is not None:
                place, w = self._asked(u.weight, value_of, at)
                weights.reshape(-1)[place] = w if self.mixed else np.clip(w, 0.0, self.projection.w_max_mV)
            for name, (place, value) in new.items():
                self.own[name].reshape(-1)[place] = value

    def _asked(self, term: Expr, value_of: Callable[[Symbol | PostSum], Any], at: NDArray[np.int64]) -> tuple[NDArray[np.int64], Any]:
        """Places of the chosen synapses and what they ask for; the mean of it where several share a place."""
        place, asked = self.edges.weight[at], np.broadcast_to(evaluate(term, value_of), at.shape)
        if self.projection.topology.kind != "shared":
            return place, asked
        which, back, count = np.unique(place, return_inverse=True, return_counts=True)
        return which, np.bincount(back, asked) / count
