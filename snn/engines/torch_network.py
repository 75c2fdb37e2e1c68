"""A network as a torch module: batched over clips, differentiable in weights, thresholds and time constants.

The steps are those of ``conventions.md``. A spike has no slope; backwards it gets that of a surrogate from snnTorch, in
units of the cell's threshold. Weights are magnitudes: `TorchNetwork.project_` puts them back to 0 and above, so that
Dale's law holds by construction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from snn.cells import RateUnit
from snn.description import Network, Population, Projection
from snn.engines.layout import Layout, REST_BELOW_mV, has_membrane
from snn.engines.plain_release import release_law
from snn.engines.torch_delivery import PooledRoute, Route
from snn.engines.torch_law import Law, law_of
from snn.engines.torch_motion import FrameSums, Motion
from snn.engines.torch_release import all_left, use
from snn.errors import EngineError, StateError, nearest, sentence
from snn.pools import current_of_cell
from snn.state import NEVER, Array, State
from snn.synapses import Receptor

SLOPE = 0.3


class TorchNetwork(nn.Module):
    """A network whose parameters have gradients.

    Parameters
    ----------
    layout : Layout
    state : State
        Gives weights and thresholds.
    dtype : dtype
        Of torch; float64 gives the spikes of the reference engine.
    device : str
        Where it runs.
    slope : float
        Steepness of the surrogate (fast sigmoid) in units of the threshold.

    References
    ----------
    Surrogate gradients: Neftci, Mostafa & Zenke (2019), https://doi.org/10.1109/MSP.2019.2931595; the fast sigmoid:
    Zenke & Ganguli (2018), https://doi.org/10.1162/neco_a_01086; snnTorch: Eshraghian et al. (2023),
    https://doi.org/10.1109/JPROC.2023.3308088.
    """

    def __init__(
        self, layout: Layout, state: State, *, dtype: torch.dtype = torch.float32, device: str = "cpu", slope: float = SLOPE
    ) -> None:
        super().__init__()
        from snntorch.surrogate import fast_sigmoid

        self.layout, self.network = layout, layout.network
        self.dtype, self.device = dtype, torch.device(device)
        self._slope_of = fast_sigmoid(slope)
        self.populations = {p.name: p for p in self.network.populations}
        self.members = [p for p in self.network.populations if has_membrane(p)]
        self.routes = [self._route(j) for j in self.network.projections]
        self.current_of = {
            p.name: torch.from_numpy(current_of_cell(p.units.n, p.copies, p.pools)).to(self.device)
            for p in self.network.populations
            if p.pools is not None
        }
        self.factors = [
            torch.tensor(np.asarray(state.arrays[f"factor/{j.name}"]), dtype=dtype, device=self.device) if j.spread else None
            for j in self.network.projections
        ]
        self.releases = {j.name: release_law(j.short_term, layout.dt_ms) for j in self.network.projections if j.short_term}
        self.delays = [layout.delay_steps(j) for j in self.network.projections]
        self.depth = {p.name: state.arrays[f"flight/{p.name}"].shape[0] for p in self.network.populations}

        def fixed(array: Any) -> nn.Parameter:
            return nn.Parameter(torch.tensor(np.asarray(array), dtype=dtype, device=self.device), requires_grad=False)

        self.weights = nn.ParameterList(fixed(state.weights(j.name)) for j in self.network.projections)
        self.thresholds = nn.ParameterList(fixed(state.arrays[f"threshold/{p.name}"]) for p in self.members)
        self.tau_mem_ms = nn.ParameterList(fixed(p.cell.tau_mem_ms) for p in self.members)  # type: ignore[union-attr]

    def _route(self, j: Projection) -> Route | PooledRoute:
        source, target = self.populations[j.source], self.populations[j.target]
        route = Route(j.topology, *self.network.ends(j), self.device)
        return route if target.pools is None else PooledRoute(route, source.copies, target.pools)

    def learn(
        self,
        weights: Collection[str] | None = None,
        thresholds: Collection[str] = (),
        time_constants: Collection[str] = (),
    ) -> None:
        """Choose what has gradients.

        Parameters
        ----------
        weights : collection of str, optional
            Names of projections; when left out, those that have a rule.
        thresholds, time_constants : collection of str
            Names of populations.

        Raises
        ------
        StateError
            If there is no projection or population of a name.
        """
        names = [j.name for j in self.network.projections]
        chosen = [j.name for j in self.network.projections if j.rule is not None] if weights is None else list(weights)
        members = [p.name for p in self.members]
        for group, known, parameters in (
            (chosen, names, self.weights),
            (list(thresholds), members, self.thresholds),
            (list(time_constants), members, self.tau_mem_ms),
        ):
            for name in group:
                if name not in known:
                    raise StateError(sentence("torch.learn", f"there is nothing called {name!r} to learn", cure=nearest(name, known)))
            for name, parameter in zip(known, parameters, strict=True):
                parameter.requires_grad_(name in group)

    def project_(self) -> None:
        """Put weights into ``[0, w_max]``, unless their source is mixed, and thresholds and time constants above 0."""
        with torch.no_grad():
            for j, w in zip(self.network.projections, self.weights, strict=True):
                if w.requires_grad and self.populations[j.source].sign != "mixed":
                    w.clamp_(0.0, j.w_max_mV)
            for p, threshold, tau in zip(self.members, self.thresholds, self.tau_mem_ms, strict=True):
                if threshold.requires_grad and not p.graded:
                    threshold.clamp_(min=1e-3 * p.cell.v_threshold_mV)  # type: ignore[union-attr]
                if tau.requires_grad:
                    tau.clamp_(min=self.layout.dt_ms / 10.0)

    def at_rest(self, batch: int) -> Motion:
        """Everything at rest, nothing in flight.

        Parameters
        ----------
        batch : int

        Returns
        -------
        Motion
        """

        def zeros(p: Population) -> Tensor:
            return torch.zeros(batch, p.n, dtype=self.dtype, device=self.device)

        everyone = self.network.populations
        return Motion(
            {p.name: zeros(p) for p in everyone},
            {p.name: zeros(p) for p in everyone},
            {p.name: torch.full((batch, p.n), NEVER, dtype=torch.int64, device=self.device) for p in everyone},
            {p.name: zeros(p) for p in everyone},
            {
                (p.name, r.name): torch.zeros(batch, p.n_currents, dtype=self.dtype, device=self.device)
                for p in everyone
                for r in p.receptors
            },
            {p.name: [zeros(p)] * self.depth[p.name] for p in everyone},
            left={
                j.name: all_left(batch, self.populations[j.source].n, self.dtype, self.device)
                for j in self.network.projections
                if j.name in self.releases
            },
        )

    def prepared(self) -> tuple[list[Tensor], list[Law | None]]:
        """Compute what rests while steps run: signed weights in the order of delivery, and propagators.

        Returns
        -------
        weights : list of Tensor
            Per projection, in the shape that its route wants.
        laws : list of Law or None
            Per population; None for a source of spikes.
        """
        signs = [-1.0 if self.populations[j.source].sign == "inhibitory" else 1.0 for j in self.network.projections]
        weights = [r.prepare(s * w) for r, s, w in zip(self.routes, signs, self.weights, strict=True)]
        member = {p.name: i for i, p in enumerate(self.members)}
        laws = [
            law_of(p, self.tau_mem_ms[member[p.name]], self.layout.dt_ms) if p.name in member else None for p in self.network.populations
        ]
        return weights, laws

    def frame(
        self,
        motion: Motion,
        currents: Mapping[str, Tensor],
        rasters: Mapping[str, Tensor],
        prepared: tuple[list[Tensor], list[Law | None]],
        *,
        keep_steps: bool = False,
    ) -> tuple[Motion, FrameSums]:
        """Run a frame.

        Parameters
        ----------
        motion : Motion
        currents : mapping of str to Tensor, shape (batch, n)
            Constant over the frame.
        rasters : mapping of str to Tensor, shape (batch, frame_steps, n)
            Spikes of sources.
        prepared : tuple
            From `prepared`.
        keep_steps : bool
            Whether to give what was sent step by step.

        Returns
        -------
        motion : Motion
        sums : FrameSums
        """
        counts: dict[str, Tensor] = {}
        late: dict[str, Tensor] = {}
        kept = []
        for s in range(self.layout.frame_steps):
            motion, sent = self.step(motion, currents, {name: r[:, s] for name, r in rasters.items()}, prepared)
            share = float(self.layout.late_weight[s])
            for name, x in sent.items():
                counts[name] = x if s == 0 else counts[name] + x
                late[name] = share * x if s == 0 else late[name] + share * x
            if keep_steps:
                kept.append(sent)
        return motion, FrameSums(counts, late, kept)

    def step(
        self,
        motion: Motion,
        currents: Mapping[str, Tensor],
        rasters: Mapping[str, Tensor],
        prepared: tuple[list[Tensor], list[Law | None]],
    ) -> tuple[Motion, dict[str, Tensor]]:
        """Run one step, phases 1 to 4.

        Parameters
        ----------
        motion : Motion
        currents : mapping of str to Tensor, shape (batch, n)
        rasters : mapping of str to Tensor, shape (batch, n)
            Spikes of sources in this step.
        prepared : tuple
            From `prepared`.

        Returns
        -------
        motion : Motion
        sent : dict of str to Tensor, shape (batch, n)
        """
        weights, laws = prepared
        new = Motion({}, {}, {}, {}, {}, {}, motion.step + 1)
        sent = {}
        thresholds = iter(self.thresholds)
        for p, law in zip(self.network.populations, laws, strict=True):
            name = p.name
            if law is None:
                new.v[name], new.a[name] = motion.v[name], motion.a[name]
                x = rasters[name].to(self.dtype) if name in rasters else torch.zeros_like(motion.v[name])
            else:
                x, new.v[name], new.a[name] = self._cells(p, law, next(thresholds), motion, currents.get(name), new.g)
            sent[name] = x
            new.last[name] = torch.where(x.detach() > 0, motion.step, motion.last[name])
            new.total[name] = motion.total[name] + x
            new.flight[name] = [*motion.flight[name][1:], x]
        for j, route, w, delay, factor in zip(self.network.projections, self.routes, weights, self.delays, self.factors, strict=True):
            key, arrived = (j.target, j.receptor), new.flight[j.source][-delay]
            if j.short_term is not None:
                arrived, new.left[j.name] = use(self.releases[j.name], arrived, motion.left[j.name], motion.step)
            if factor is not None:
                arrived = (arrived.view(len(arrived), len(factor), -1) * factor[:, None]).flatten(1)
            new.g[key] = new.g[key] + route.deliver(arrived, w)
        return new, sent

    def _cells(
        self, p: Population, law: Law, threshold: Tensor, motion: Motion, current: Tensor | None, g: dict[tuple[str, str], Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Phases 1 to 3 of one population: what it sends, V and adaptation; the receptors go into ``g``."""
        before, a = motion.v[p.name], motion.a[p.name]
        v = law.v * before
        if current is not None:
            v = v + law.drive * current
        if law.adaptation_step:
            v = v - law.adaptation * a
            a = a * law.adaptation_decay
        total = pulses = torch.zeros((), dtype=self.dtype, device=self.device)
        if law.rest is not None and current is not None:
            total = total + current
        for r, gain, decay in zip(p.receptors, law.receptor_gain, law.receptor_decay, strict=True):
            held_g = motion.g[p.name, r.name]
            own = held_g if p.pools is None else held_g.index_select(1, self.current_of[p.name])
            if r.kinetics != "gate":
                v = v + gain * (own * self._opening(p, r, motion) if r.gate or r.shunt else own)
            if law.rest is not None and r.kinetics == "pulse":
                pulses = pulses + own
            elif law.rest is not None:
                total = total + own
            g[p.name, r.name] = held_g * decay if decay != 1.0 else held_g
        if law.rest is not None:
            v = torch.where(total > REST_BELOW_mV, v, law.rest * (before + pulses))
        held = None
        if law.refractory_steps:
            held = motion.step - motion.last[p.name] < law.refractory_steps
            v = torch.where(held, before, v)
        if law.floor > -np.inf:
            v = v.clamp(min=law.floor)
        if isinstance(p.cell, RateUnit):
            x = law.gain * (v - threshold).clamp(min=0.0)
        else:
            fires = v >= threshold if held is None else (v >= threshold) & ~held
            x = fires.to(self.dtype)
            if v.requires_grad or threshold.requires_grad:
                soft = self._slope_of((v - threshold) / p.cell.v_threshold_mV)  # type: ignore[union-attr]
                slope = (soft - soft.detach()).to(self.dtype)
                x = x + (slope if held is None else slope.masked_fill(held, 0.0))
        v = v - law.reset_by * x if law.soft else torch.where(x.detach() > 0, law.v_reset, v)
        if law.adaptation_step:
            a = a + law.adaptation_step * x
        return x, v, a

    @staticmethod
    def _opening(p: Population, r: Receptor, motion: Motion) -> Tensor:
        """Factor on the current of a receptor, from its gate and its shunt."""
        one = torch.ones((), dtype=motion.v[p.name].dtype, device=motion.v[p.name].device)
        gate = motion.g[p.name, r.gate].clamp(min=0.0) if r.gate else one
        return (gate / (1.0 + (-motion.g[p.name, r.shunt]).clamp(min=0.0)) if r.shunt else gate).clamp(max=1.0)

    def encode(self, clips: NDArray[np.float64]) -> dict[str, Tensor]:
        """Turn clips into the currents of the populations that a retina drives.

        Parameters
        ----------
        clips : ndarray, shape (batch, n_frames, rows, cols)
            Luminance.

        Returns
        -------
        dict of str to Tensor, shape (batch, n_frames, n)

        Raises
        ------
        EngineError
            If a population is driven by random spikes: batches have no random streams.
        """
        encoder, found = self.network.encoder, {}
        for p in self.network.populations:
            if p.stochastic:
                cure = "use a graded channel in its place, leave it out, or run it as a simulation of this engine"
                raise EngineError(sentence(p.name, "spikes by chance, which a batch of clips cannot", got=p.drive or "rate_Hz", cure=cure))
            if p.drive and encoder is not None:
                values = np.stack([encoder.encode(clip, None, p.drive) for clip in clips])
                flat = np.repeat(values.reshape(*values.shape[:2], -1), p.copies, axis=2) * p.drive_gain
                found[p.name] = torch.from_numpy(flat).to(self.dtype).to(self.device)
        return found

    def described(self) -> Network:
        """Give the description with the membrane constants of now; weights and thresholds belong to the state."""
        network = self.network
        for p, tau in zip(self.members, self.tau_mem_ms, strict=True):
            if tau.requires_grad:
                network = network.override(f"{p.name}.cell.tau_mem_ms", float(tau.detach()))
        return network

    def dump(self) -> dict[str, Array]:
        """Copy out weights, their factors and thresholds under the keys of ``snn.state``."""
        arrays: dict[str, Array] = {}
        for j, w in zip(self.network.projections, self.weights, strict=True):
            arrays[f"weights/{j.name}"] = w.detach().cpu().numpy().astype(np.float64)
        for j, factor in zip(self.network.projections, self.factors, strict=True):
            if factor is not None:
                arrays[f"factor/{j.name}"] = factor.cpu().numpy().astype(np.float64)
        for p, threshold in zip(self.members, self.thresholds, strict=True):
            arrays[f"threshold/{p.name}"] = threshold.detach().cpu().numpy().astype(np.float64)
        return arrays
