"""Homeostasis: sums of weights, thresholds as tonic inhibition, and what adaptation alone can and cannot do."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from plasticity import L1Norm, SynapticScaling, TargetRate
from plasticity.testing import forced
from snn.cells import LIF, AdaptiveLIF, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.seeding import stream
from snn.state import State
from snn.synapses import Receptor
from snn.topology import Dense
from snn.weights import Constant, Uniform

CELL = LIF(tau_mem_ms=10.0, v_threshold_mV=5.0, t_ref_ms=2.0)


@pytest.mark.parametrize("share", [0.2, 1.0])
def test_the_sum_is_drawn_to_its_total(share: float) -> None:
    """Oracle: the geometric approach, and ratios of weights that stay."""
    rule = L1Norm(total_mV=3.0, share=share)
    network = Network(
        frame_ms=10.0,
        populations=(
            Population(name="in", shape=(1, 1, 7), cell=SpikeSource()),
            Population(name="out", shape=(1, 1, 4), cell=CELL, receptors=(Receptor(name="r", tau_ms=2.0),)),
        ),
        projections=(
            Projection(
                source="in", target="out", receptor="r", topology=Dense(), weights=Uniform(low_mV=0.0, high_mV=1.0), delay_ms=1.0,
                rule=rule, w_max_mV=5.0,
            ),
        ),
    )  # fmt: skip
    simulation = engine("event").build(network, seed=1)
    born = simulation.state().weights("in->out/r")
    simulation.run(n_frames=4, learn=True)
    after = simulation.state().weights("in->out/r")
    total = 3.0 + (born.sum(axis=0) - 3.0) * (1.0 - share) ** 4
    np.testing.assert_allclose(after, born / born.sum(axis=0) * total, rtol=1e-9)


def test_a_cell_without_weights_keeps_none() -> None:
    """Oracle: 0 times anything finite; NaN would spread."""
    network = Network(
        frame_ms=10.0,
        populations=(
            Population(name="in", shape=(1, 1, 2), cell=SpikeSource()),
            Population(name="out", shape=(1, 1, 1), cell=CELL, receptors=(Receptor(name="r", tau_ms=2.0),)),
        ),
        projections=(
            Projection(
                source="in", target="out", receptor="r", topology=Dense(), weights=Constant(value_mV=0.0), delay_ms=1.0,
                rule=L1Norm(), w_max_mV=5.0,
            ),
        ),
    )  # fmt: skip
    simulation = engine("reference").build(network)
    simulation.run(n_frames=2, learn=True)
    assert simulation.state().weights("in->out/r").tolist() == [[0.0], [0.0]]


def driven(cell: LIF | AdaptiveLIF, rule: TargetRate | None, n: int) -> Network:
    """Cells with a constant current of their own, and a tonic inhibitory source whose weight is their threshold."""
    receptors = (Receptor(name="in", kinetics="pulse"), Receptor(name="tonic", tau_ms=20.0))
    plastic = {"rule": rule, "w_max_mV": 100.0} if rule else {}
    return Network(
        frame_ms=100.0,
        populations=(
            Population(name="noise", shape=(1, 1, n), cell=SpikeSource()),
            Population(name="tonic", shape=(1, 1, 1), cell=SpikeSource(), sign="inhibitory"),
            Population(name="out", shape=(1, 1, n), cell=cell, receptors=receptors, biased=True),
        ),
        projections=(
            Projection(source="noise", target="out", receptor="in", topology=Dense(), weights=Constant(value_mV=0.2), delay_ms=1.0),
            Projection(
                source="tonic", target="out", receptor="tonic", topology=Dense(), weights=Constant(value_mV=0.0), delay_ms=1.0, **plastic
            ),
        ),
    )


def rates_Hz(network: Network, drive_mV: np.ndarray, seconds: int, noise: float = 0.05) -> np.ndarray:
    """Rates over the second half of a run, in which cells learn."""
    born = engine("event").build(network).state()
    state = State({**born.arrays, "bias/out": drive_mV}, born.step, born.seed, born.dt_ms, born.digest)
    simulation = engine("event").build(network, state=state)
    rng, n = stream(0, "homeostasis"), len(drive_mV)
    for _ in range(2):
        rasters = {"noise": rng.random((seconds * 500, n)) < noise, "tonic": np.arange(seconds * 500)[:, None] % 5 == 0}
        recording = simulation.run(n_frames=seconds * 5, rasters=rasters, learn=True)
    return np.asarray(recording.counts["out"].mean(axis=0).ravel() * 10.0)


def test_cells_settle_at_their_target_rate() -> None:
    """Oracle: the rule's fixed point, for drives that differ threefold; without the rule the rates differ widely."""
    drive_mV = np.linspace(6.0, 18.0, 6)
    free = rates_Hz(driven(CELL, None, 6), drive_mV, 20)
    assert free.min() > 20.0 and free.max() > 1.5 * free.min()
    held = rates_Hz(driven(CELL, TargetRate(eta_mV=0.06, target_Hz=10.0), 6), drive_mV, 60)
    np.testing.assert_allclose(held, 10.0 / (1.0 + 0.5 / 100.0), rtol=0.01)


def test_adaptation_holds_a_rate_in_proportion_to_the_drive() -> None:
    """Oracle: LIF theory: the rate r at which the cell fires with a constant current I - adaptation tau_adaptation r.

    So an ``AdaptiveLIF`` with a long time constant has the adaptive threshold of Diehl & Cook, but no set rate: with their
    decay of hours it is one only as long as nothing decays.
    """
    adaptation_mV, tau_ms = 0.02, 10_000.0
    fields = {k: getattr(CELL, k) for k in ("tau_mem_ms", "v_threshold_mV", "t_ref_ms")}
    cell = AdaptiveLIF(**fields, adaptation_mV=adaptation_mV, tau_adaptation_ms=tau_ms)
    drive_mV = np.array([8.0, 12.0, 18.0])
    found = rates_Hz(driven(cell, None, 3), drive_mV, 160, noise=0.0)
    expected = []
    for drive in drive_mV:
        low, high = 0.0, 0.5
        for _ in range(60):
            r = 0.5 * (low + high)
            left = drive - adaptation_mV * tau_ms * r
            fires = left > 5.0 and 1.0 / (2.0 + 10.0 * math.log(left / (left - 5.0))) > r
            low, high = (r, high) if fires else (low, r)
        expected.append(1000.0 * low)
    np.testing.assert_allclose(found, expected, rtol=0.03)
    assert found[2] > 2.0 * found[0]


@pytest.mark.parametrize("engine_name", ["reference", "event"])
def test_all_weights_of_a_cell_are_scaled_alike(engine_name: str, frame_means: Callable[[np.ndarray, float, int], np.ndarray]) -> None:
    """Oracle: the product of the factors of the frames; ratios of weights stay, and a rule that would turn them over leaves 0."""
    post = stream(0, "scaling").random((400, 2)) < [0.02, 0.3]
    post[0] = False
    born = np.array([[0.5, 0.5], [1.5, 1.5]])
    rule = SynapticScaling(eta=0.02, target_Hz=80.0, tau_ms=60.0)
    found = forced(rule, np.zeros((400, 2), bool), post, born, frame_steps=40, engine_name=engine_name)
    factor = np.prod(1.0 + 0.02 * (80.0 * 0.06 - frame_means(post, 60.0, 40)), axis=0)
    np.testing.assert_allclose(found, born * factor, rtol=1e-9)
    assert factor[0] > 1.1 and factor[1] < 0.9
    steep = forced(SynapticScaling(eta=5.0), np.zeros((400, 2), bool), post, born, frame_steps=40)
    assert (steep[:, 1] == 0.0).all()


def test_a_cell_comes_to_its_rate() -> None:
    """Oracle: the rate that was asked for, of cells that begin above and below it; scaling is through their only input."""
    rule = SynapticScaling(eta=0.02, target_Hz=20.0, tau_ms=200.0)
    network = Network(
        frame_ms=50.0,
        populations=(
            Population(name="in", shape=(1, 1, 20), cell=SpikeSource(rate_Hz=30.0)),
            Population(name="out", shape=(1, 1, 4), cell=CELL, receptors=(Receptor(name="r", kinetics="pulse"),)),
        ),
        projections=(
            Projection(
                source="in", target="out", receptor="r", topology=Dense(), weights=Uniform(low_mV=0.3, high_mV=2.0), delay_ms=1.0,
                rule=rule, w_max_mV=20.0,
            ),
        ),
    )  # fmt: skip
    simulation = engine("event").build(network, seed=0)
    simulation.run(n_frames=1500, learn=True)
    rates = simulation.run(n_frames=400, learn=True).counts["out"].sum(axis=(0, 1, 2)) / 20.0
    np.testing.assert_allclose(rates, 20.0, rtol=0.08)
