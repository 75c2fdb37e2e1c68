"""Phases 5 and 6 of the step law for one projection, in plain NumPy over its list of synapses.

The reference engine and the batched torch engine both learn with it; the event and brian engines have their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn.description import Projection
from snn.engines.layout import Layout
from snn.engines.port import FloatArray
from snn.local import PostSum, Symbol, Trace, When, evaluate
from snn.state import Array
from snn.topology import Edges


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
        self.acts_at_spikes = any(u.when != "frame_end" for u in projection.rule.updates()) if projection.rule else False
        self.taps = {t.name: layout.signal_edges(projection, t.name) for t in self.listed if t.side == "signal"}
        self.trace: dict[str, FloatArray] = {}
        self.frame_value: dict[str, FloatArray] = {}
        self.step_in_frame = 0

    def load(self, arrays: Mapping[str, Array]) -> None:
        """Take over the traces of a state.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            Under the keys of ``snn.state``.
        """
        self.trace = {t.name: np.array(arrays[f"trace/{self.projection.name}/{t.name}"], dtype=np.float64) for t in self.listed if t.tau_ms}
        self.begin_frame()

    def dump(self) -> dict[str, Array]:
        """Copy out the traces under the keys of ``snn.state``."""
        return {f"trace/{self.projection.name}/{k}": a.copy() for k, a in self.trace.items()}

    def begin_frame(self) -> None:
        """Start sums and means of a frame anew."""
        for t in self.listed:
            if t.frame:
                self.frame_value[t.name] = np.zeros(self.n_pre if t.side == "pre" else self.n_post)

    def decay(self, step_in_frame: int) -> None:
        """Let the traces decay over a step.

        Parameters
        ----------
        step_in_frame : int
            Number of the step within its frame.
        """
        self.step_in_frame = step_in_frame
        for t in self.listed:
            if t.tau_ms:
                self.trace[t.name] *= self.layout.trace_decay(t.tau_ms)

    def learn(self, weights: FloatArray, arrived: FloatArray, sent: Mapping[str, FloatArray], act: bool, modulator: float) -> None:
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
        """
        own = sent[self.projection.target]
        if act:
            self.update("pre_spike", weights, arrived[self.edges.pre] > 0, modulator)
        self._raise_all("pre", arrived)
        if act:
            self.update("post_spike", weights, own[self.edges.post] > 0, modulator)
        self._raise_all("post", own)
        for t in self.listed:
            if t.side == "signal":
                told = np.zeros(self.n_post)
                for population, i, j in self.taps[t.name]:
                    np.add.at(told, j, sent[population][i])
                self._raise(t, told)

    def frame_end(self, weights: FloatArray, modulator: float) -> None:
        """Do phase 6: updates at the end of a frame.

        Parameters
        ----------
        weights : ndarray
            Changed in place.
        modulator : float
            Broadcast signal.
        """
        self.update("frame_end", weights, np.ones(len(self.edges.pre), dtype=bool), modulator)

    def _raise_all(self, side: str, spikes: FloatArray) -> None:
        for t in self.listed:
            if t.side == side:
                self._raise(t, spikes)

    def _raise(self, t: Trace, spikes: FloatArray) -> None:
        if t.tau_ms:
            self.trace[t.name] += spikes
        first, share = self.layout.counted_steps(t)
        if t.frame and self.step_in_frame >= first:
            self.frame_value[t.name] += share * (self.trace[t.name] if t.tau_ms else spikes)

    def update(self, when: When, weights: FloatArray, chosen: NDArray[np.bool_], modulator: float) -> None:
        """Apply the rule's updates of one kind of event to the chosen synapses.

        Parameters
        ----------
        when : {'pre_spike', 'post_spike', 'frame_end'}
        weights : ndarray
            Changed in place.
        chosen : ndarray of bool, shape (n_edges,)
        modulator : float
        """
        for u in self.projection.rule.updates() if self.projection.rule else ():
            if u.when != when or not chosen.any():
                continue
            i, j, place = self.edges.pre[chosen], self.edges.post[chosen], self.edges.weight[chosen]
            w = weights.reshape(-1)

            def value_of(x: Symbol | PostSum, every: bool = False) -> Any:
                pre, post, at = (self.edges.pre, self.edges.post, self.edges.weight) if every else (i, j, place)  # noqa: B023
                if isinstance(x, PostSum):
                    terms = evaluate(x.a, lambda s: value_of(s, every=True))
                    sums = np.bincount(self.edges.post, weights=np.broadcast_to(terms, self.edges.post.shape), minlength=self.n_post)
                    return sums[post]
                if x.scope in ("w", "sign", "modulator"):
                    return {"w": w[at], "sign": self.sign, "modulator": modulator}[x.scope]  # noqa: B023
                array = self.frame_value.get(x.name, self.trace.get(x.name))
                assert array is not None
                return array[pre if x.scope == "pre" else post]

            new = evaluate(u.weight, value_of)
            w[place] = new if self.mixed else np.clip(new, 0.0, self.projection.w_max_mV)
