"""The brian engine's network: Brian2 objects made of ``brian_text.py``'s text, stepped a frame at a time.

Two networks share the same groups. One runs the steps of a frame (phases 1 to 5); the other holds the code of a
frame's end (phase 6) and runs once after them. Both are compiled once, when they are built.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import brian2
import numpy as np
from brian2.codegen.runtime.cython_rt import CythonCodeObject
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from numpy.typing import NDArray

from snn.engines.brian_cell_text import cell_text
from snn.engines.brian_parts import Cells, Wires
from snn.engines.brian_text import FRAME_MEANS, PRE_MEANS, RECORD, SLOTS, describe, projection_text
from snn.engines.brian_tools import OnceCompiled, quiet, runner
from snn.engines.layout import Layout
from snn.engines.port import FrameInput, FrameOutput
from snn.state import Array, at_rest

CODE = {"numpy": NumpyCodeObject, "cython": CythonCodeObject}


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
        self.thresholds: dict[str, NDArray[np.float64]] = {}
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
                (c.text.source_add, "end", PRE_MEANS),
                (c.text.frame_add, "end", FRAME_MEANS),
            )
            yield from (runner(c.group, "\n".join(lines), when, order, clock) for lines, when, order in lists if lines)
        for wires in self.wires:
            yield from (x for x in (wires.synapses, *wires.others) if x is not None)
            yield from (*wires.summing, *wires.acting)
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
        for name, threshold in self.thresholds.items():
            self.cells[name]["theta"] = threshold[self.s]
        for c in self.cells.values():
            if c.text.late_from is not None:
                c["late"] = float(self.s >= c.text.late_from)

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
        """Take over every array.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            Under the keys of `snn.state`.
        step : int
            Steps done.
        """
        self.n = step
        # Brian2's time is that of our steps, whenever it was built: differences of times are then the same to the last digit.
        self.steps.t_ = step * self.layout.dt_ms / 1000.0
        for c in self.cells.values():
            c.load(arrays, step)
        for wires in self.wires:
            wires.load(arrays)

    def rest(self) -> None:
        """Begin a new clip."""
        self.load(at_rest(self.layout.network, self.dump()), self.n)

    def dump(self) -> dict[str, Array]:
        """Copy out every array."""
        parts: tuple[Cells | Wires, ...] = (*self.cells.values(), *self.wires)
        return {k: a for part in parts for k, a in part.dump().items()}

    def frame(self, given: FrameInput) -> FrameOutput:
        """Run one frame.

        Parameters
        ----------
        given : FrameInput

        Returns
        -------
        FrameOutput
        """
        self.sent[:] = 0
        self.s, self.rasters = 0, given.rasters
        nominal = {name: self.cells[name]["theta"].copy() for name in given.moved}
        self.thresholds = {name: nominal[name] + moved for name, moved in given.moved.items()}
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
        for name, threshold in nominal.items():
            self.cells[name]["theta"] = threshold
        for x in self.ends.sorted_objects:
            if x.active:
                x.run()
        for c, span in self.span:
            c.take(self.sent[:, span], self.n)
        steps, who = np.nonzero(self.sent) if given.spikes else (np.zeros(0, dtype=np.int64),) * 2
        late = self.layout.late_weight @ self.sent
        self.n += self.layout.frame_steps
        counts, first = self.sent.sum(axis=0).astype(np.float64), self.n - self.layout.frame_steps
        return FrameOutput(counts, late, steps.astype(np.int64) + first, who.astype(np.int64))
