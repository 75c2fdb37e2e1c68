"""What every engine needs to know of a network at one step size: integer delays, propagators, cell numbers.

Pure functions of the description; no engine's own arrays.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from snn._rules import symbols
from snn.cells import IF, LIF, AdaptiveLIF, AdEx, RateUnit, SpikeSource, TwoCompartment
from snn.description import Network, Population, Projection
from snn.engines.compartments import DendriteLaw, two_compartments
from snn.engines.upswing import UpswingLaw, upswing_law
from snn.errors import DescriptionError, sentence
from snn.local import Trace
from snn.synapses import Receptor
from snn.topology import OneToOne, edges

REST_BELOW_mV = 1e-9
"""Currents up to this count as none for a cell that returns to rest: sums that cancel may differ in their last digit."""


@dataclass(frozen=True)
class Propagators:
    """Numbers with which one step of a population is computed (``conventions.md``, phases 1 to 3).

    Attributes
    ----------
    v, drive, adaptation : float
        Factors on V, on constant currents and (subtracted) on the adaptation.
    adaptation_decay, adaptation_step : float
        Decay per step; amount per spike.
    receptor_gain, receptor_decay : tuple of float
        Per receptor; a pulse has gain ``v`` and decay 0.
    refractory_steps : int
    soft : bool
        Whether the reset subtracts ``reset_by`` rather than setting ``v_reset``.
    reset_by, v_reset, floor : float
        In mV; the floor is ``-inf`` where there is none.
    gain : float
        Spikes sent per step and mV by a rate unit; 0 for a spiking cell.
    rest : float or None
        Factor on V in a step that begins without a current above `REST_BELOW_mV`; None for cells that integrate it.
    dendrite : DendriteLaw or None
        The second compartment, of cells that have one; they are not held while they are refractory.
    upswing : UpswingLaw or None
        Of cells whose spike has one.
    """

    v: float
    drive: float
    adaptation: float
    adaptation_decay: float
    adaptation_step: float
    receptor_gain: tuple[float, ...]
    receptor_decay: tuple[float, ...]
    refractory_steps: int
    soft: bool
    reset_by: float
    v_reset: float
    floor: float
    gain: float
    rest: float | None = None
    dendrite: DendriteLaw | None = None
    upswing: UpswingLaw | None = None

    @property
    def v_spike(self) -> float:
        """What V is set to at a spike, where it is set: the peak where that is held, else the reset."""
        return self.upswing.peak if self.upswing and self.upswing.peak_steps else self.v_reset


def current_gain(tau_ms: float | None, tau_mem_ms: float, leaky: bool, dt_ms: float) -> float:
    """Effect on V, one step later, of a current that decays with ``tau_ms`` (or not at all).

    Parameters
    ----------
    tau_ms : float or None
        Decay of the current.
    tau_mem_ms : float
        Membrane constant.
    leaky : bool
        Whether the membrane leaks.
    dt_ms : float
        Step.

    Returns
    -------
    float
        Exact propagator.
    """
    if not leaky:
        return dt_ms / tau_mem_ms if tau_ms is None else tau_ms / tau_mem_ms * -math.expm1(-dt_ms / tau_ms)
    if tau_ms is None:
        return -math.expm1(-dt_ms / tau_mem_ms)
    x = 1.0 / tau_mem_ms - 1.0 / tau_ms
    series = dt_ms if abs(x) * dt_ms < 1e-12 else math.expm1(x * dt_ms) / x
    return math.exp(-dt_ms / tau_mem_ms) / tau_mem_ms * series


def propagators(population: Population, dt_ms: float) -> Propagators:
    """Compute the propagators of a population.

    Parameters
    ----------
    population : Population
        With a membrane.
    dt_ms : float
        Step.

    Returns
    -------
    Propagators
    """
    cell = population.cell
    assert isinstance(cell, IF | LIF | AdaptiveLIF | AdEx | TwoCompartment | RateUnit)
    leaky = cell.leaky if isinstance(cell, RateUnit) else not isinstance(cell, IF)
    tau = cell.tau_mem_ms
    v = math.exp(-dt_ms / tau) if leaky else 1.0
    adaptive = cell if isinstance(cell, AdaptiveLIF | AdEx | TwoCompartment | RateUnit) else None
    tau_a = adaptive.tau_adaptation_ms if adaptive else None
    rate = isinstance(cell, RateUnit)

    def gain(r: Receptor) -> float:
        if r.kinetics == "gate":
            return 0.0
        return v if r.kinetics == "pulse" else current_gain(r.tau_ms, tau, leaky, dt_ms)

    def decay(r: Receptor) -> float:
        return math.exp(-dt_ms / r.tau_ms) if r.tau_ms is not None else float(r.kinetics == "integrating")

    soma, dendrite = two_compartments(cell, population.receptors, dt_ms) if isinstance(cell, TwoCompartment) else (None, None)
    return Propagators(
        v=soma.v if soma else v,
        drive=soma.drive if soma else current_gain(None, tau, leaky, dt_ms),
        adaptation=soma.adaptation if soma else current_gain(tau_a, tau, leaky, dt_ms),
        adaptation_decay=math.exp(-dt_ms / tau_a) if tau_a else 1.0,
        adaptation_step=adaptive.adaptation_mV if adaptive else 0.0,
        receptor_gain=soma.receptor_gain if soma else tuple(gain(r) for r in population.receptors),
        receptor_decay=tuple(decay(r) for r in population.receptors),
        refractory_steps=0 if rate else round(cell.t_ref_ms / dt_ms),  # type: ignore[union-attr]
        soft=rate or cell.reset_by_mV is not None,
        reset_by=cell.reset_by_mV or 0.0,
        v_reset=0.0 if rate else cell.v_reset_mV,  # type: ignore[union-attr]
        floor=-math.inf if cell.v_floor_mV is None else cell.v_floor_mV,
        gain=cell.gain_Hz_per_mV * dt_ms / 1000.0 if rate else 0.0,  # type: ignore[union-attr]
        rest=math.exp(-dt_ms / cell.tau_rest_ms) if isinstance(cell, IF) and cell.tau_rest_ms else None,
        dendrite=dendrite,
        upswing=upswing_law(cell, current_gain(cell.tau_afterpotential_ms, tau, True, dt_ms), dt_ms) if isinstance(cell, AdEx) else None,
    )


@dataclass(frozen=True, eq=False)
class Layout:
    """A network at one step size.

    Attributes
    ----------
    network : Network
    dt_ms : float
        Step.
    """

    network: Network
    dt_ms: float

    def __post_init__(self) -> None:
        dt = self.dt_ms
        if not dt > 0:
            raise DescriptionError(sentence("dt_ms", "must be a positive time", got=dt, allowed="> 0"))
        for where, value in [
            ("network.frame_ms", self.network.frame_ms),
            *((f"{j.name}.delay_ms", j.delay_ms) for j in self.network.projections),
            *((f"{j.name}.rule: trace {t.name!r}.lag_ms", t.lag_ms) for j, t in self._traces() if t.lag_ms),
        ]:
            steps = value / dt
            if round(steps) < 1:
                raise DescriptionError(
                    sentence(
                        where,
                        f"is shorter than one step of {dt} ms",
                        got=value,
                        allowed=f">= {dt}",
                        cure="use a longer delay or a smaller dt_ms",
                    )
                )
            if abs(steps - round(steps)) > 1e-9 * steps:
                raise DescriptionError(
                    sentence(where, f"is not a whole number of steps of {dt} ms", got=value, cure="use a multiple of dt_ms")
                )
        for p in self.network.populations:
            if isinstance(p.cell, RateUnit) and propagators(p, dt).gain * propagators(p, dt).reset_by > 1 + 1e-9:
                raise DescriptionError(
                    sentence(
                        f"{p.name}.cell.gain_Hz_per_mV",
                        "sends more in a step than V holds",
                        got=p.cell.gain_Hz_per_mV,
                        cure=f"keep gain * reset_by * {dt} ms at or below 1",
                    )
                )
            if p.background_Hz is not None and p.background_Hz * dt >= 1000.0:
                where, problem = f"{p.name}.cell.rate_Hz", f"is a spike in every step of {dt} ms, which leaves nothing to chance"
                raise DescriptionError(sentence(where, problem, got=p.background_Hz, cure="use a smaller dt_ms or a lower rate"))

    @property
    def frame_steps(self) -> int:
        """Steps of a frame."""
        return round(self.network.frame_ms / self.dt_ms)

    @cached_property
    def offsets(self) -> dict[str, int]:
        """Number of each population's first cell when all cells are numbered in the order of the description."""
        starts = np.cumsum([0, *(p.n for p in self.network.populations)])
        return {p.name: int(s) for p, s in zip(self.network.populations, starts, strict=False)}

    def _traces(self) -> Iterator[tuple[Projection, Trace]]:
        yield from ((j, t) for j in self.network.projections if j.rule for t in j.rule.traces())

    def lag_steps(self, trace: Trace) -> int:
        """Steps by which a trace hears of the potential too late.

        Parameters
        ----------
        trace : Trace

        Returns
        -------
        int
        """
        return round(trace.lag_ms / self.dt_ms)

    def delay_steps(self, projection: Projection) -> int:
        """Delay of a projection in steps.

        Parameters
        ----------
        projection : Projection

        Returns
        -------
        int
        """
        return round(projection.delay_ms / self.dt_ms)

    def trace_decay(self, tau_ms: float) -> float:
        """Factor by which a trace decays in a step.

        Parameters
        ----------
        tau_ms : float

        Returns
        -------
        float
        """
        return math.exp(-self.dt_ms / tau_ms)

    def counted_steps(self, trace: Trace) -> tuple[int, float]:
        """First step of a frame that a trace takes in, and the factor that turns its sum into what the rule sees.

        Parameters
        ----------
        trace : Trace

        Returns
        -------
        (int, float)
        """
        first = self.frame_steps // 2 if trace.late else 0
        return first, 1.0 / (self.frame_steps - first) if trace.frame == "mean" else 1.0

    @cached_property
    def late_weight(self) -> NDArray[np.float64]:
        """What a spike in each step of a frame adds to what readouts are told; shape (frame_steps,).

        For spikes so far, the share of the second half of the frame that follows it; for rates, its part of the mean rate
        in Hz over the second half.
        """
        steps, half = self.frame_steps, self.frame_steps // 2
        if self.network.readouts and not self.network.readouts[0].cumulative:
            return raised_cosine(steps - half, np.arange(steps) - half) * (1000.0 / self.dt_ms)
        share: NDArray[np.float64] = (steps - np.maximum(np.arange(steps), half)) / (steps - half)
        return share

    @cached_property
    def out_degree(self) -> NDArray[np.float64]:
        """Synapses that a spike of each cell reaches; shape (n_neurons,)."""
        total = np.zeros(self.network.n_neurons)
        for j in self.network.projections:
            source = self.network.population(j.source)
            start = self.offsets[j.source]
            total[start : start + source.n] += self.network.out_degree(j)
        return total

    def signal_edges(self, projection: Projection, name: str) -> list[tuple[str, NDArray[np.int64], NDArray[np.int64]]]:
        """List who carries a signal to the cells of a projection's target.

        Parameters
        ----------
        projection : Projection
        name : str
            Name of the signal.

        Returns
        -------
        list of (str, ndarray, ndarray)
            Sending population, its cells and the target cells that they teach, both of shape (n_taps,).
        """
        found = []
        target = self.network.population(projection.target).grid
        for s in projection.signals:
            for tap in s.taps if s.name == name else ():
                e = edges(OneToOne(pairs=tap.pairs), self.network.population(tap.population).grid, target)
                found.append((tap.population, e.pre, e.post))
        return found


def raised_cosine(n: int, at: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights of a mean over ``n`` steps that begins and ends gently.

    Parameters
    ----------
    n : int
    at : ndarray of int
        Steps; those outside of 0 to n - 1 have the weight 0.

    Returns
    -------
    ndarray, shape as ``at``
        Their sum over all n steps is 1.
    """
    weight = np.where((at >= 0) & (at < n), np.sin(np.pi * (at + 0.5) / n) ** 2, 0.0)
    total = float((np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2).sum())
    return np.asarray(weight / total, dtype=np.float64)


def has_membrane(population: Population) -> bool:
    """Tell whether a population integrates anything.

    Parameters
    ----------
    population : Population

    Returns
    -------
    bool
    """
    return not isinstance(population.cell, SpikeSource)


def rule_problems(network: Network) -> list[str]:
    """List rules that no engine can run on this network.

    Parameters
    ----------
    network : Network

    Returns
    -------
    list of str
        One sentence each; empty when there is no problem.
    """
    found = []
    for j in network.projections:
        if j.rule is None:
            continue
        if network.population(j.target).pools is not None:
            found.append(f"{j.name}: a local rule on pooled copies; a weight that serves several synapses belongs to none of them")
        cell = network.population(j.target).cell
        for name in sorted({x.name for x in symbols(j.rule) if x.scope == "voltage"} - {"", *getattr(cell, "compartments", ())}):
            found.append(f"{j.name}: the rule reads the voltage of {name!r}, a compartment that a cell of kind {cell.kind!r} does not have")
        if any(x.scope == "voltage" and x.name for x in symbols(j.rule)) and not _hears_on_a_dendrite(network, j.target):
            found.append(
                f"{j.name}: the rule reads the potential of a dendrite on which nothing lands; add a projection onto a receptor there"
            )
        spiking_events = [u.when for u in j.rule.updates() if u.when.endswith("_spike")]
        if spiking_events and (network.population(j.source).graded or network.population(j.target).graded):
            found.append(f"{j.name}: the rule acts at {spiking_events[0]}, but a rate unit sends no single spikes")
    return found


def _hears_on_a_dendrite(network: Network, population: str) -> bool:
    p = network.population(population)
    there = {r.name for r in p.receptors if r.compartment != "soma"}
    coupled = isinstance(p.cell, TwoCompartment) and p.cell.back_coupling > 0
    return coupled or any(j.target == population and j.receptor in there for j in network.projections)
