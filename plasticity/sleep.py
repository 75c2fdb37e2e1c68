"""The sleep phase: every pattern goes round all sites, which makes them answer alike, in spikes and by a local rule.

In sleep the eye is shut and a learned route from a representation to the cells of a field is run by two sources, at every
site: ``sleep.wave`` makes representation cells (and, apart from them, their inhibitory partners) fire a short burst, and
``sleep.up`` holds cells in an up state, outside which they are hyperpolarised and silent. Two cells that everybody
hears, through relays at each site, tell how much was answered (``sleep.pool``) and how much was held up (``sleep.count``).

A pattern is one place of the field: one channel, one offset. Bursts lie on a lattice whose period is the side of the field,
so that each site hears exactly one of them, and the sites at that offset from a burst are up. Then the lattice moves by one
site, until it has been everywhere and each site has been up once, with the same pattern before it: that is one frame of
sleep. Sites at the border lack some places: they take part in the patterns that they have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from plasticity.lateral import LateralEqualising
from snn._model import Described, Positive
from snn.cells import IF, SpikeSource
from snn.description import Network, Population, Projection, Signal, Tap
from snn.engines.driver import Rasters, Simulation
from snn.errors import DescriptionError, sentence
from snn.seeding import stream
from snn.state import State, initial_state
from snn.synapses import Receptor
from snn.topology import LocalField, OneToOne, Topology
from snn.weights import Constant

__all__ = ["Route", "Sleep", "asleep", "patterns", "rasters", "routes", "sleep_through"]

BURST_ms, LEAD_ms = 10.0, 2.0
"""Length of a burst, at a spike a millisecond, and how long a cell has been up when it comes."""
HELD_TAU, QUIET_TAU = 1.7, 1.25
"""How long a cell stays up after a burst, and how long nothing is up before the next site, in synaptic time constants."""
FILLED = 0.8
"""Share of the spikes that an up state has room for at a weight of ``range_mV``."""
STRONG = 0.9
"""Spikes a step in an up state against which inhibition is told."""
BELOW = 2.0
"""How many spikes' worth inhibition can drive a cell below rest."""
SINK = 10.0
"""Spikes' worth a millisecond that holds a cell down where it is not up, more than bursts can bring it."""

Build = Callable[[Network, State], Simulation]


class Sleep(Described):
    """How a network sleeps.

    Parameters
    ----------
    nights : int
        How often; the times are spread evenly over all that is learned, and the last follows the last stretch.
    eta : float
        Share of the difference from the mean that a night removes.
    range_mV : float
        Largest weight that an answer can tell; the smaller, the finer are the differences that are told.
    mixed : bool
        A control: as many bursts and up states, but a site is up at another place of the field from site to site, so that
        the mean is no longer one of answers to the same.
    """

    nights: Annotated[int, Field(ge=1)] = 1
    eta: Annotated[float, Field(ge=0, le=1)] = 1.0
    range_mV: Positive = 1.0
    mixed: bool = False

    def after(self, total: int) -> frozenset[int]:
        """Numbers of the stretches after which the network sleeps.

        Parameters
        ----------
        total : int
            Number of stretches.

        Returns
        -------
        frozenset of int
            Counted from 1; fewer than ``nights`` where there are fewer stretches.
        """
        return frozenset(round(total * (i + 1) / self.nights) for i in range(self.nights)) - {0}


class Route(NamedTuple):
    """A learned route that sleep equalises: from excitatory cells and their partners to the same field.

    Attributes
    ----------
    excitatory, inhibitory : Projection
    """

    excitatory: Projection
    inhibitory: Projection

    @property
    def size(self) -> int:
        """Side of the field."""
        assert isinstance(self.excitatory.topology, LocalField)
        return self.excitatory.topology.size


def routes(network: Network) -> tuple[Route, ...]:
    """Find the routes that sleep can equalise: learned, local, between grids of the same size, in both signs.

    Parameters
    ----------
    network : Network

    Returns
    -------
    tuple of Route
        Routes between levels are not among them.

    Raises
    ------
    DescriptionError
        If there is none, if frames are not square, or if cells send graded values.
    """
    found = []
    for e in network.projections:
        for i in network.projections:
            if e.rule and i.rule and i.source == f"{e.source}_inh" and (i.target, i.topology) == (e.target, e.topology):
                pre, post = network.ends(e)
                if isinstance(e.topology, LocalField) and pre[:2] == post[:2] and pre.copies == post.copies == 1:
                    found.append(Route(e, i))
    if not found:
        cure = "sleep is for circuits with an excitatory and an inhibitory learned LocalField between grids of one size"
        raise DescriptionError(sentence("sleep", "there is no learned route that it could equalise", cure=cure))
    for route in found:
        target = network.population(route.excitatory.target)
        if target.shape[0] != target.shape[1]:
            cure = "cut the frames, or leave sleep out"
            raise DescriptionError(sentence("sleep", "needs square frames", got=target.shape[:2], cure=cure))
        if target.graded:
            raise DescriptionError(sentence("sleep", "is for spiking cells", got=target.cell.kind, cure="use --cells spiking"))
    return tuple(found)


class _Times(NamedTuple):
    """What happens when, in steps, and what a cell answers."""

    delay: tuple[int, int]
    burst: NDArray[np.int64]
    held: int
    slot: int
    frame: int
    threshold_mV: float
    grain_mV: float

    @classmethod
    def of(cls, network: Network, route: Route, sleep: Sleep, dt_ms: float) -> _Times:
        receptors = network.population(route.excitatory.target).receptors
        tau_ms = next(float(r.tau_ms or network.frame_ms) for r in receptors if r.name == route.excitatory.receptor)
        delays_ms = [j.delay_ms for j in route]
        lead_ms = LEAD_ms + max(delays_ms) - min(delays_ms)
        held_ms = lead_ms + BURST_ms + HELD_TAU * tau_ms
        held, slot = round(held_ms / dt_ms), round((held_ms + QUIET_TAU * tau_ms) / dt_ms)
        at_ms = lead_ms + np.arange(0.0, BURST_ms, max(1.0, dt_ms))
        # Charge, in mV ms, that each mV of weight brings into a cell while it is up.
        charge_ms = float(np.sum(tau_ms * (1.0 - np.exp((at_ms - held_ms) / tau_ms))))
        threshold = sleep.range_mV * charge_ms / (FILLED * held_ms)
        delay = round(delays_ms[0] / dt_ms), round(delays_ms[1] / dt_ms)
        frame = max(delay) + route.size**2 * slot
        return cls(delay, np.round(at_ms / dt_ms).astype(np.int64), held, slot, frame, threshold, threshold * len(at_ms) / charge_ms)


def asleep(network: Network, route: Route, sleep: Sleep, *, dt_ms: float) -> Network:
    """Describe what is left of a network in sleep, for one of its routes.

    Parameters
    ----------
    network : Network
    route : Route
        One that `routes` found.
    sleep : Sleep
    dt_ms : float
        Step.

    Returns
    -------
    Network
        Its two learned projections have the names, and so the weights, of the route.
    """
    e, i = route
    target, channels = network.population(e.target), network.population(e.source).shape[2]
    rows, cols, features = target.shape
    # As many sites as can be up at once, so that a pool is never asked for more than a spike a step.
    most = (-(-rows // route.size)) * (-(-cols // route.size))
    dendrites = dict.fromkeys(next(r for r in target.receptors if r.name == j.receptor) for j in route)
    times = _Times.of(network, route, sleep, dt_ms)
    theta = times.threshold_mV
    every = tuple((0, q) for q in range(features))
    pulse = Receptor(name="pulse", kinetics="pulse")
    one_mV = IF(tau_mem_ms=1.0, v_threshold_mV=1.0, reset_by_mV=1.0, v_floor_mV=0.0)
    # It makes up for what holds cells down, lifts from there to rest, and half a spike more makes counts round to the nearest.
    lift = SINK * theta * dt_ms + (BELOW + 0.5) * theta / times.held

    def source(part: str, n: int) -> Population:
        return Population(name=f"sleep.{part}", shape=(rows, cols, n), cell=SpikeSource())

    def relay(part: str, shape: tuple[int, int, int]) -> Population:
        return Population(name=f"sleep.{part}", shape=shape, cell=one_mV, receptors=(pulse,))

    def driven(name: str) -> Population:
        p = network.population(name)
        return Population(name=name, shape=p.shape, cell=p.cell, sign=p.sign, receptors=(pulse,))

    def join(source: str, target: str, topology: Topology, mV: float, receptor: str = "pulse", label: str = "") -> Projection:
        return Projection(
            source=source,
            target=target,
            receptor=receptor,
            topology=topology,
            weights=Constant(value_mV=mV),
            delay_ms=dt_ms,
            label=label,
        )

    cell = Population(
        name=target.name,
        shape=target.shape,
        sign=target.sign,
        cell=IF(tau_mem_ms=1.0, v_threshold_mV=theta, reset_by_mV=theta, v_floor_mV=-BELOW * theta),
        receptors=(
            *(r.model_copy(update={"gate": None, "shunt": None}) for r in dendrites),
            pulse,
        ),
        biased=True,
        bias_mV=-SINK * theta,
    )
    rule = LateralEqualising(eta=sleep.eta, grain_mV=times.grain_mV)
    signals = (
        Signal(name="up", taps=(Tap(population="sleep.up", pairs=every),)),
        Signal(name="all", taps=(Tap(population="sleep.mean"),)),
        Signal(name="sites", taps=(Tap(population="sleep.sites", pairs=every),)),
    )
    everywhere, pooled = LocalField(size=rows, depthwise=True), LocalField(size=1, depthwise=True)
    waves = [OneToOne(pairs=tuple((first + f, f) for f in range(channels))) for first in (0, channels)]
    return Network(
        name=f"{network.name}-asleep",
        frame_ms=times.frame * dt_ms,
        populations=(
            source("wave", 2 * channels),
            source("up", 2),
            driven(e.source),
            driven(i.source),
            cell,
            relay("pool", (1, 1, features)),
            relay("count", (1, 1, 1)),
            relay("mean", target.shape),
            relay("sites", (rows, cols, 1)),
        ),
        projections=(
            join("sleep.wave", e.source, waves[0], 1.0),
            join("sleep.wave", i.source, waves[1], 1.0),
            *(j.model_copy(update={"rule": rule, "signals": signals}) for j in route),
            join("sleep.up", e.target, OneToOne(pairs=every), lift),
            join("sleep.up", e.target, OneToOne(pairs=tuple((1, q) for q in range(features))), STRONG * theta, label="strong"),
            join(e.target, "sleep.pool", pooled, 1.0 / most),
            join("sleep.up", "sleep.count", LocalField(size=1, pre_features=(0, 1), depthwise=True), 1.0 / most),
            join("sleep.pool", "sleep.mean", everywhere, 1.0),
            join("sleep.count", "sleep.sites", everywhere, 1.0),
        ),
    )


def patterns(network: Network, route: Route) -> list[tuple[int, int, int]]:
    """List what a night shows: every place of the field, to excitatory synapses and to inhibitory ones.

    Parameters
    ----------
    network : Network
    route : Route

    Returns
    -------
    list of (int, int, int)
        Channel of the wave (those of the inhibitory partners come last), and row and column in the square of the target
        grid that a cell of the representation reaches.
    """
    channels = network.population(route.excitatory.source).shape[2]
    return [(f, a, b) for f in range(2 * channels) for a in range(route.size) for b in range(route.size)]


def rasters(network: Network, route: Route, pattern: tuple[int, int, int], sleep: Sleep, *, dt_ms: float) -> Rasters:
    """Give the spikes of the sources in the frame of sleep in which a pattern goes round.

    Parameters
    ----------
    network : Network
        Awake.
    route : Route
    pattern : (int, int, int)
        One that `patterns` lists.
    sleep : Sleep
    dt_ms : float
        Step.

    Returns
    -------
    mapping of str to ndarray of bool, shape (steps of a frame, n)
    """
    channel, a, b = pattern
    rows, cols, channels = network.population(route.excitatory.source).shape
    times, size = _Times.of(network, route, sleep, dt_ms), route.size
    wave = np.zeros((times.frame, rows, cols, 2 * channels), dtype=np.bool_)
    up = np.zeros((times.frame, rows, cols, 2), dtype=np.bool_)
    inhibitory = channel >= channels
    for slot, (r0, c0) in enumerate(np.ndindex(size, size)):
        if sleep.mixed:
            a, b = divmod((pattern[1] * size + pattern[2] + slot) % size**2, size)
        begin = max(times.delay) + slot * times.slot
        for r in range(r0, rows, size):
            for c in range(c0, cols, size):
                site = r + a - size // 2, c + b - size // 2
                if 0 <= site[0] < rows and 0 <= site[1] < cols:
                    wave[begin + times.burst - times.delay[inhibitory], r, c, channel] = True
                    up[begin : begin + times.held, site[0], site[1], : 1 + inhibitory] = True
    return {"sleep.wave": wave.reshape(times.frame, -1), "sleep.up": up.reshape(times.frame, -1)}


def sleep_through(simulation: Simulation, sleep: Sleep, build: Build, *, night: int = 0, seed: int = 0) -> None:
    """Let a network sleep once; the weights of its routes change in place, nothing else does.

    Parameters
    ----------
    simulation : Simulation
        The network awake.
    sleep : Sleep
    build : callable
        Builds a network in a given state, on the engine of choice.
    night : int
        Which night it is; patterns come in another order each night.
    seed : int
        Seed of that order.

    Raises
    ------
    DescriptionError
        If there is nothing to equalise; see `routes`.
    """
    network, awake = simulation.network, simulation.state()
    arrays = dict(awake.arrays)
    for route in routes(network):
        dreaming = asleep(network, route, sleep, dt_ms=awake.dt_ms)
        born = initial_state(dreaming, dt_ms=awake.dt_ms, seed=awake.seed)
        kept = {f"weights/{j.name}": arrays[f"weights/{j.name}"] for j in route}
        inner = build(dreaming, State({**born.arrays, **kept}, 0, awake.seed, awake.dt_ms, dreaming.digest))
        shown = patterns(network, route)
        for number in stream(seed, "sleep", night).permutation(len(shown)):
            inner.run(n_frames=1, rasters=rasters(network, route, shown[number], sleep, dt_ms=awake.dt_ms), learn=True)
        learned = inner.state()
        arrays |= {key: learned.arrays[key] for key in kept}
    simulation.backend.load(arrays, awake.step)
