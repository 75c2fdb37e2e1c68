"""The brian engine's network: Brian2 objects made of ``brian_text.py``'s text, stepped a frame at a time.

Two networks share the same groups. One runs the steps of a frame (phases 1 to 5); the other holds the code of a
frame's end (phase 6) and runs once after them. Both are compiled once, when they are built.

A delay of ``d`` steps is a Brian2 delay of ``d - 1``: the slot "synapses" follows the slot "groups" of the same step.
Traces belong to cells. What raises them is a synapse of its own: from the source to itself with the projection's
delay, from the target to itself without one, or from the populations of a signal to the target.

Brian2's queues cannot be read out in the terms of `snn.state`. The last steps of every population are kept instead,
and a queue is filled by playing them back to it: push, advance, push, ... This also brings the queues of rules up to
date when learning is switched on, for Brian2 does not fill those of inactive objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import brian2
import numpy as np
import sympy
from brian2.codegen.runtime.cython_rt import CythonCodeObject
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.groups.group import CodeRunner
from brian2.parsing.sympytools import str_to_sympy
from brian2.utils.logger import catch_logs
from numpy.typing import NDArray
from scipy.linalg import expm

from snn.description import Population
from snn.engines.brian_text import (
    FRAME_MEANS,
    OWN_TRACES,
    POST_SPIKE,
    PRE_SPIKE,
    PRE_TRACES,
    RECORD,
    SLOTS,
    CellText,
    ProjectionText,
    TraceText,
    UpdateText,
    cell_text,
    describe,
    projection_text,
)
from snn.engines.layout import Layout
from snn.engines.port import FrameInput, FrameOutput
from snn.state import Array, at_rest
from snn.topology import Edges, edges

Ints = NDArray[np.int64]
CODE = {"numpy": NumpyCodeObject, "cython": CythonCodeObject}


@contextmanager
def quiet(target: str) -> Iterator[None]:
    """Let Brian2 compile for a target, without its remarks, and leave its preferences as they were.

    Parameters
    ----------
    target : {'numpy', 'cython'}

    Yields
    ------
    None
    """
    before = brian2.prefs["codegen.target"]
    brian2.prefs["codegen.target"] = target
    try:
        with catch_logs():
            yield
    finally:
        brian2.prefs["codegen.target"] = before


class OnceCompiled(brian2.Network):  # type: ignore[misc]
    """A Brian2 network that compiles its code at the first run only; Brian2's own compiles it anew for each run."""

    compiled = False

    def before_run(self, run_namespace: Any) -> None:
        """Prepare all objects, once.

        Parameters
        ----------
        run_namespace : mapping
            Names that objects do not define themselves.
        """
        if not self.compiled:
            super().before_run(run_namespace)
            self.compiled = True


def matrix_exponential(equations: Any, variables: Any, method_options: Any = None) -> str:
    """Integrate linear equations exactly, by the exponential of their matrix of numbers: a Brian2 ``method``.

    Brian2's ``exact`` refuses a membrane without a leak (its matrix is singular), and is inexact where two time
    constants are nearly equal.

    Parameters
    ----------
    equations : brian2.Equations
    variables : mapping of str to Variable
    method_options : mapping, optional
        Unused.

    Returns
    -------
    str
        Code of one step.
    """
    moving = [(name, str_to_sympy(e.code, variables)) for name, e in equations.get_substituted_expressions(variables)]
    names = [name for name, _ in moving]
    # Currents that stay and the external one are constant within a step.
    names += sorted({s.name for _, e in moving for s in e.free_symbols if not variables[s.name].scalar} - set(names))
    matrix = np.zeros((len(names), len(names)))
    for row, (_, e) in enumerate(moving):
        constants = {s: float(variables[s.name].get_value()) for s in e.free_symbols if s.name not in names}
        for s in e.free_symbols:
            if s.name in names:
                matrix[row, names.index(s.name)] = float(sympy.diff(e, s).subs(constants))
    step = expm(matrix * float(variables["dt"].get_value().item()))
    lines = [
        f"_{name} = " + " + ".join(f"({f!r})*{x}" for f, x in zip(row.tolist(), names, strict=True) if f)
        for (name, _), row in zip(moving, step, strict=False)
    ]
    return "\n".join((*lines, *(f"{name} = _{name}" for name, _ in moving)))


class Cells:
    """A population: its NeuronGroup, and what the state knows of it that Brian2 does not."""

    def __init__(self, p: Population, text: CellText, clock: Any, code: Any) -> None:
        self.p, self.text = p, text
        taus = sorted(text.constants.values())
        separate = all(b - a > 1e-3 * b for a, b in pairwise(taus))
        self.group = brian2.NeuronGroup(
            p.n,
            "\n".join(text.equations),
            threshold=text.threshold,
            reset=text.reset or None,
            method="exact" if text.leaky and separate else matrix_exponential,
            namespace={k: v * brian2.ms for k, v in text.constants.items()},
            name=text.name,
            clock=clock,
            codeobj_class=code,
        )
        self.held = {
            f"{key}/{p.name}": x for key, x in (("v", "v"), ("adaptation", "a"), ("threshold", "theta")) if x in self.group.variables
        }
        self.held |= {f"g/{p.name}/{r}": x for r, x in text.receptors.items()}
        self.other: dict[str, Array] = {}

    def load(self, arrays: Mapping[str, Array], step: int) -> None:
        """Take over the arrays of the population."""
        name = self.p.name
        keys = [f"{key}/{name}" for key in ("v", "adaptation", "threshold", "total", "last", "flight")]
        self.other = {k: np.array(arrays[k]) for k in keys if k not in self.held}
        for key, variable in self.held.items():
            self[variable] = arrays[key]
        if steps := self.text.refractory_steps:
            self["left"] = np.clip(steps + 1 - (step - self.other[f"last/{name}"].astype(np.int64)), 0, steps)
        for line in self.text.frame_clear:
            self[line.split()[0]] = 0.0

    def dump(self) -> dict[str, Array]:
        """Copy out the arrays of the population."""
        return {k: self[x].copy() for k, x in self.held.items()} | {k: a.copy() for k, a in self.other.items()}

    def __getitem__(self, variable: str) -> Any:
        return self.group.variables[variable].get_value()

    def __setitem__(self, variable: str, value: Any) -> None:
        self[variable][:] = value

    @property
    def flight(self) -> NDArray[np.uint8]:
        """What was sent in the last steps, oldest first; shape (n_steps, n)."""
        return self.other[f"flight/{self.p.name}"]  # type: ignore[return-value]

    def take(self, sent: NDArray[np.uint8], first_step: int) -> None:
        """Keep the books of a frame; ``sent`` has the shape (frame_steps, n)."""
        name, depth = self.p.name, len(self.flight)
        self.other[f"flight/{name}"] = np.concatenate([self.flight, sent])[-depth:]
        self.other[f"total/{name}"] = self.other[f"total/{name}"] + sent.sum(axis=0)
        latest = first_step + len(sent) - 1 - np.argmax(sent[::-1], axis=0)
        self.other[f"last/{name}"] = np.where(sent.any(axis=0), latest, self.other[f"last/{name}"])


class Wires:
    """A projection: its Synapses, those that raise its traces, and the code of its rule."""

    def __init__(self, text: ProjectionText, number: int, layout: Layout, cells: Mapping[str, Cells], clock: Any, code: Any) -> None:
        self.text, j = text, text.projection
        self.source, self.target = cells[j.source], cells[j.target]
        self.clock, self.code = clock, code
        self.delay = layout.delay_steps(j) - 1
        self.edges: Edges = edges(j.topology, self.source.p.grid, self.target.p.grid)
        # Pathways with a delay, whose queues must be filled; what runs only while rules act; what runs at a frame's end.
        self.late: list[Any] = []
        self.learning: list[Any] = []
        self.summing: list[Any] = []
        self.at_frame_end: list[Any] = []
        self.others: list[Any] = []
        self.synapses = self._main(number) if len(self.edges.pre) else None
        for t in text.traces:
            self._raising(t, layout, cells)

    def _main(self, number: int) -> Any:
        by_event = {when: [u for u in self.text.updates if u.update.when == when] for when in ("pre_spike", "post_spike", "frame_end")}
        on_pre = {"deliver": self.text.deliver} | {f"pre_spike{i}": u.code for i, u in enumerate(by_event["pre_spike"])}
        on_post = {f"post_spike{i}": u.code for i, u in enumerate(by_event["post_spike"])}
        delays = dict.fromkeys(on_pre, self.delay * self.clock.dt) | dict.fromkeys(on_post, 0 * brian2.ms)
        model = "w : 1\nmodulator : 1 (shared)"
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

    def _raising(self, t: TraceText, layout: Layout, cells: Mapping[str, Cells]) -> None:
        """Let spikes raise a trace."""
        side = t.trace.side
        if side == "signal":
            taps = [(cells[p], self.target, i, j) for p, i, j in layout.signal_edges(self.text.projection, t.trace.name)]
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

    @property
    def weights(self) -> Any:
        """Weights of the edges, in their order."""
        return self.synapses.variables["w"].get_value()

    def load(self, arrays: Mapping[str, Array]) -> None:
        """Take over weights and traces, and fill the queues from what the source has sent; cells come first."""
        self.w = np.array(arrays[f"weights/{self.text.projection.name}"], dtype=np.float64)
        if self.synapses is not None:
            self.weights[:] = self.w.ravel()[self.edges.weight]
        for key, cell, variable in self.traces():
            cell[variable] = arrays[key]
        for pathway in self.late:
            self.refill(pathway)

    def dump(self) -> dict[str, Array]:
        """Copy out weights and traces."""
        w = self.w.copy()
        if self.synapses is not None:
            w.ravel()[self.edges.weight] = self.weights
        return {f"weights/{self.text.projection.name}": w} | {key: cell[variable].copy() for key, cell, variable in self.traces()}

    def traces(self) -> Iterator[tuple[str, Cells, str]]:
        """Decaying traces: key of the state, whose cells have it, their variable."""
        for t in self.text.traces:
            if t.trace.tau_ms:
                yield f"trace/{self.text.projection.name}/{t.trace.name}", self.source if t.trace.side == "pre" else self.target, t.trained

    def refill(self, pathway: Any) -> None:
        """Play the last steps of the source back to an empty queue."""
        for _ in range(self.delay + 1):
            pathway.queue.advance()
        for sent in self.source.flight[len(self.source.flight) - self.delay :]:
            who = np.flatnonzero(sent).astype(np.int32)
            if len(who):
                pathway.queue.push(who)
            pathway.queue.advance()

    def act(self, learn: bool, modulator: float) -> None:
        """Switch rules on or off, and tell them the broadcast signal."""
        for x in self.summing:
            x.active = learn
        for x in self.learning:
            if learn and not x.active and x in self.late:
                self.refill(x)
            x.active = learn
        if self.synapses is not None:
            self.synapses.variables["modulator"].set_value(modulator)


def runner(group: Any, code: str, when: str, order: int, clock: Any) -> Any:
    """Make Brian2 run code on a group in every step, or in every frame, of the network to which it is added.

    Parameters
    ----------
    group : brian2.NeuronGroup or brian2.Synapses
    code : str
    when : str
        Slot.
    order : int
        Order in the slot.
    clock : brian2.Clock

    Returns
    -------
    brian2 CodeRunner
    """
    return CodeRunner(group, "stateupdate", code=code, name=f"{group.name}_{when}*", clock=clock, when=when, order=order)


class BrianBackend:
    """All populations and projections of a network, in Brian2.

    Parameters
    ----------
    layout : Layout
    target : {'numpy', 'cython'}
        How Brian2 runs its code.
    """

    def __init__(self, layout: Layout, target: str) -> None:
        self.layout, self.target = layout, target
        self.n = 0
        self.sent = np.zeros((layout.frame_steps, layout.network.n_neurons), dtype=np.uint8)
        self.rasters: Mapping[str, NDArray[np.bool_]] = {}
        network = layout.network
        taken = {"feed", "record"}
        texts = {p.name: cell_text(p, layout, taken) for p in network.populations}
        self.texts = [projection_text(j, k, layout, texts, taken) for k, j in enumerate(network.projections)]
        with quiet(target):
            clock, code = brian2.Clock(layout.dt_ms * brian2.ms, name="step"), CODE[target]
            self.cells = {p.name: Cells(p, texts[p.name], clock, code) for p in network.populations}
            self.wires = [Wires(t, k, layout, self.cells, clock, code) for k, t in enumerate(self.texts)]
            parts, ends = list(self._parts(clock)), list(self._ends(clock))
            self.steps = OnceCompiled(*parts, name="steps")
            self.steps.schedule = list(SLOTS)
            self.ends = OnceCompiled(*ends, name="frame_end")
            for network_of in (self.steps, self.ends):
                network_of.run(0 * brian2.ms, namespace={})
        self.span = [(c, slice(layout.offsets[name], layout.offsets[name] + c.p.n)) for name, c in self.cells.items()]

    def _parts(self, clock: Any) -> Iterator[Any]:
        for c in self.cells.values():
            yield c.group
            lists = (
                (c.text.hold, "start", 1),
                (c.text.before, "start", 2),
                (c.text.after, "groups", 1),
                (c.text.frame_add, "end", FRAME_MEANS),
            )
            yield from (runner(c.group, "\n".join(lines), when, order, clock) for lines, when, order in lists if lines)
        for wires in self.wires:
            yield from (x for x in (wires.synapses, *wires.others) if x is not None)
            yield from wires.summing
        yield brian2.NetworkOperation(self._feed, clock=clock, when="start", order=0, name="feed")
        yield brian2.NetworkOperation(self._record, clock=clock, when="end", order=RECORD, name="record")

    def _ends(self, clock: Any) -> Iterator[Any]:
        for wires in self.wires:
            yield from wires.at_frame_end
        for c in self.cells.values():
            if c.text.frame_clear:
                yield runner(c.group, "\n".join(c.text.frame_clear), "end", RECORD, clock)

    def _feed(self) -> None:
        for name, raster in self.rasters.items():
            self.cells[name]["sends"] = raster[self.s]

    def _record(self) -> None:
        row = self.sent[self.s]
        for c, span in self.span:
            space = c["_spikespace"]
            row[span][space[: space[-1]]] = 1
        self.s += 1

    def equations(self) -> str:
        """Print what Brian2 was told, population by population and projection by projection.

        Returns
        -------
        str
        """
        return describe({name: c.text for name, c in self.cells.items()}, self.texts, self.layout)

    def load(self, arrays: Mapping[str, Array], step: int) -> None:
        """Take over every array."""
        self.n = step
        for c in self.cells.values():
            c.load(arrays, step)
        for wires in self.wires:
            wires.load(arrays)

    def rest(self) -> None:
        """Begin a new clip."""
        self.load(at_rest(self.layout.network, self.dump()), self.n)

    def dump(self) -> dict[str, Array]:
        """Copy out every array."""
        return {k: a for part in (*self.cells.values(), *self.wires) for k, a in part.dump().items()}

    def frame(self, given: FrameInput) -> FrameOutput:
        """Run one frame."""
        self.sent[:] = 0
        self.s, self.rasters = 0, given.rasters
        for name, c in self.cells.items():
            if "I" in c.group.variables:
                c["I"] = given.currents.get(name, 0.0)
            else:
                c["sends"] = False
        for wires in self.wires:
            wires.act(given.learn, given.modulator)
            for x in wires.at_frame_end:
                x.active = given.learn
        self.steps.run(self.layout.frame_steps * self.layout.dt_ms * brian2.ms, namespace={})
        for x in self.ends.sorted_objects:
            if x.active:
                x.run()
        for c, span in self.span:
            c.take(self.sent[:, span], self.n)
        steps, who = np.nonzero(self.sent) if given.spikes else (np.zeros(0, dtype=np.int64),) * 2
        late = (self.layout.late_weight[:, None] * self.sent).sum(axis=0)
        self.n += self.layout.frame_steps
        return FrameOutput(
            self.sent.sum(axis=0).astype(np.float64), late, steps.astype(np.int64) + self.n - self.layout.frame_steps, who.astype(np.int64)
        )
