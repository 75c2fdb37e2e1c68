"""Inhibitory plasticity: the target rate is kept, and inhibition comes to mirror excitation channel by channel."""

from __future__ import annotations

import math

import numpy as np
import pytest

from plasticity import VogelsRate, VogelsSTDP
from snn.cells import IF, LIF, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.engines.driver import Simulation
from snn.seeding import stream
from snn.state import State
from snn.synapses import Receptor
from snn.topology import Dense, OneToOne
from snn.weights import Constant

ENGINE = "event"


def cortex(rule: VogelsSTDP, n_exc: int, n_inh: int, n_out: int) -> Network:
    """Excitatory and inhibitory sources on cells whose inhibition learns."""
    receptors = (Receptor(name="ampa", tau_ms=5.0), Receptor(name="gaba", tau_ms=10.0))
    cell = LIF(tau_mem_ms=20.0, v_threshold_mV=10.0, t_ref_ms=5.0, threshold_jitter_mV=0.1)
    start = Constant(value_mV=0.2)
    return Network(
        frame_ms=1000.0,
        populations=(
            Population(name="exc", shape=(1, 1, n_exc), cell=SpikeSource()),
            Population(name="inh", shape=(1, 1, n_inh), cell=SpikeSource(), sign="inhibitory"),
            Population(name="out", shape=(1, 1, n_out), cell=cell, receptors=receptors),
        ),
        projections=(
            Projection(source="exc", target="out", receptor="ampa", topology=Dense(), weights=start, delay_ms=1.0),
            Projection(
                source="inh", target="out", receptor="gaba", topology=Dense(), weights=start, delay_ms=1.0, rule=rule, w_max_mV=100.0
            ),
        ),
    )  # fmt: skip


def begun(network: Network, exc_mV: np.ndarray) -> Simulation:
    """A simulation with excitatory weights (n_exc, n_out) of our own."""
    born = engine(ENGINE).build(network, seed=0).state()
    arrays = {**born.arrays, "weights/exc->out/ampa": exc_mV}
    return engine(ENGINE).build(network, state=State(arrays, born.step, born.seed, born.dt_ms, born.digest))


@pytest.mark.parametrize("gap", [-30, -5, 0, 5, 30])
def test_pairs(gap: int) -> None:
    """Oracle: the closed form of one pair: a symmetric exponential, less the constant loss of the arrival."""
    rule = VogelsSTDP(eta_mV=0.1, target_Hz=4.0)
    cell = IF(tau_mem_ms=1.0, v_threshold_mV=1e6, reset_by_mV=1e6)
    receptors = (Receptor(name="weak", tau_ms=1.0), Receptor(name="push", kinetics="pulse"))
    network = Network(
        frame_ms=200.0,
        populations=(
            Population(name="inh", shape=(1, 1, 1), cell=SpikeSource(), sign="inhibitory"),
            Population(name="teacher", shape=(1, 1, 1), cell=SpikeSource()),
            Population(name="out", shape=(1, 1, 1), cell=cell, receptors=receptors),
        ),
        projections=(
            Projection(
                source="inh", target="out", receptor="weak", topology=Dense(), weights=Constant(value_mV=1.0), delay_ms=1.0,
                rule=rule, w_max_mV=2.0,
            ),
            Projection(
                source="teacher", target="out", receptor="push", topology=OneToOne(), weights=Constant(value_mV=1.001e6), delay_ms=1.0
            ),
        ),
    )  # fmt: skip
    rasters = {name: np.zeros((200, 1), bool) for name in ("inh", "teacher")}
    rasters["inh"][100] = rasters["teacher"][100 + gap - 1] = True
    simulation = engine("reference").build(network)
    simulation.run(n_frames=1, rasters=rasters, learn=True)
    change = simulation.state().weights("inh->out/weak").item() - 1.0
    assert change == pytest.approx(0.1 * (math.exp(-abs(gap) / 20.0) - 2.0 * 4.0 * 0.02), abs=1e-9)


@pytest.mark.parametrize(
    "rule", [VogelsSTDP(eta_mV=1e-4, target_Hz=4.0, tau_ms=200.0), VogelsRate(eta_mV=2e-4, target_Hz=4.0, tau_ms=200.0)]
)
def test_both_forms_have_one_mean(rule: VogelsSTDP | VogelsRate) -> None:
    """Oracle: the mean change over unrelated trains, 2 tau eta rate_pre (rate_post - target), at the rates that were drawn."""
    n, seconds, rng = 100, 60, stream(2, "vogels")
    cell = IF(tau_mem_ms=1.0, v_threshold_mV=1e6, reset_by_mV=1e6)
    receptors = (Receptor(name="weak", tau_ms=1.0), Receptor(name="push", kinetics="pulse"))
    one, strong = Constant(value_mV=10.0), Constant(value_mV=1.001e6)
    network = Network(
        frame_ms=50.0,
        populations=(
            Population(name="inh", shape=(1, 1, n), cell=SpikeSource(), sign="inhibitory"),
            Population(name="teacher", shape=(1, 1, 1), cell=SpikeSource()),
            Population(name="out", shape=(1, 1, 1), cell=cell, receptors=receptors),
        ),
        projections=(
            Projection(source="inh", target="out", receptor="weak", topology=Dense(), weights=one, delay_ms=1.0, rule=rule, w_max_mV=99.0),
            Projection(source="teacher", target="out", receptor="push", topology=OneToOne(), weights=strong, delay_ms=1.0),
        ),
    )
    rasters = {"inh": rng.random((seconds * 1000, n)) < 0.01, "teacher": rng.random((seconds * 1000, 1)) < 0.012}
    simulation = engine(ENGINE).build(network)
    told = simulation.run(n_frames=seconds * 20, rasters=rasters, learn=True).counts["out"].sum()
    change = float((simulation.state().weights("inh->out/weak") - 10.0).mean())
    pre_Hz, post_Hz = float(rasters["inh"].mean()) * 1000.0, float(told) / seconds
    assert change == pytest.approx(2 * 0.2 * 1e-4 * pre_Hz * (post_Hz - 4.0) * seconds, rel=0.03)


def test_the_target_rate_is_kept() -> None:
    """Oracle: the rule's fixed point, whatever the excitation; without learning the same cells differ widely."""
    rule, n_out = VogelsSTDP(eta_mV=0.05, target_Hz=8.0), 6
    exc_mV = np.broadcast_to(np.linspace(1.3, 2.2, n_out), (100, n_out)).copy()
    rng, rates = stream(0, "vogels"), {}
    for learn in (False, True):
        simulation = begun(cortex(rule, 100, 100, n_out), exc_mV)
        for seconds in (20, 20):
            rasters = {name: rng.random((seconds * 1000, 100)) < 0.02 for name in ("exc", "inh")}
            rates[learn] = simulation.run(n_frames=seconds, rasters=rasters, learn=learn).counts["out"].mean(axis=0).ravel()
    assert rates[False].min() < 0.5 * rates[False].max()
    np.testing.assert_allclose(rates[True], 8.0, rtol=0.05)


@pytest.mark.slow
def test_inhibition_mirrors_excitation() -> None:
    """Oracle: the tuning of excitation, which inhibition, born alike in all channels, never sees; three cells tuned apart."""
    channels, per_exc, per_inh, seconds = 8, 10, 10, 60
    at = np.arange(channels)
    tuning_mV = np.stack([1.0 + 4.0 * np.exp(-0.5 * ((at - peak) / 1.5) ** 2) for peak in (1, 4, 6)], axis=-1)
    simulation = begun(
        cortex(VogelsSTDP(eta_mV=0.05, target_Hz=5.0), channels * per_exc, channels * per_inh, 3), np.repeat(tuning_mV, per_exc, axis=0)
    )
    rng, drive = stream(1, "vogels"), np.zeros(channels)
    for _ in range(seconds):
        share = np.empty((1000, channels))
        for n in range(1000):
            drive = drive * math.exp(-1 / 50.0) + rng.standard_normal(channels) * math.sqrt(1 - math.exp(-2 / 50.0))
            share[n] = 0.03 * np.maximum(drive, 0.0)
        given = {name: rng.random((1000, channels * n)) < np.repeat(share, n, axis=1) for name, n in (("exc", per_exc), ("inh", per_inh))}
        simulation.run(n_frames=1, rasters=given, learn=True)
    learned_mV = simulation.state().weights("inh->out/gaba").reshape(channels, per_inh, 3).mean(axis=1)
    r = [float(np.corrcoef(learned_mV[:, k], tuning_mV[:, k])[0, 1]) for k in range(3)]
    print("correlation of inhibition with excitation", r)
    assert min(r) >= 0.9, r
