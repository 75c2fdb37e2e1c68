"""The event engine: the step law compiled with numba; fast, and the default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from snn.description import Network
from snn.engines import event_arrays as columns
from snn.engines.driver import Simulation, prepare
from snn.engines.event_advance import advance, advance_rules, end_frame
from snn.engines.event_lazy import flush
from snn.engines.event_rules import compiled, padded, quiet
from snn.engines.event_shared import share_kernels
from snn.engines.event_tables import build_tables
from snn.engines.event_traces import settle_own
from snn.engines.layout import Layout, rule_problems
from snn.engines.port import FrameInput, FrameOutput
from snn.errors import EngineError, nearest, sentence
from snn.state import NEVER, Array, State

Precision = Literal["float64", "float32"]


class EventEngine:
    """Pushes each spike along contiguous stretches of unshared weights.

    Parameters
    ----------
    precision : {'float64', 'float32'}
        Of voltages, currents, weights and traces. With float64 it agrees with the reference spike for spike.

    Raises
    ------
    EngineError
        If the precision is unknown.
    """

    name = "event"

    def __init__(self, precision: Precision = "float64") -> None:
        if precision not in ("float64", "float32"):
            raise EngineError(
                sentence("engine.precision", f"there is no precision {precision!r}", cure=nearest(precision, ("float64", "float32")))
            )
        self.precision = precision

    def unsupported(self, network: Network) -> tuple[str, ...]:
        """Give the reasons why this engine cannot run the network.

        Parameters
        ----------
        network : Network

        Returns
        -------
        tuple of str
            Empty when it can.
        """
        return tuple(rule_problems(network))

    def plan(self, network: Network) -> dict[str, str]:
        """Say how each rule is run.

        Parameters
        ----------
        network : Network

        Returns
        -------
        dict of str to str
            For each projection that learns: ``lazy: ...``, ``eager: ...`` with the reason why not lazy, or ``frame end: ...``.
        """
        return {j.name: str(compiled(network, j)) for j in network.projections if j.rule is not None}

    def build(self, network: Network, *, state: State | None = None, dt_ms: float = 1.0, seed: int = 0) -> Simulation:
        """Build a simulation.

        Parameters
        ----------
        network : Network
        state : State, optional
            State to go on from.
        dt_ms : float
            Step.
        seed : int
            Seed of the initial state, when none is given.

        Returns
        -------
        Simulation

        Raises
        ------
        EngineError, StateError, DescriptionError
            If the network cannot be run, the state does not fit, or a delay is shorter than a step.
        """
        layout = Layout(network, dt_ms)
        state = prepare(self, layout, state, seed)
        return Simulation(layout, EventBackend(layout, np.dtype(self.precision)), state)


class EventBackend:
    """A network laid out for the columns.

    Parameters
    ----------
    layout : Layout
    dtype : numpy.dtype
        Precision.
    """

    def __init__(self, layout: Layout, dtype: np.dtype[Any]) -> None:
        self.layout = layout
        self.built = build_tables(layout, dtype)
        self.dtype = dtype
        self.n = 0
        self.acting = False
        network, rules = layout.network, self.built.rules
        self.view = columns.rule_view(self.built.tables, self.built.arrays)
        self.rules = padded(rules.functions) if rules.functions else ()
        self.at_end = np.array(rules.at_end, dtype=np.int64).reshape(-1, 4)
        # Factors that turn the sum over a frame into what a rule reads of it a frame later.
        self.shares = {
            f"ago/{j.name}/{trace.name}": layout.counted_steps(trace)[1]
            for j in network.projections
            if j.rule
            for trace in j.rule.traces()
            if trace.ago
        }
        self.depth = {p.name: int(self.built.tables.pop[i, columns.DEPTH]) for i, p in enumerate(network.populations)}

    # ---- state

    def load(self, arrays: Mapping[str, Array], step: int) -> None:
        """Take over every array.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            As ``snn.state`` says.
        step : int
            Steps done.
        """
        x, self.n = self.built.arrays, step
        for key, place in self.built.places.items():
            if place.flat == "ring":
                self._load_flight(key.removeprefix("flight/"), np.asarray(arrays[key]), place.start)
            elif place.flat == "lagged":
                x.lagged[place.span] = np.roll(np.asarray(arrays[key]), step, axis=0).ravel()
            else:
                getattr(x, place.flat)[place.span] = np.asarray(arrays[key]).ravel()
        for a in (x.frame_value, x.lazy_now, x.history, x.lazy_coefficient, x.lazy_row):
            a[...] = 0
        x.own_scale[:] = 1
        share_kernels(self.layout.network, self.built)
        self.acting = False

    def dump(self) -> dict[str, Array]:
        """Copy out every array.

        Returns
        -------
        dict of str to ndarray
            As ``snn.state`` says, in float64.
        """
        x = self.built.arrays
        self._flush(self.acting)
        found: dict[str, Array] = {}
        for key, place in self.built.places.items():
            if place.flat == "ring":
                found[key] = self._dump_flight(key.removeprefix("flight/"), place.start)
            elif place.flat == "lagged":
                found[key] = np.roll(x.lagged[place.span].reshape(self.built.shapes[key]), -self.n, axis=0).astype(np.float64)
            else:
                values = getattr(x, place.flat)[place.span]
                shape = self.built.shapes.get(key, values.shape)
                found[key] = values.reshape(shape).astype(np.int64 if place.flat == "last" else np.float64)
        return found

    def rest(self) -> None:
        """Begin a new clip: cells at rest, nothing in flight, traces at zero; weights and thresholds stay."""
        self._flush(False)
        x = self.built.arrays
        for a in (x.v, x.adaptation, x.dendrite, x.g, x.total, x.ring_count, x.trace, x.frame_ago, x.lagged, x.own, x.lazy_coefficient):
            a[...] = 0
        x.last[:] = NEVER
        for key, place in self.built.places.items():
            if key.startswith("resources/"):
                x.trace[place.span] = 1

    def _rows(self, name: str, start: int) -> list[tuple[slice, int]]:
        """Places of a population's ring for the last steps, oldest first: cells, and index of the count."""
        p, depth = self.layout.network.population(name), self.depth[name]
        row = self.built.tables.pop[[q.name for q in self.layout.network.populations].index(name)]
        slots = [(self.n - depth + i) % depth for i in range(depth)]
        return [(slice(start + s * p.n, start + (s + 1) * p.n), int(row[columns.SLOT]) + s) for s in slots]

    def _load_flight(self, name: str, flight: NDArray[Any], start: int) -> None:
        x, graded = self.built.arrays, self.layout.network.population(name).graded
        for sent, (span, count) in zip(flight, self._rows(name, start), strict=True):
            cells = np.flatnonzero(sent)
            x.ring[span][: len(cells)] = cells
            x.ring_count[count] = len(cells)
            if graded:
                x.ring_value[span][: len(cells)] = sent[cells]

    def _dump_flight(self, name: str, start: int) -> Array:
        x, p = self.built.arrays, self.layout.network.population(name)
        flight = np.zeros((self.depth[name], p.n), dtype=np.float64 if p.graded else np.uint8)
        for sent, (span, count) in zip(flight, self._rows(name, start), strict=True):
            cells = x.ring[span][: x.ring_count[count]]
            sent[cells] = x.ring_value[span][: len(cells)] if p.graded else 1
        return flight

    # ---- running

    def _flush(self, act: bool) -> None:
        for k in range(self.built.rules.n_lazy):
            flush(k, act, self.built.tables, self.built.arrays)
        self.acting = act

    def frame(self, given: FrameInput) -> FrameOutput:
        """Run one frame.

        Parameters
        ----------
        given : FrameInput

        Returns
        -------
        FrameOutput
        """
        x, t, steps = self.built.arrays, self.built.tables, self.layout.frame_steps
        if given.learn != self.acting:
            self._flush(given.learn)
        for name, current in given.currents.items():
            x.current[self.built.places[f"v/{name}"].span] = current
        starts, cells = self._rasters(given)
        nominal, thresholds = x.threshold.copy(), self._thresholds(given)
        x.late[:] = 0
        before = x.total.copy()
        room = 0
        if given.spikes:
            room = max(4096, 4 * self.layout.network.n_neurons)
        while True:
            spike_steps, spike_cells = np.zeros(room, np.int64), np.zeros(room, np.int64)
            saved = self._copy() if given.spikes else None
            frame = (self.n, steps, given.learn, float(given.modulator), starts, cells, thresholds, t, x, spike_steps, spike_cells)
            with quiet():
                listed = advance_rules(*frame, self.view, self.rules) if len(t.rule) else advance(*frame)
            if saved is None or listed <= room:
                break
            self._restore(saved)
            room = listed
        x.threshold[:] = nominal
        self.n += steps
        self._flush(given.learn)
        for k in range(len(t.own)):
            settle_own(k, t, x)
        if given.learn and len(self.at_end):
            with quiet():
                end_frame(self.at_end, float(given.modulator), t, x, self.view, self.rules)
        for key, share in self.shares.items():
            span = self.built.places[key].span
            x.frame_ago[span] = x.frame_value[span] * share
        x.frame_value[:] = 0
        kept = listed if given.spikes else 0
        return FrameOutput((x.total - before).astype(np.float64), x.late.astype(np.float64), spike_steps[:kept], spike_cells[:kept])

    def _copy(self) -> list[NDArray[Any]]:
        return [a.copy() for a in self.built.arrays]

    def _restore(self, saved: list[NDArray[Any]]) -> None:
        arrays: tuple[NDArray[Any], ...] = tuple(self.built.arrays)
        for a, b in zip(arrays, saved, strict=True):
            np.copyto(a, b)

    def _thresholds(self, given: FrameInput) -> NDArray[Any]:
        """Thresholds of the cells that spike by chance, in each step; shape (frame_steps, n_moving)."""
        x = self.built.arrays
        own = [x.threshold[self.built.places[f"threshold/{name}"].span] + moved for name, moved in given.moved.items()]
        return np.concatenate(own, axis=1).astype(x.v.dtype) if own else np.zeros((0, 0), x.v.dtype)

    def _rasters(self, given: FrameInput) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        steps = self.layout.frame_steps
        starts = np.zeros((len(self.built.sources), steps + 1), dtype=np.int64)
        cells: list[NDArray[np.int32]] = []
        used = 0
        for r, name in enumerate(self.built.sources):
            starts[r] = used
            if name in given.rasters:
                when, who = np.divmod(np.flatnonzero(given.rasters[name]), given.rasters[name].shape[1])
                starts[r] = used + np.searchsorted(when, np.arange(steps + 1))
                cells.append(who.astype(np.int32))
                used += len(who)
        return starts, np.concatenate(cells) if cells else np.zeros(0, np.int32)
