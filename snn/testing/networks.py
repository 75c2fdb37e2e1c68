"""Small networks on which engines are compared: every cell, receptor, topology, sign and kind of rule in one of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from snn.cells import IF, LIF, AdaptiveLIF, RateUnit, SpikeSource
from snn.description import Network, Population, Signal, Tap
from snn.encoding import Retina
from snn.local import MODULATOR, SIGN, Rule, Trace, Update, W, post, post_sum, pre, signal
from snn.prednet import PredNetSpec, prednet, rate_network
from snn.seeding import stream
from snn.stimuli.movie import Movie
from snn.testing.compartments import compartments
from snn.testing.gates import gates, gates_of_rates
from snn.testing.rules import Everything, every_topology
from snn.testing.short_term import short_term
from snn.testing.shorthand import cells, even, join
from snn.testing.upswing import upswing
from snn.topology import Dense, LocalField, OneToOne, SharedKernel
from snn.weights import Normal

Rasters = dict[str, NDArray[np.bool_]]


class _Pair(Rule):
    """Additive pair rule; its short, strong steps reach both bounds."""

    kind: Literal["checker_pair"] = "checker_pair"

    def traces(self) -> tuple[Trace, ...]:
        return Trace("x", "pre", tau_ms=9.0), Trace("y", "post", tau_ms=14.0)

    def updates(self) -> tuple[Update, ...]:
        return Update("pre_spike", W - 0.3 * post("y")), Update("post_spike", W + 0.35 * pre("x"))


class _Delta(Rule):
    """Normalised delta rule at the end of a frame, with every kind of frame value."""

    kind: Literal["checker_delta"] = "checker_delta"

    def traces(self) -> tuple[Trace, ...]:
        return (
            Trace("x", "pre", tau_ms=20.0, frame="mean", late=True),
            Trace("y", "post", frame="sum"),
            Trace("excess", "signal", frame="sum", late=True),
            Trace("deficit", "signal", tau_ms=5.0, frame="mean"),
        )

    def updates(self) -> tuple[Update, ...]:
        error = signal("excess") - 50.0 * signal("deficit") - 0.01 * post("y")
        step = MODULATOR * SIGN * 0.05 * error * pre("x") / (0.5 + post_sum(pre("x") * pre("x")))
        return (Update("frame_end", 0.999 * W + step),)


@dataclass(frozen=True)
class Case:
    """A small network and what is shown to it.

    Attributes
    ----------
    name : str
    network : Network
    n_frames : int
        Frames of the whole run.
    dt_ms : float
        Step.
    movie : Movie or None
    rasters : dict of str to ndarray of bool, shape (n_steps, n)
        Spikes of its sources.
    """

    name: str
    network: Network
    n_frames: int
    dt_ms: float = 1.0
    movie: Movie | None = None
    rasters: Rasters = field(default_factory=dict)


def random_walk(n_frames: int, rows: int, cols: int, *, seed: int = 0, frame_ms: float = 50.0) -> Movie:
    """Draw a movie whose pixels wander.

    Parameters
    ----------
    n_frames, rows, cols : int
    seed : int
    frame_ms : float

    Returns
    -------
    Movie
        Frames of shape (n_frames, rows, cols).
    """
    steps = stream(seed, "testing", "walk").normal(scale=0.06, size=(n_frames, rows, cols))
    return Movie(np.clip(0.5 + np.cumsum(steps, axis=0), 0.0, 1.0), frame_ms)


def random_rasters(network: Network, n_frames: int, *, dt_ms: float = 1.0, share: float = 0.1, seed: int = 0) -> Rasters:
    """Draw spikes for the sources of a network; in every fortieth step or so all cells of a source fire at once.

    Parameters
    ----------
    network : Network
    n_frames : int
    dt_ms : float
    share : float
        Probability of a spike in a step.
    seed : int

    Returns
    -------
    dict of str to ndarray of bool, shape (n_steps, n)
    """
    steps, found = n_frames * round(network.frame_ms / dt_ms), {}
    for p in network.populations:
        if isinstance(p.cell, SpikeSource) and not p.stochastic:
            rng = stream(seed, "testing", "raster", p.name)
            found[p.name] = (rng.random((steps, p.n)) < share) | (rng.random((steps, 1)) < 0.025)
    return found


def _refractory() -> Network:
    cell = LIF(tau_mem_ms=10.0, v_threshold_mV=4.0, v_reset_mV=-1.5, t_ref_ms=3.0, threshold_jitter_mV=0.6, v_floor_mV=-2.0)
    exact = IF(tau_mem_ms=2.0, v_threshold_mV=3.0, t_ref_ms=2.0, threshold_jitter_mV=0.5, v_floor_mV=-1.0)
    delays = [join("in", "out", "fast", Dense(), even(0.0, 2.0), float(d), label=f"d{d}") for d in range(1, 8)]
    return Network(
        name="refractory",
        frame_ms=20.0,
        populations=(
            cells("in", (1, 3, 2), SpikeSource()),
            cells("off", (1, 3, 2), SpikeSource(), sign="inhibitory"),
            cells("out", (1, 3, 2), cell, "fast 4 push"),
            cells("sum", (1, 3, 2), exact, "fast 6 stay push"),
        ),
        projections=(
            *delays,
            join("in", "out", "push", OneToOne(), 4.2, 2.0),
            join("off", "out", "fast", Dense(), even(0.0, 3.0), 3.0),
            join("in", "sum", "push", Dense(), 0.9),
            join("out", "sum", "fast", OneToOne(), 2.0, 5.0),
            join("off", "sum", "stay", OneToOne(), 0.02, 25.0),
            join("sum", "out", "push", OneToOne(), 0.4, 7.0),
        ),
    )


def _adaptive() -> Network:
    decays = AdaptiveLIF(tau_mem_ms=6.0, v_threshold_mV=2.0, adaptation_mV=1.5, tau_adaptation_ms=30.0, threshold_jitter_mV=0.4)
    stays = AdaptiveLIF(tau_mem_ms=5.0, v_threshold_mV=0.5, reset_by_mV=1.0, adaptation_mV=1.0, threshold_jitter_mV=0.1)
    return Network(
        name="adaptive",
        frame_ms=20.0,
        populations=(
            cells("in", (2, 2, 2), SpikeSource()),
            cells("decays", (2, 2, 1), decays, "same 6 near 6.0000001 slow 30"),
            cells("change", (2, 2, 2), stays, "stay slow 12", sign="inhibitory"),
        ),
        projections=(
            *(join("in", "decays", name, Dense(), even(0.0, 1.5), d) for name, d in (("same", 0.5), ("near", 2.0), ("slow", 3.5))),
            join("in", "change", "stay", OneToOne(), even(0.05, 0.3), 1.5),
            join("in", "change", "slow", Dense(), 0.4),
            join("change", "decays", "slow", OneToOne(pairs=((0, 0), (1, 0))), 0.5),
            join("change", "change", "stay", OneToOne(pairs=((0, 1), (1, 0))), 1.0, 0.5),
        ),
    )


def _fields() -> Network:
    cell = LIF(tau_mem_ms=8.0, v_threshold_mV=1.5, reset_by_mV=1.5, threshold_jitter_mV=0.4, v_floor_mV=-3.0)
    part = LocalField(size=3, pre_features=(1, 3), post_features=(0, 2))
    kernel = SharedKernel(size=1, pre_features=(0, 2), post_features=(1, 3))
    return Network(
        name="fields",
        frame_ms=20.0,
        populations=(
            cells("in", (4, 6, 3), SpikeSource()),
            cells("off", (4, 6, 1), SpikeSource(), sign="inhibitory", copies=2),
            cells("same", (4, 6, 3), cell, "fast 5", copies=2),
            cells("coarse", (2, 3, 3), cell, "fast 5"),
            cells("fine", (8, 6, 2), cell, "fast 5 push"),
        ),
        projections=(
            join("in", "same", "fast", part, even(0.2, 1.0), 2.0),
            join("in", "same", "fast", LocalField(size=1), even(0.2, 0.9), label="site"),
            join("off", "same", "fast", LocalField(size=3), even(0.0, 0.3)),
            join("off", "same", "fast", OneToOne(pairs=((0, 2), (0, 0))), 0.4, 6.0, label="own"),
            join("same", "coarse", "fast", LocalField(size=1), even(0.0, 1.0), 3.0),
            join("in", "coarse", "fast", kernel, even(0.0, 0.8), label="kernel"),
            join("same", "coarse", "fast", SharedKernel(size=1), even(0.0, 0.3), 4.0, label="kernel"),
            join("coarse", "same", "fast", LocalField(size=2, post_features=(2, 3)), even(0.0, 1.0), 5.0),
            join("coarse", "same", "fast", SharedKernel(size=4), even(0.0, 0.05), label="kernel"),
            join("coarse", "coarse", "fast", Dense(), even(0.0, 0.1), 7.0),
            join("same", "fine", "push", Dense(), even(0.0, 0.02)),
        ),
    )


def _pairing() -> Network:
    cell = LIF(tau_mem_ms=12.0, v_threshold_mV=4.0, t_ref_ms=2.0, threshold_jitter_mV=0.5)
    learns: dict[str, Any] = {"rule": _Pair(), "w_max_mV": 3.0}
    return Network(
        name="pairing",
        frame_ms=45.0,
        populations=(
            cells("in", (3, 3, 2), SpikeSource()),
            cells("off", (3, 3, 1), SpikeSource(), sign="inhibitory"),
            cells("out", (3, 3, 2), cell, "fast 4 push"),
        ),
        projections=(
            join("in", "out", "fast", LocalField(size=3), even(0.0, 3.0), 2.0, **learns),
            join("in", "out", "push", OneToOne(), even(1.0, 3.0), **learns),
            join("off", "out", "fast", Dense(), even(0.0, 1.0), 4.0, **learns),
            join("out", "out", "fast", Dense(), even(0.0, 0.3), 3.0, rule=_Pair()),
        ),
    )


def _gated() -> Network:
    cell = LIF(tau_mem_ms=8.0, v_threshold_mV=1.5, reset_by_mV=1.5, threshold_jitter_mV=0.4)
    swap = ((0, 1), (1, 0))
    signals = (
        Signal(name="excess", taps=(Tap(population="teach"), Tap(population="out", pairs=swap))),
        Signal(name="deficit", taps=(Tap(population="off", pairs=swap),)),
    )
    learns: dict[str, Any] = {"rule": _Delta(), "signals": signals, "w_max_mV": 1.2}
    return Network(
        name="gated",
        frame_ms=25.0,
        populations=(
            *(cells(name, (3, 3, 2), SpikeSource(), sign="excitatory") for name in ("in", "teach")),
            cells("off", (3, 3, 2), SpikeSource(), sign="inhibitory"),
            cells("out", (3, 3, 2), cell, "fast 20"),
        ),
        projections=(
            join("in", "out", "fast", LocalField(size=3), even(0.0, 1.0), 2.0, **learns),
            join("off", "out", "fast", OneToOne(), even(0.0, 1.0), 7.0, **learns),
            join("in", "out", "fast", Dense(), even(0.0, 0.1), label="all", **learns),
        ),
    )


def _mixed() -> Network:
    cell = LIF(tau_mem_ms=8.0, v_threshold_mV=1.0, reset_by_mV=1.0, threshold_jitter_mV=0.3, v_floor_mV=-2.0)
    signed = Normal(mean_mV=0.1, scale_mV=0.8)
    return Network(
        name="mixed",
        frame_ms=20.0,
        populations=(cells("in", (3, 3, 2), SpikeSource(), sign="mixed"), cells("out", (3, 3, 2), cell, "fast 5", sign="mixed")),
        projections=(join("in", "out", "fast", Dense(), signed, 2.0), join("out", "out", "fast", LocalField(size=3), signed, 3.0)),
    )


def _pooled() -> Network:
    """Copies that share currents in one pool, in two, in as many as there are, and not at all; cells that return to rest."""
    resting = IF(tau_mem_ms=5.0, v_threshold_mV=1.0, reset_by_mV=1.0, threshold_jitter_mV=0.9, v_floor_mV=-1.0, tau_rest_ms=2.0)
    held = LIF(tau_mem_ms=8.0, v_threshold_mV=1.0, t_ref_ms=2.0, threshold_jitter_mV=0.4)
    adaptive = AdaptiveLIF(tau_mem_ms=6.0, v_threshold_mV=1.0, adaptation_mV=0.5, tau_adaptation_ms=20.0, threshold_jitter_mV=0.3)
    one = cells("one", (2, 2, 2), resting, "fast 5 slow 12 push", copies=4)
    two = cells("two", (2, 2, 3), held, "fast 5 push", "inhibitory", copies=4)
    each = cells("each", (2, 2, 1), adaptive, "fast 7", copies=2)
    pooled = [p.model_copy(update={"pools": n}) for p, n in ((one, 1), (two, 2), (each, 2))]
    kernel = SharedKernel(size=3, pre_features=(0, 2), post_features=(1, 3))
    return Network(
        name="pooled",
        frame_ms=20.0,
        populations=(
            cells("in", (4, 4, 2), SpikeSource(), copies=2),
            cells("off", (4, 4, 2), SpikeSource(), "", "inhibitory"),
            *pooled,
            cells("own", (4, 4, 2), resting, "fast 6 push", copies=3),
        ),
        projections=(
            join("in", "one", "fast", LocalField(size=1), even(0.1, 0.6), 2.0),
            join("off", "one", "slow", LocalField(size=1), even(0.2, 0.6)),
            join("in", "one", "push", Dense(), 0.05, 3.0),
            join("two", "one", "slow", OneToOne(pairs=((0, 1), (2, 0))), 0.3),
            join("one", "two", "fast", LocalField(size=1), even(0.2, 0.8), 2.0),
            join("one", "two", "push", OneToOne(pairs=((0, 0), (0, 2), (1, 1))), 0.2),
            join("in", "two", "fast", SharedKernel(size=1), even(0.1, 0.5), label="kernel", spread=0.4),
            join("two", "each", "fast", Dense(), even(0.0, 0.1)),
            join("in", "each", "fast", Dense(), even(0.1, 0.3), 4.0),
            join("one", "own", "fast", SharedKernel(size=4), even(0.0, 0.1), spread=0.3),
            join("off", "own", "fast", OneToOne(), 0.4),
            join("in", "own", "push", kernel.model_copy(update={"post_features": (1, 2)}), even(0.1, 0.4)),
        ),
    )


def _pooled_rates() -> Network:
    """Copies of rate units that share currents, one of them in a loop, and a current from the eye."""
    unit = RateUnit(tau_mem_ms=10.0, leaky=False, gain_Hz_per_mV=1000.0, reset_by_mV=1.0, v_floor_mV=0.0)
    eye = Population(name="eye", shape=(4, 4, 1), cell=unit, drive="luminance", drive_gain=0.5, copies=2)
    after = cells("after", (4, 4, 2), unit, "fast 20", "mixed", copies=2).model_copy(update={"pools": 2})
    return Network(
        name="pooled rate units",
        encoder=Retina(luminance_mV=1.0),
        populations=(eye, after),
        projections=(
            join("eye", "after", "fast", LocalField(size=3), even(0.0, 0.1)),
            join("after", "after", "fast", SharedKernel(size=3), Normal(scale_mV=0.05), 5.0),
        ),
    )


def feed_forward() -> Network:
    """A network without loops, for tolerances that only hold there: sources, cells, cells after cells."""
    first = LIF(tau_mem_ms=15.0, v_threshold_mV=3.0, t_ref_ms=2.0, threshold_jitter_mV=0.5)
    second = AdaptiveLIF(tau_mem_ms=10.0, v_threshold_mV=1.0, reset_by_mV=1.0, adaptation_mV=0.3, tau_adaptation_ms=50.0)
    return Network(
        name="feed forward",
        populations=(
            cells("in", (4, 4, 2), SpikeSource()),
            cells("first", (4, 4, 1), first, "fast 5"),
            cells("second", (4, 4, 1), second, "slow 15"),
        ),
        projections=(
            join("in", "first", "fast", LocalField(size=3), even(0.2, 1.2), 2.0),
            join("first", "second", "slow", LocalField(size=3), even(0.5, 2.0), 3.0),
        ),
    )


def cases() -> tuple[Case, ...]:
    """List the small networks on which engines are compared."""
    level = prednet(PredNetSpec(rows=8, cols=8, initial_forecast_mV=0.05), _Delta())
    two = prednet(PredNetSpec(rows=12, cols=10, levels=2, initial_forecast_mV=0.05), _Delta())
    branches = prednet(PredNetSpec(rows=6, cols=8, branches=3, initial_forecast_mV=0.3), _Delta())
    rates = rate_network(prednet(PredNetSpec(rows=6, cols=6, initial_forecast_mV=0.05), _Delta()))
    shown = [
        Case("prednet", level, 4, movie=random_walk(4, 8, 8)),
        Case("prednet, two levels", two, 3, movie=random_walk(3, 12, 10, seed=1)),
        Case("prednet, gated branches", branches, 4, movie=random_walk(4, 6, 8, seed=4)),
        Case("prednet of rate units", rates, 3, movie=random_walk(3, 6, 6, seed=2)),
    ]
    shown.append(Case("pooled rate units", _pooled_rates(), 3, movie=random_walk(3, 4, 4, seed=3)))
    makers = (
        (_refractory, 6, 1.0),
        (_adaptive, 6, 0.5),
        (upswing, 5, 0.5),
        (_fields, 4, 1.0),
        (_pairing, 9, 1.0),
        (_gated, 6, 1.0),
        (_mixed, 4, 1.0),
        (_pooled, 6, 1.0),
        (compartments, 6, 0.5),
        (gates, 6, 1.0),
        (gates_of_rates, 5, 1.0),
        (lambda: short_term(_Pair()), 9, 1.0),
    )
    for make, n_frames, dt_ms in makers:
        network = make()
        shown.append(Case(network.name, network, n_frames, dt_ms, rasters=random_rasters(network, n_frames, dt_ms=dt_ms)))
    for name, topologies in (("any rule", ("local", "dense", "one_to_one")), ("any rule on shared weights", ("shared",))):
        network = every_topology(Everything(), names=topologies).model_copy(update={"name": name})
        shown.append(Case(name, network, 3, rasters=random_rasters(network, 3, share=0.04)))
    return tuple(shown)


def forbidden() -> Network:
    """A network that no engine may accept: a local rule on pooled copies, whose weight each serves many pairs of cells."""
    cell = LIF(tau_mem_ms=8.0, v_threshold_mV=1.0)
    out = cells("out", (3, 3, 1), cell, "fast 5", copies=2).model_copy(update={"pools": 1})
    return Network(
        name="a rule on pooled copies",
        populations=(cells("in", (3, 3, 1), SpikeSource()), out),
        projections=(join("in", "out", "fast", LocalField(size=3), 0.1, rule=_Pair()),),
    )
