"""The torch engine: the step law on tensors, for batches, gradients and, where there is one, a GPU.

As an engine it runs one clip at a time, in float64 spike for spike as the reference; as `TorchNetwork` it is trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import torch

from snn.cells import AdEx
from snn.description import Network
from snn.engines.driver import Simulation, prepare
from snn.engines.layout import Layout, rule_problems
from snn.engines.plain_learning import PlainLearning, Voltage
from snn.engines.port import FloatArray, FrameInput, FrameOutput
from snn.engines.torch_motion import Motion
from snn.engines.torch_network import TorchNetwork
from snn.engines.torch_release import held
from snn.errors import EngineError, nearest, sentence
from snn.state import Array, State, at_rest, initial_state

DTYPES = {"float64": torch.float64, "float32": torch.float32}


class TorchEngine:
    """Torch tensors.

    Parameters
    ----------
    precision : {'float64', 'float32'}
        Of all numbers.
    device : str
        ``cpu``, or a device of torch such as ``cuda``.

    Raises
    ------
    EngineError
        If the precision is unknown or the device is not there.
    """

    name = "torch_"

    def __init__(self, precision: Literal["float64", "float32"] = "float64", device: str = "cpu") -> None:
        if precision not in DTYPES:
            raise EngineError(sentence("engine.precision", f"there is no precision {precision!r}", cure=nearest(precision, DTYPES)))
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise EngineError(sentence("engine.device", "this machine has no CUDA device that torch can use", got=device, allowed="cpu"))
        try:
            torch.zeros(1, dtype=DTYPES[precision], device=device).cpu()
        except (RuntimeError, NotImplementedError, AssertionError, TypeError) as error:
            raise EngineError(sentence("engine.device", "is no device that torch can use here", got=device, allowed="cpu, cuda")) from error
        self.precision, self.device = precision, device

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
        found = [p.name for p in network.populations if p.dendritic]
        reasons = [f"{', '.join(found)}: cells with a dendrite; the torch engine integrates one compartment"] if found else []
        found = [p.name for p in network.populations if isinstance(p.cell, AdEx)]
        reasons += [f"{', '.join(found)}: cells with an upswing, which the torch engine does not integrate"] if found else []
        return (*rule_problems(network), *reasons)

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
        return Simulation(layout, TorchBackend(layout, DTYPES[self.precision], self.device), state)


class TorchBackend:
    """A network as tensors, for one clip at a time, with its rules in plain NumPy.

    Parameters
    ----------
    layout : Layout
    dtype : dtype
        Of torch.
    device : str
    """

    def __init__(self, layout: Layout, dtype: torch.dtype, device: str) -> None:
        self.layout, network = layout, layout.network
        state = initial_state(network, dt_ms=layout.dt_ms, seed=0)
        self.module = TorchNetwork(layout, state, dtype=dtype, device=device)
        self.motion = self.module.at_rest(1)
        self.prepared = self.module.prepared()
        self.learning = {}
        for i, j in enumerate(network.projections):
            if j.rule is not None:
                self.learning[i] = PlainLearning(j, layout, network.edges(j))

    def load(self, arrays: Mapping[str, Array], step: int) -> None:
        """Take over every array.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            Under the keys of ``snn.state``.
        step : int
            Steps done so far.
        """
        module, network = self.module, self.layout.network
        with torch.no_grad():
            for j, w in zip(network.projections, module.weights, strict=True):
                w.copy_(torch.from_numpy(np.asarray(arrays[f"weights/{j.name}"], dtype=np.float64)))
            for p, threshold in zip(module.members, module.thresholds, strict=True):
                threshold.copy_(torch.from_numpy(np.asarray(arrays[f"threshold/{p.name}"], dtype=np.float64)))
            for j, factor in zip(network.projections, module.factors, strict=True):
                if factor is not None:
                    factor.copy_(torch.from_numpy(np.asarray(arrays[f"factor/{j.name}"], dtype=np.float64)))
            self.prepared = module.prepared()
        for learning in self.learning.values():
            learning.load(arrays)

        def tensor(key: str, dtype: torch.dtype = module.dtype) -> torch.Tensor:
            return torch.from_numpy(np.array(arrays[key])).to(module.device, dtype)[None]

        names = [p.name for p in network.populations]
        self.motion = Motion(
            {n: tensor(f"v/{n}") for n in names},
            {n: tensor(f"adaptation/{n}") for n in names},
            {n: tensor(f"last/{n}", torch.int64) for n in names},
            {n: tensor(f"total/{n}") for n in names},
            {(p.name, r.name): tensor(f"g/{p.name}/{r.name}") for p in network.populations for r in p.receptors},
            {n: [row[None] for row in tensor(f"flight/{n}")[0]] for n in names},
            step,
            {j.name: held(arrays, j.name, module.weights[0]) for j in network.projections if j.short_term},
        )

    def dump(self) -> dict[str, Array]:
        """Copy out every array."""

        def array(x: torch.Tensor) -> Array:
            return np.array(x[0].cpu().numpy())

        found: dict[str, Array] = {}
        for p in self.layout.network.populations:
            name, m = p.name, self.motion
            for key, values in (("v", m.v), ("adaptation", m.a), ("total", m.total)):
                found[f"{key}/{name}"] = array(values[name]).astype(np.float64)
            found[f"last/{name}"] = array(m.last[name])
            found[f"threshold/{name}"] = np.zeros(p.n)
            found |= {f"g/{name}/{r.name}": array(m.g[name, r.name]).astype(np.float64) for r in p.receptors}
            flight = np.array([array(row) for row in m.flight[name]])
            found[f"flight/{name}"] = flight.astype(np.float64 if p.graded else np.uint8)
        for name, left in self.motion.left.items():
            found |= left.dump(name)
        for learning in self.learning.values():
            found |= learning.dump()
        return found | self.module.dump()

    def rest(self) -> None:
        """Begin a new clip."""
        self.load(at_rest(self.layout.network, self.dump()), self.motion.step)

    def frame(self, given: FrameInput) -> FrameOutput:
        """Run one frame.

        Parameters
        ----------
        given : FrameInput
            What drives the network, and whether it learns.

        Returns
        -------
        FrameOutput
        """
        module, network = self.module, self.layout.network
        acting = given.learn and bool(self.learning)
        currents = {name: torch.from_numpy(np.array(x)).to(module.device, module.dtype)[None] for name, x in given.currents.items()}
        counts, late = np.zeros((2, network.n_neurons))
        steps: list[int] = []
        cells: list[int] = []
        with torch.no_grad():
            for s in range(self.layout.frame_steps):
                rasters = {name: torch.from_numpy(np.array(r[s])).to(module.device)[None] for name, r in given.rasters.items()}
                n = self.motion.step
                self.motion, told = module.step(self.motion, currents, rasters, self.prepared)
                sent = {name: x[0].cpu().numpy().astype(np.float64) for name, x in told.items()}
                self._learn(s, sent, acting, given.modulator)
                for p in network.populations:
                    start, x = self.layout.offsets[p.name], sent[p.name]
                    counts[start : start + p.n] += x
                    late[start : start + p.n] += self.layout.late_weight[s] * x
                    if given.spikes and not p.graded:
                        fired = start + np.flatnonzero(x)
                        steps += [n] * len(fired)
                        cells += fired.tolist()
            for i, learning in self.learning.items():
                if given.learn:
                    w = self._weights(i)
                    learning.frame_end(w, given.modulator, self._voltage(learning.projection.target))
                    module.weights[i].copy_(torch.from_numpy(w))
                learning.begin_frame()
            if acting:
                self.prepared = module.prepared()
        return FrameOutput(counts, late, np.array(steps, dtype=np.int64), np.array(cells, dtype=np.int64))

    def _weights(self, i: int) -> FloatArray:
        return np.array(self.module.weights[i].detach().cpu().numpy(), dtype=np.float64)

    def _voltage(self, population: str) -> Voltage:
        return lambda compartment: {"": self.motion.v[population]}[compartment][0].cpu().numpy().astype(np.float64)

    def _learn(self, step_in_frame: int, sent: Mapping[str, FloatArray], act: bool, modulator: float) -> None:
        """Phase 5 of every projection that has a rule."""
        changed = False
        for i, learning in self.learning.items():
            learning.decay(step_in_frame)
            j = learning.projection
            arrived = self.motion.flight[j.source][-self.module.delays[i]][0].cpu().numpy().astype(np.float64)
            w = self._weights(i) if act and learning.acts_within_frames else np.zeros(0)
            learning.learn(w, arrived, sent, act and learning.acts_within_frames, modulator, self._voltage(j.target))
            if len(w):
                self.module.weights[i].copy_(torch.from_numpy(w))
                changed = True
        if changed:
            self.prepared = self.module.prepared()
