"""Symmetric growth: forecast and feedback approach each other as a closed form says, in spikes, on every engine."""

from __future__ import annotations

import math

import numpy as np
import pytest

from plasticity import SymmetricFeedback, SymmetricForecast
from plasticity.feedback import alignment_deg
from snn.cells import LIF, SpikeSource
from snn.description import Network, Population, Projection, Signal, Tap
from snn.engines import engine
from snn.engines.driver import Simulation
from snn.errors import DescriptionError
from snn.seeding import stream
from snn.synapses import Receptor
from snn.topology import Dense, LocalField, Topology
from snn.weights import Uniform

FRAME_ms, DECAY = 20.0, 0.05
SHAPE = (3, 4, 2)


def circuit(
    *, there: Topology, back: Topology, forecast_ms: float = FRAME_ms + 1.0, late: bool = False, sign: str = "excitatory"
) -> Network:
    """A representation that is driven, a prediction of it, and error cells (sources here) at the prediction's sites."""
    halves = {"eta_mV": 0.05, "decay": DECAY, "tau_ms": 6.0, "late": late}
    learned = {"weights": Uniform(low_mV=0.0, high_mV=1.0), "w_max_mV": 100.0}
    cell = LIF(tau_mem_ms=8.0, v_threshold_mV=3.0, threshold_jitter_mV=0.5)
    receptors = (Receptor(name="fast", tau_ms=4.0), Receptor(name="slow", tau_ms=9.0))
    joined = (*SHAPE[:2], 1)
    return Network(
        frame_ms=FRAME_ms,
        populations=(
            Population(name="scene", shape=SHAPE, cell=SpikeSource()),
            Population(name="representation", shape=SHAPE, cell=cell, receptors=receptors, sign=sign),
            Population(name="prediction", shape=joined, cell=cell, receptors=receptors),
            Population(name="more", shape=joined, cell=SpikeSource()),
            Population(name="less", shape=joined, cell=SpikeSource()),
        ),
        projections=(
            Projection(
                source="scene", target="representation", receptor="fast", topology=Dense(), weights=Uniform(low_mV=0.0, high_mV=0.5),
                delay_ms=1.0,
            ),
            Projection(
                source="representation", target="prediction", receptor="slow", topology=there, delay_ms=forecast_ms,
                rule=SymmetricForecast(**halves), **learned,
                signals=(
                    Signal(name="excess", taps=(Tap(population="more"),)),
                    Signal(name="deficit", taps=(Tap(population="less"),)),
                ),
            ),
            Projection(
                source="more" if sign == "excitatory" else "less", target="representation", receptor="slow", topology=back, delay_ms=1.0,
                rule=SymmetricFeedback(**halves), **learned,
            ),
        ),
    )  # fmt: skip


def shown(simulation: Simulation, frames: int, seed: int, learn: bool = True) -> None:
    rng, steps = stream(seed, "feedback"), round(frames * FRAME_ms)
    shares = {"scene": 0.15, "more": 0.1, "less": 0.05}
    rasters = {name: rng.random((steps, simulation.network.population(name).n)) < share for name, share in shares.items()}
    simulation.run(n_frames=frames, rasters=rasters, learn=learn)


@pytest.mark.parametrize("name", ["reference", "event", pytest.param("brian", marks=pytest.mark.slow)])
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("sign", ["excitatory", "inhibitory"])
def test_the_two_halves_approach_each_other(name: str, late: bool, sign: str) -> None:
    """Oracle: the difference falls as (1 - decay)^frames to 1e-9, whatever the cells do; the angle falls with it."""
    network = circuit(there=Dense(), back=Dense(), late=late, sign=sign)
    (forward, backward) = (j.name for j in network.projections if j.rule)
    simulation = engine(name).build(network, seed=3)
    shown(simulation, 3, 0, learn=False)
    state = simulation.state()
    apart = state.weights(backward) - state.weights(forward).T
    angle = alignment_deg(network, state, forward, backward)
    assert np.abs(apart).max() > 0.5 and angle > 20.0
    for frames, done in ((5, 5), (20, 25), (75, 100)):
        shown(simulation, frames, done)
        state = simulation.state()
        w, b = state.weights(forward), state.weights(backward)
        np.testing.assert_allclose(b - w.T, apart * (1.0 - DECAY) ** done, rtol=0, atol=1e-9)
        assert alignment_deg(network, state, forward, backward) < angle
        angle = alignment_deg(network, state, forward, backward)
    assert angle < 0.5 and w.min() > 0.2 and w.max() < 100.0


def test_a_step_less_leaves_them_apart_a_little() -> None:
    """Oracle: the closed form above, from which a forecast of just a frame departs by the spikes at the border of frames."""
    network = circuit(there=Dense(), back=Dense(), forecast_ms=FRAME_ms)
    (forward, backward) = (j.name for j in network.projections if j.rule)
    simulation = engine("event").build(network, seed=3)
    shown(simulation, 200, 0)
    assert 0.0 < alignment_deg(network, simulation.state(), forward, backward) < 5.0


def test_alignment_by_hand() -> None:
    """Oracle: the angle between two vectors of weights, gathered site by site in a loop; fields of two sizes share the smaller."""
    network = circuit(there=LocalField(size=3), back=LocalField(size=1))
    (forward, backward) = (j.name for j in network.projections if j.rule)
    state = engine("reference").build(network, seed=5).state()
    w, b = state.weights(forward), state.weights(backward)
    pairs = [(w[r, c, f, 1, 1, 0], b[r, c, 0, 0, 0, f]) for r in range(3) for c in range(4) for f in range(2)]
    u, v = np.array(pairs).T
    by_hand = math.degrees(math.acos(u @ v / math.sqrt((u @ u) * (v @ v))))
    assert alignment_deg(network, state, forward, backward) == pytest.approx(by_hand, abs=1e-9)


def test_projections_that_do_not_lead_there_and_back() -> None:
    network = circuit(there=Dense(), back=Dense())
    state = engine("reference").build(network).state()
    forward = next(j.name for j in network.projections if j.rule)
    with pytest.raises(DescriptionError, match="does not lead from as many cells"):
        alignment_deg(network, state, forward, "scene->representation/fast")
