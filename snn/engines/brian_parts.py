"""The parts of the brian engine's network: a population and a projection as Brian2 objects.

A delay of ``d`` steps is a Brian2 delay of ``d - 1``: the slot "synapses" follows the slot "groups" of the same step.
Traces belong to cells. What raises them is a synapse of its own: from the source to itself with the projection's
delay, from the target to itself without one, or from the populations of a signal to the target.

Brian2's queues cannot be read out in the terms of `snn.state`. The last steps of every population are kept instead,
and a queue is filled by playing them back to it: push, advance, push, ... This also brings the queues of rules up to
date when learning is switched on, for Brian2 does not fill those of inactive objects.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

import brian2
import numpy as np
from numpy.typing import NDArray

from snn.cells import AdEx
from snn.description import Population
from snn.engines.brian_cell_text import CellText
from snn.engines.brian_release import BEFORE_DELIVERY, Releasing
from snn.engines.brian_text import OWN_TRACES, POST_SPIKE, PRE_SPIKE, PRE_TRACES, STEP, ProjectionText, TraceText, UpdateText
from snn.engines.brian_tools import matrix_exponential, runner
from snn.engines.layout import Layout
from snn.local import EVENTS
from snn.pools import current_of_cell
from snn.state import Array
from snn.topology import Edges


class Cells:
    """A population: its NeuronGroup, and what the state knows of it that Brian2 does not.

    Parameters
    ----------
    p : Population
    text : CellText
    clock : brian2.Clock
        Of a step.
    code : type
        Brian2's class of code objects, which says the target.
    """

    def __init__(self, p: Population, text: CellText, clock: Any, code: Any) -> None:
        self.p, self.text, self.dt_ms = p, text, float(clock.dt / brian2.ms)
        taus = sorted(text.constants.values())
        separate = all(b - a > 1e-3 * b for a, b in pairwise(taus))
        # A function of its own: Brian2 keeps what a method gave for equal equations, whatever the step was then.
        own_method = partial(matrix_exponential)
        self.group = brian2.NeuronGroup(
            p.n,
            "\n".join(text.equations),
            threshold=text.threshold,
            reset=text.reset or None,
            method="exact" if text.leaky and separate and not p.dendritic else own_method,
            namespace={k: v * brian2.ms for k, v in text.constants.items()},
            name=text.name,
            clock=clock,
            codeobj_class=code,
        )
        pairs = (("v", "v"), ("adaptation", "a"), ("dendrite", "dendrite"), ("threshold", "theta"))
        self.held = {f"{key}/{p.name}": x for key, x in pairs if x in self.group.variables}
        self.held |= {f"g/{p.name}/{r}": x for r, x in text.receptors.items()}
        self.other: dict[str, Array] = {}
        self.current: Any = slice(None) if p.pools is None else current_of_cell(p.units.n, p.copies, p.pools)

    def load(self, arrays: Mapping[str, Array], step: int) -> None:
        """Take over the arrays of the population.

        Parameters
        ----------
        arrays : mapping of str to ndarray
        step : int
            Steps done.
        """
        name = self.p.name
        keys = [f"{key}/{name}" for key in ("v", "adaptation", "threshold", "total", "last", "flight")]
        self.other = {k: np.array(arrays[k]) for k in keys if k not in self.held}
        for key, variable in self.held.items():
            self[variable] = arrays[key][self.current] if key.startswith("g/") else arrays[key]
        if steps := self.text.refractory_steps:
            self["left"] = np.clip(steps + 1 - (step - self.other[f"last/{name}"].astype(np.int64)), 0, steps)
        if steps := round(getattr(self.p.cell, "peak_ms", 0.0) / self.dt_ms):
            self["peaked"] = np.clip(steps + 1 - (step - self.other[f"last/{name}"].astype(np.int64)), 0, steps)
        if isinstance(self.p.cell, AdEx):
            self._after_spikes(self.p.cell, self.dt_ms * (step - 1 - self.other[f"last/{name}"].astype(np.float64)))
        for line in self.text.frame_clear:
            self[line.split()[0]] = 0.0

    def _after_spikes(self, cell: AdEx, since_ms: NDArray[np.float64]) -> None:
        """Set what the last spike of each cell has left: Brian2 integrates it, and the state knows no more than when that was."""
        for variable, size, tau_ms in (
            ("after", cell.afterpotential_mV, cell.tau_afterpotential_ms),
            ("risen", cell.onset_jump_mV, cell.tau_onset_ms),
        ):
            if size:
                self[variable] = size * np.exp(-since_ms / tau_ms)

    def dump(self) -> dict[str, Array]:
        """Copy out the arrays of the population."""
        found = {k: self[x].copy() for k, x in self.held.items()} | {k: a.copy() for k, a in self.other.items()}
        for key in self.held if self.p.pools is not None else ():
            if key.startswith("g/"):
                # Brian2 has no current that cells share: each has the same, and the first of a pool speaks for it.
                shared = np.zeros(self.p.n_currents)
                shared[self.current] = found[key]
                found[key] = shared
        return found

    def __getitem__(self, variable: str) -> Any:
        return self.group.variables[variable].get_value()

    def __setitem__(self, variable: str, value: Any) -> None:
        self[variable][:] = value

    @property
    def flight(self) -> NDArray[np.uint8]:
        """What was sent in the last steps, oldest first; shape (n_steps, n)."""
        return self.other[f"flight/{self.p.name}"]  # type: ignore[return-value]

    def take(self, sent: NDArray[np.uint8], first_step: int) -> None:
        """Keep the books of a frame.

        Parameters
        ----------
        sent : ndarray of uint8, shape (frame_steps, n)
        first_step : int
        """
        name, depth = self.p.name, len(self.flight)
        self.other[f"flight/{name}"] = np.concatenate([self.flight, sent])[-depth:]
        self.other[f"total/{name}"] = self.other[f"total/{name}"] + sent.sum(axis=0)
        latest = first_step + len(sent) - 1 - np.argmax(sent[::-1], axis=0)
        self.other[f"last/{name}"] = np.where(sent.any(axis=0), latest, self.other[f"last/{name}"])


class Wires:
    """A projection: its Synapses, those that raise its traces, and the code of its rule.

    Parameters
    ----------
    text : ProjectionText
    number : int
        Its place in the description.
    layout : Layout
    cells : mapping of str to Cells
    clock : brian2.Clock
        Of a step.
    code : type
        Brian2's class of code objects, which says the target.
    """

    def __init__(self, text: ProjectionText, number: int, layout: Layout, cells: Mapping[str, Cells], clock: Any, code: Any) -> None:
        self.text, j = text, text.projection
        self.source, self.target = cells[j.source], cells[j.target]
        self.clock, self.code = clock, code
        self.delay = layout.delay_steps(j) - 1
        self.edges: Edges = layout.network.edges(j)
        # Pathways with a delay, whose queues must be filled; what runs only while rules act; what runs at a frame's end.
        self.late: list[Any] = []
        self.learning: list[Any] = []
        self.summing: list[Any] = []
        self.acting: list[Any] = []
        self.at_frame_end: list[Any] = []
        self.others: list[Any] = []
        self.unheard: dict[str, deque[Any]] = {}
        self.factor = np.zeros(0)
        self.synapses: Any = self._main(number) if len(self.edges.pre) else None
        self.release = self._releasing()
        for t in text.traces:
            self._raising(t, layout, cells)

    def _main(self, number: int) -> Any:
        by_event: dict[str, list[UpdateText]] = {when: [u for u in self.text.updates if u.update.when == when] for when in EVENTS}
        on_pre = {"deliver": self.text.deliver} | {f"pre_spike{i}": u.code for i, u in enumerate(by_event["pre_spike"])}
        on_post = {f"post_spike{i}": u.code for i, u in enumerate(by_event["post_spike"])}
        delays = dict.fromkeys(on_pre, self.delay * self.clock.dt) | dict.fromkeys(on_post, 0 * brian2.ms)
        model = "\n".join(("w : 1", "modulator : 1 (shared)", *(f"{name} : 1" for name in self.text.own.values())))
        made = self._make(self.source, self.target, self.text.name, model=model, on_pre=on_pre, on_post=on_post or None, delay=delays)
        made.connect(i=self.edges.pre, j=self.edges.post)
        made.deliver.order = number
        self.late.append(made.deliver)
        for when, order in (("pre_spike", PRE_SPIKE), ("post_spike", POST_SPIKE)):
            for i, u in enumerate(by_event[when]):
                pathway = getattr(made, f"{when}{i}")
                pathway.when, pathway.order = "end", order + 3 * i + 2
                self.summing += self._sums(u, made, order + 3 * i)
                self.learning.append(pathway)
                if when == "pre_spike":
                    self.late.append(pathway)
        if self.text.decay:
            self.others.append(runner(made, self.text.decay, "groups", 1, self.clock))
        for i, u in enumerate(by_event["step"]):
            acting = self._runner(made, u.code, STEP + 3 * i + 2)
            self.summing += self._sums(u, made, STEP + 3 * i)
            self.acting.append(acting)
        for i, u in enumerate(by_event["frame_end"]):
            self.at_frame_end += [*self._sums(u, made, 3 * i), self._runner(made, u.code, 3 * i + 2)]
        return made

    def _make(self, source: Cells, target: Cells, name: str, **given: Any) -> Any:
        return brian2.Synapses(source.group, target.group, name=name, clock=self.clock, codeobj_class=self.code, namespace={}, **given)

    def _runner(self, group: Any, code: str, order: int) -> Any:
        return runner(group, code, "end", order, self.clock)

    def _sums(self, u: UpdateText, synapses: Any, order: int) -> list[Any]:
        """Code that takes a rule's sums over the synapses of a cell."""
        if not u.sums:
            return []
        clear = "\n".join(f"{name} = 0" for name, _ in u.sums)
        add = "\n".join(code for _, code in u.sums)
        return [self._runner(self.target.group, clear, order), self._runner(synapses, add, order + 1)]

    def _releasing(self) -> Releasing | None:
        """Let spikes use resources, where the projection has short-term plasticity."""
        if self.text.release is None:
            return None
        text, every = self.text.release, np.arange(self.source.p.n)
        delay = self.delay * self.clock.dt
        made = self._make(self.source, self.source, f"{self.text.name}_release", model=text.model, on_pre=text.on_pre, delay=delay)
        made.connect(i=every, j=every)
        made.pre.order = BEFORE_DELIVERY
        self.others.append(made)
        self.late.append(made.pre)
        return Releasing(self.text.projection.name, made, float(self.clock.dt / brian2.second))

    def _raising(self, t: TraceText, layout: Layout, cells: Mapping[str, Cells]) -> None:
        """Let spikes raise a trace."""
        side = t.trace.side
        if t.trace.lag_ms:
            hear = brian2.NetworkOperation(
                lambda: self._hear(t), clock=self.clock, when="end", order=OWN_TRACES - 1, name=f"{self.text.name}_{t.heard}"
            )
            self.others.append(hear)
        if t.trace.follows == "potential":
            self.others.append(runner(self.target.group, t.code, "end", OWN_TRACES, self.clock))
            return
        if side == "signal":
            taps = [(cells[p], self.target, i, j) for p, i, j in layout.signal_edges(self.text.projection, t.trace.carried)]
        else:
            own = self.source if side == "pre" else self.target
            taps = [(own, own, np.arange(own.p.n), np.arange(own.p.n))]
        delay = self.delay if side == "pre" else 0
        for k, (source, target, i, j) in enumerate(taps):
            if len(i) == 0:
                continue
            made = self._make(source, target, f"{self.text.name}_{t.trained}_{k}", on_pre=t.code, delay=delay * self.clock.dt)
            made.connect(i=i, j=j)
            made.pre.when, made.pre.order = "end", PRE_TRACES if side == "pre" else OWN_TRACES
            self.others.append(made)
            if side == "pre":
                self.late.append(made.pre)

    def _hear(self, t: TraceText) -> None:
        """Tell a trace of the potential that the cells had a lag ago."""
        past = self.unheard[t.trace.name]
        past.append(self.target["v"].copy())
        self.target[t.heard] = past.popleft()

    @property
    def weights(self) -> Any:
        """Weights of the edges, in their order."""
        return self.synapses.variables["w"].get_value()

    def load(self, arrays: Mapping[str, Array]) -> None:
        """Take over weights and traces, and fill the queues from what the source has sent; cells come first.

        Parameters
        ----------
        arrays : mapping of str to ndarray
        """
        if self.release is not None:
            self.release.load(arrays)
        j = self.text.projection
        self.w = np.array(arrays[f"weights/{j.name}"], dtype=np.float64)
        if self.synapses is not None:
            self.weights[:] = self.w.ravel()[self.edges.weight]
            if j.spread:
                # Brian2 has a weight for every synapse, so the factor is taken into it; such weights do not learn.
                self.factor = np.array(arrays[f"factor/{j.name}"], dtype=np.float64)
                self.weights[:] *= self.factor[self.edges.pre // (self.source.p.n // len(self.factor))]
            for key, variable in self.own():
                self.synapses.variables[variable].get_value()[:] = np.asarray(arrays[key]).ravel()[self.edges.weight]
        for key, cell, variable in self.traces():
            cell[variable] = arrays[key]
        lags = [t.trace.name for t in self.text.traces if t.trace.lag_ms]
        self.unheard = {name: deque(np.array(arrays[f"lag/{j.name}/{name}"], dtype=np.float64)) for name in lags}
        for pathway in self.late:
            self.refill(pathway)

    def dump(self) -> dict[str, Array]:
        """Copy out weights and traces."""
        w = self.w.copy()
        release = {} if self.release is None else self.release.dump()
        if self.text.projection.spread:
            name = self.text.projection.name
            return {f"weights/{name}": w, f"factor/{name}": self.factor.copy(), **release}
        if self.synapses is not None:
            w.ravel()[self.edges.weight] = self.weights
        found: dict[str, Array] = {f"weights/{self.text.projection.name}": w, **release}
        for key, variable in self.own():
            values = np.zeros(w.shape)
            if self.synapses is not None:
                values.ravel()[self.edges.weight] = self.synapses.variables[variable].get_value()
            found[key] = values
        found |= {f"lag/{self.text.projection.name}/{name}": np.array(past) for name, past in self.unheard.items()}
        return found | {key: cell[variable].copy() for key, cell, variable in self.traces()}

    def own(self) -> Iterator[tuple[str, str]]:
        """The synapses' own variables: key of the state, and their name."""
        for name, variable in self.text.own.items():
            yield f"own/{self.text.projection.name}/{name}", variable

    def traces(self) -> Iterator[tuple[str, Cells, str]]:
        """Traces that the state keeps: key of the state, whose cells have it, their variable."""
        for t in self.text.traces:
            cells = self.source if t.trace.side == "pre" else self.target
            if t.trace.tau_ms:
                yield f"trace/{self.text.projection.name}/{t.trace.name}", cells, t.trained
            if t.trace.ago:
                yield f"ago/{self.text.projection.name}/{t.trace.name}", cells, t.read

    def refill(self, pathway: Any) -> None:
        """Empty a queue and play the last steps of the source back to it.

        Parameters
        ----------
        pathway : brian2.synapses.SynapticPathway
        """
        for _ in range(self.delay + 1):
            pathway.queue.advance()
        for sent in self.source.flight[len(self.source.flight) - self.delay :]:
            who = np.flatnonzero(sent).astype(np.int32)
            if len(who):
                pathway.queue.push(who)
            pathway.queue.advance()

    def act(self, learn: bool, modulator: float) -> None:
        """Switch rules on or off, and tell them the broadcast signal.

        Parameters
        ----------
        learn : bool
        modulator : float
        """
        for x in (*self.summing, *self.acting):
            x.active = learn
        for x in self.learning:
            if learn and not x.active and x in self.late:
                self.refill(x)
            x.active = learn
        if self.synapses is not None:
            self.synapses.variables["modulator"].set_value(modulator)
