"""The event engine: the step law compiled with numba; fast, and the default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from snn.description import Network, Projection
from snn.engines import event_arrays as columns
from snn.engines.driver import Simulation, prepare
from snn.engines.event_advance import advance
from snn.engines.event_lazy import flush
from snn.engines.event_rules import FrameEnd, problems
from snn.engines.event_tables import build_tables
from snn.engines.layout import Layout, rule_problems
from snn.engines.port import FrameInput, FrameOutput
from snn.errors import EngineError, nearest, sentence
from snn.local import Symbol
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
        found = rule_problems(network)
        for j in network.projections:
            found += problems(j.rule, j.name) if j.rule else []
            found += [f"{j.name}: this engine does not learn shared weights yet"] if j.rule and j.topology.kind == "shared" else []
            if j.rule and network.population(j.source).sign == "mixed" and any(u.when != "frame_end" for u in j.rule.updates()):
                found.append(f"{j.name}: a pair rule on signed weights; use the reference or the brian engine")
        return tuple(found)

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


def _frame_end(network: Network, j: Projection) -> FrameEnd:
    source, target = network.population(j.source), network.population(j.target)
    assert j.rule is not None
    found = network.edges(j)
    return FrameEnd(j.rule, found, source.n, target.n, mixed=source.sign == "mixed", w_max_mV=j.w_max_mV)


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
        network = layout.network
        self.frame_end = [
            (q, j, _frame_end(network, j))
            for q, j in enumerate(network.projections)
            if j.rule is not None and j.name not in self.built.lazy
        ]
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
            else:
                getattr(x, place.flat)[place.span] = np.asarray(arrays[key]).ravel()
        for name, number in self.built.lazy.items():
            y0, h0, c0, n_post, n_pre, _ = self.built.tables.lazy[number]
            x.lazy_now[number, 0] = 0
            x.history[h0 : h0 + n_post] = 0
            one, two = self._pair_traces(name)
            x.lazy_x[c0 : c0 + n_pre] = arrays[one]
            x.lazy_y[y0 : y0 + n_post] = arrays[two]
            x.lazy_step[c0 : c0 + n_pre] = step - 1
            x.lazy_coefficient[c0 : c0 + n_pre] = 0
            x.lazy_row[c0 : c0 + n_pre] = 0
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
            else:
                values = getattr(x, place.flat)[place.span]
                shape = self.layout.network.weight_shape(key.removeprefix("weights/")) if place.flat == "w" else values.shape
                found[key] = values.reshape(shape).astype(np.int64 if place.flat == "last" else np.float64)
        for name, number in self.built.lazy.items():
            y0, _, c0, n_post, n_pre, _ = self.built.tables.lazy[number]
            one, two = self._pair_traces(name)
            passed = self.n - 1 - x.lazy_step[c0 : c0 + n_pre]
            found[one] = x.lazy_x[c0 : c0 + n_pre].astype(np.float64) * np.exp(-passed * self.built.tables.lazy_law[number, 2])
            found[two] = x.lazy_y[y0 : y0 + n_post].astype(np.float64)
        return found

    def rest(self) -> None:
        """Begin a new clip: cells at rest, nothing in flight, traces at zero; weights and thresholds stay."""
        self._flush(False)
        x = self.built.arrays
        for a in (x.v, x.adaptation, x.g, x.total, x.ring_count, x.trace, x.lazy_coefficient, x.lazy_x, x.lazy_y):
            a[...] = 0
        x.last[:] = NEVER

    def _pair_traces(self, name: str) -> tuple[str, str]:
        rule = self.layout.network.projection(name).rule
        assert rule is not None
        sides = {t.side: f"trace/{name}/{t.name}" for t in rule.traces()}
        return sides["pre"], sides["post"]

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
        for name in self.built.lazy:
            q = [j.name for j in self.layout.network.projections].index(name)
            flush(q, act, self.n, self.built.tables, self.built.arrays)
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
        x.late[:] = 0
        before = x.total.copy()
        room = 0
        if given.spikes:
            room = max(4096, 4 * self.layout.network.n_neurons)
        while True:
            spike_steps, spike_cells = np.zeros(room, np.int64), np.zeros(room, np.int64)
            saved = self._copy() if given.spikes else None
            listed = advance(self.n, steps, given.learn, starts, cells, t, x, spike_steps, spike_cells)
            if saved is None or listed <= room:
                break
            self._restore(saved)
            room = listed
        self.n += steps
        self._flush(given.learn)
        if given.learn:
            for q, j, rule in self.frame_end:
                rule.apply(x.w[self.built.places[f"weights/{j.name}"].span], self._values(j.name, q, given.modulator))
        kept = listed if given.spikes else 0
        return FrameOutput(x.total - before, x.late.copy(), spike_steps[:kept], spike_cells[:kept])

    def _values(self, name: str, q: int, modulator: float) -> Any:
        x, t = self.built.arrays, self.built.tables
        rule = self.layout.network.projections[q].rule
        assert rule is not None
        share = {trace.name: self.layout.counted_steps(trace)[1] for trace in rule.traces()}

        def value_of(symbol: Symbol) -> Any:
            if symbol.scope == "modulator":
                return modulator
            if symbol.scope == "sign":
                return float(t.sign[q])
            place = self.built.traces[name, symbol.name]
            return getattr(x, place.flat)[place.span].astype(np.float64) * share[symbol.name]

        return value_of

    def _copy(self) -> list[NDArray[Any]]:
        return [a.copy() for a in self.built.arrays]

    def _restore(self, saved: list[NDArray[Any]]) -> None:
        arrays: tuple[NDArray[Any], ...] = tuple(self.built.arrays)
        for a, b in zip(arrays, saved, strict=True):
            np.copyto(a, b)

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
