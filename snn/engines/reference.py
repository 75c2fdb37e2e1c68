"""The reference engine: the step law in plain NumPy, the definition of correct.

Written to be read beside ``conventions.md``, not to be fast. The numbers of the phases are those of that page.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from snn.description import Network, Population, Projection
from snn.engines.driver import Simulation, prepare
from snn.engines.layout import Layout, Propagators, REST_BELOW_mV, has_membrane, propagators, rule_problems
from snn.engines.plain_learning import PlainLearning
from snn.engines.plain_release import PlainRelease
from snn.engines.port import FloatArray, FrameInput, FrameOutput
from snn.engines.upswing import MOST_UPSWING
from snn.pools import current_of_cell
from snn.state import Array, State, at_rest
from snn.synapses import Receptor
from snn.topology import Edges


class ReferenceEngine:
    """Plain NumPy, float64."""

    name = "reference"

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
        return Simulation(layout, ReferenceBackend(layout), state)


def opening(r: Receptor, gates: Mapping[str, FloatArray]) -> FloatArray | float:
    """Compute the factor on the current of a receptor, from its gate and its shunt as the step finds them.

    Parameters
    ----------
    r : Receptor
    gates : mapping of str to ndarray, shape (n,)
        Sums of the population's receptors of kind ``gate``.

    Returns
    -------
    ndarray, shape (n,), or float
    """
    gate = np.maximum(gates[r.gate], 0.0) if r.gate else 1.0
    return np.minimum(gate / (1.0 + np.maximum(-gates[r.shunt], 0.0)) if r.shunt else gate, 1.0)


class _Cells:
    """One population's arrays, and phases 1 to 3."""

    def __init__(self, population: Population, layout: Layout) -> None:
        self.population = population
        self.law: Propagators | None = propagators(population, layout.dt_ms) if has_membrane(population) else None
        p = population
        self.current = slice(None) if p.pools is None else current_of_cell(p.units.n, p.copies, p.pools)
        self.sent = np.zeros(population.n)

    def load(self, arrays: Mapping[str, Array]) -> None:
        name = self.population.name
        self.v, self.a, self.total = (np.array(arrays[f"{key}/{name}"], dtype=np.float64) for key in ("v", "adaptation", "total"))
        self.threshold = np.array(arrays[f"threshold/{name}"], dtype=np.float64)
        self.d = np.array(arrays[f"dendrite/{name}"], dtype=np.float64) if self.population.dendritic else np.zeros(0)
        self.last = np.array(arrays[f"last/{name}"], dtype=np.int64)
        self.g = [np.array(arrays[f"g/{name}/{r.name}"], dtype=np.float64) for r in self.population.receptors]
        self.flight = [np.array(row, dtype=np.float64) for row in np.asarray(arrays[f"flight/{name}"])]

    def dump(self) -> dict[str, Array]:
        name = self.population.name
        arrays: dict[str, Array] = {
            f"v/{name}": self.v,
            f"adaptation/{name}": self.a,
            f"total/{name}": self.total,
            f"last/{name}": self.last,
            f"threshold/{name}": self.threshold,
        }
        arrays |= {f"g/{name}/{r.name}": g for r, g in zip(self.population.receptors, self.g, strict=True)}
        arrays |= {f"dendrite/{name}": self.d} if self.population.dendritic else {}
        flight = np.array(self.flight)
        arrays[f"flight/{name}"] = flight if self.population.graded else flight.astype(np.uint8)
        return {k: a.copy() for k, a in arrays.items()}

    def voltage(self, compartment: str) -> FloatArray:
        """Potential of a compartment; that of the soma has no name."""
        return {"": self.v, "dendrite": self.d}[compartment]

    def step(self, n: int, current: FloatArray | float, raster: NDArray[np.bool_] | None, moved: FloatArray | float = 0.0) -> float:
        """Integrate, threshold, reset; return the smallest distance of a cell from its threshold."""
        law, margin = self.law, np.inf
        if law is None:
            self.sent = np.zeros(self.population.n) if raster is None else raster.astype(np.float64)
        else:
            held = n - self.last < law.refractory_steps
            if law.upswing is not None and law.upswing.peak_steps:
                self.v = np.where(n - self.last == law.upswing.peak_steps, law.v_reset, self.v)
            v = law.v * self.v + law.drive * current - law.adaptation * self.a
            total, pulses = np.zeros(self.population.n) + current, np.zeros(self.population.n)
            if law.dendrite is not None:
                d = law.dendrite
                v += d.to_soma * self.d
                self.d = (
                    d.d * self.d
                    + d.from_soma * self.v
                    + d.drive * current
                    - d.adaptation * self.a
                    + sum(k * g for k, g in zip(d.receptor_gain, self.g, strict=True))
                )
            gates = {r.name: g.copy() for g, r in zip(self.g, self.population.receptors, strict=True) if r.kinetics == "gate"}
            for g, gain, decay, r in zip(self.g, law.receptor_gain, law.receptor_decay, self.population.receptors, strict=True):
                v += gain * g[self.current] * opening(r, gates)
                (pulses if r.kinetics == "pulse" else total)[:] += g[self.current]
                g *= decay
            if law.upswing is not None:
                up, since = law.upswing, n - 1 - self.last
                onset = up.onset + up.jump * np.exp(-up.jump_rate * since)
                # A cell at its peak is held, whatever this comes to.
                v += law.drive * up.sharpness * np.exp(np.minimum((self.v - onset) / up.sharpness, MOST_UPSWING))
                v += up.after * np.exp(-up.after_rate * since)
            if law.rest is not None:
                v = np.where(total > REST_BELOW_mV, v, law.rest * (self.v + pulses))
            a = law.adaptation_decay * self.a
            if law.upswing is not None:
                a += law.upswing.coupling * self.v
                a = np.where(n - self.last < law.upswing.peak_steps, self.a, a)
            self.a = a
            self.v = np.maximum(np.where(held & (law.dendrite is None), self.v, v), law.floor)
            if law.gain:
                self.sent = law.gain * np.maximum(0.0, self.v - self.threshold)
            else:
                self.sent = ((self.v >= self.threshold + moved) & ~held).astype(np.float64)
                margin = float(np.abs(self.v - self.threshold - moved).min())
            self.v = self.v - law.reset_by * self.sent if law.soft else np.where(self.sent > 0, law.v_spike, self.v)
            self.a += law.adaptation_step * self.sent
        self.last[self.sent > 0] = n
        self.total += self.sent
        self.flight = [*self.flight[1:], self.sent]
        return margin


class _Synapses:
    """One projection's weights, phase 4, and with `PlainLearning` phases 5 and 6."""

    def __init__(self, projection: Projection, layout: Layout, cells: Mapping[str, _Cells]) -> None:
        self.projection = projection
        self.source, self.target = cells[projection.source], cells[projection.target]
        self.edges: Edges = layout.network.currents(projection)
        self.learning = PlainLearning(projection, layout, self.edges)
        self.release = PlainRelease(projection, layout.dt_ms) if projection.short_term else None
        self.receptor = [r.name for r in self.target.population.receptors].index(projection.receptor)
        self.delay = layout.delay_steps(projection)
        self.arrived = np.zeros(self.source.population.n)
        self.copies = self.source.population.n // layout.network.ends(projection)[0].n

    def load(self, arrays: Mapping[str, Array]) -> None:
        self.w = np.array(arrays[f"weights/{self.projection.name}"], dtype=np.float64)
        self.factor = np.array(arrays[f"factor/{self.projection.name}"], dtype=np.float64) if self.projection.spread else None
        self.learning.load(arrays)
        if self.release is not None:
            self.release.load(arrays)

    def dump(self) -> dict[str, Array]:
        factor = {} if self.factor is None else {f"factor/{self.projection.name}": self.factor.copy()}
        release = {} if self.release is None else self.release.dump()
        return {f"weights/{self.projection.name}": self.w.copy(), **factor, **release, **self.learning.dump()}

    def deliver(self, n: int) -> None:
        e = self.edges
        self.arrived = self.source.flight[-self.delay]
        active = self.arrived[e.pre] != 0
        effect = self.learning.sign * self.w.ravel()[e.weight[active]] * self.arrived[e.pre[active]]
        if self.factor is not None:
            effect *= self.factor[e.pre[active] // self.copies]
        if self.release is not None:
            effect *= self.release.amounts(self.arrived, n)[e.pre[active]]
        np.add.at(self.target.g[self.receptor], e.post[active], effect)


class ReferenceBackend:
    """All populations and projections of a network.

    Parameters
    ----------
    layout : Layout
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.cells = {p.name: _Cells(p, layout) for p in layout.network.populations}
        self.synapses = [_Synapses(j, layout, self.cells) for j in layout.network.projections]
        self.n = 0
        self.margin_mV = np.inf

    def load(self, arrays: Mapping[str, Array], step: int) -> None:
        """Take over every array.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            Under the keys of ``snn.state``.
        step : int
            Steps done so far.
        """
        self.n = step
        for c in self.cells.values():
            c.load(arrays)
        for j in self.synapses:
            j.load(arrays)

    def rest(self) -> None:
        """Begin a new clip."""
        self.load(at_rest(self.layout.network, self.dump()), self.n)

    def dump(self) -> dict[str, Array]:
        """Copy out every array."""
        dumps = [*(c.dump() for c in self.cells.values()), *(j.dump() for j in self.synapses)]
        return {k: a for dump in dumps for k, a in dump.items()}

    def frame(self, given: FrameInput) -> FrameOutput:
        """Run one frame; ``margin_mV`` keeps the smallest distance that any cell ever had from its threshold.

        Parameters
        ----------
        given : FrameInput
            What drives the network, and whether it learns.

        Returns
        -------
        FrameOutput
        """
        counts, late = np.zeros((2, self.layout.network.n_neurons))
        steps: list[int] = []
        who: list[int] = []
        for s in range(self.layout.frame_steps):
            for name, c in self.cells.items():
                raster = given.rasters[name][s] if name in given.rasters else None
                moved = given.moved[name][s] if name in given.moved else 0.0
                self.margin_mV = min(self.margin_mV, c.step(self.n, given.currents.get(name, 0.0), raster, moved))
            for j in self.synapses:
                j.learning.decay(s)
            for j in self.synapses:
                j.deliver(self.n)
            sent = {name: c.sent for name, c in self.cells.items()}
            for j in self.synapses:
                j.learning.learn(j.w, j.arrived, sent, given.learn, given.modulator, j.target.voltage)
            for name, c in self.cells.items():
                start = self.layout.offsets[name]
                counts[start : start + len(c.sent)] += c.sent
                late[start : start + len(c.sent)] += self.layout.late_weight[s] * c.sent
                if given.spikes and not c.population.graded:
                    fired = start + np.flatnonzero(c.sent)
                    steps += [self.n] * len(fired)
                    who += fired.tolist()
            self.n += 1
        if given.learn:
            for j in self.synapses:
                j.learning.frame_end(j.w, given.modulator, j.target.voltage)
        for j in self.synapses:
            j.learning.begin_frame()
        return FrameOutput(counts, late, np.array(steps, dtype=np.int64), np.array(who, dtype=np.int64))
