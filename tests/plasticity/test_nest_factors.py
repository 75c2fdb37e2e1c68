"""Rules of three factors against NEST, skipped where it is absent: dopamine, and e-prop on potentials that NEST recorded.

Times are those of ``test_nest.py``: NEST's delay is all dendritic, so that at the synapse a spike of the target comes a delay later.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from plasticity import EProp, RewardModulatedSTDP
from plasticity.testing import taught
from snn.engines import engine
from snn.local import PostSum, Symbol, evaluate
from snn.seeding import stream

nest: Any = pytest.importorskip("nest", reason="NEST is not installed; pip install -e '.[nest]' brings it")

REWARDED = RewardModulatedSTDP(a_plus_mV=0.02, a_minus_mV=0.03, tau_plus_ms=17.0, tau_minus_ms=31.0, tau_c_ms=120.0)


@pytest.fixture(autouse=True)
def kernel() -> None:
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()


def nest_rewarded(
    rule: RewardModulatedSTDP, pre: list[int], post: list[int], dopamine: list[int], delay: int, tau_n_ms: float, baseline: float
) -> np.ndarray:
    """Weights that NEST's synapse has at each spike of its source (``pre``); the times of ``dopamine`` are those at which it comes."""
    nest.resolution = 1.0
    cells = [nest.Create("parrot_neuron"), nest.Create("parrot_neuron", params={"tau_minus": rule.tau_minus_ms}), nest.Create("parrot_neuron")]
    # Dopamine counts from when the transmitter hears of it, a delay after its cell's spike.
    for cell, times in zip(cells, (pre, post, [t - 1 for t in dopamine]), strict=True):
        source = nest.Create("spike_generator", params={"spike_times": [float(t - 1) for t in times]})
        nest.Connect(source, cell, syn_spec={"delay": 1.0})
    transmitter, kept = nest.Create("volume_transmitter"), nest.Create("weight_recorder")
    nest.Connect(cells[2], transmitter, syn_spec={"delay": 1.0})
    given = {
        "volume_transmitter": transmitter, "weight_recorder": kept, "A_plus": rule.a_plus_mV, "A_minus": rule.a_minus_mV,
        "tau_plus": rule.tau_plus_ms, "tau_c": rule.tau_c_ms, "tau_n": tau_n_ms, "b": baseline, "Wmin": 0.0, "Wmax": 10.0,
    }  # fmt: skip
    nest.CopyModel("stdp_dopamine_synapse", "rewarded", given)
    nest.Connect(*cells[:2], syn_spec={"synapse_model": "rewarded", "weight": 5.0, "delay": float(delay), "receptor_type": 1})
    nest.Simulate(max(pre) + 10.0)
    assert kept.events["times"].astype(int).tolist() == pre
    return np.asarray(kept.events["weights"])


def our_rewarded(
    rule: RewardModulatedSTDP, pre: list[int], post: list[int], delay: int, reward: np.ndarray, frame_steps: int
) -> np.ndarray:
    """Weights of ours before each step of ``pre``, with the reward (n_frames,) of each frame; a teacher fires the target."""
    network = taught(rule, 1, 1, frame_ms=float(frame_steps), step_ms=1.0)
    simulation = engine("reference").build(network.override("in->out/weak.weights.value_mV", 5.0), dt_ms=1.0)
    n = len(reward) * frame_steps
    rasters = {name: np.zeros((n, 1), bool) for name in ("in", "teacher")}
    rasters["in"][[t for t in pre if t < n]] = True
    # A teacher is heard a step later.
    rasters["teacher"][[t + delay - 1 for t in post if t + delay - 1 < n]] = True
    weights = np.full(n + 1, 5.0)
    for k, r in enumerate(reward):
        part = slice(k * frame_steps, (k + 1) * frame_steps)
        simulation.run(n_frames=1, rasters={name: raster[part] for name, raster in rasters.items()}, learn=True, modulator=float(r))
        weights[part.start + 1 : part.stop] = weights[part.start]
        weights[part.stop] = simulation.state().weights("in->out/weak").item()
    return weights[pre]


def pairs(seed: int, delay: int, n: int = 600, share: float = 0.04) -> tuple[list[int], list[int]]:
    """Times without a coincidence at the synapse, which NEST pairs otherwise (``test_nest.py``)."""
    rng = stream(seed, "nest reward")
    pre = [int(t) for t in np.flatnonzero(rng.random(n) < share) + 10]
    return [*pre, n + 20], [int(t) for t in np.flatnonzero(rng.random(n) < share) + 10 if t + delay not in pre]


@pytest.mark.parametrize("delay", [1, 4])
def test_rewards_that_come_at_once(delay: int) -> None:
    """Oracle: NEST's stdp_dopamine_synapse with dopamine that is gone in a microsecond: one number for each frame of 20 ms; 1e-12 of the change.

    A spike of dopamine changes the weight by ``c tau_c / (tau_c + tau_n)``.
    """
    tau_n = 1e-3
    for seed in range(3):
        pre, post = pairs(seed, delay)
        rng = stream(seed, "nest dopamine")
        reward = (rng.random(pre[-1] // 20 + 1) < 0.5).astype(float)
        # At the synapse the last of a frame's steps is 20 k + 19, and spikes of that step act before its reward.
        dopamine = [20 * k + 19 for k in np.flatnonzero(reward).tolist() if 20 * k + 19 < pre[-1]]
        nest.ResetKernel()
        theirs = nest_rewarded(REWARDED, pre, post, dopamine, delay, tau_n, 0.0)
        ours = our_rewarded(REWARDED, pre, post, delay, reward * REWARDED.tau_c_ms / (REWARDED.tau_c_ms + tau_n), 20)
        assert np.ptp(theirs) > 0.05
        assert np.abs(ours - theirs).max() < 1e-12 * np.ptp(theirs)


@pytest.mark.parametrize(("tau_n", "baseline"), [(200.0, 0.0), (30.0, 0.0), (30.0, 0.002)])
def test_dopamine_that_lasts(tau_n: float, baseline: float) -> None:
    """Oracle: the same with dopamine that lasts, and a level that is usual: frames of a step with the integral over it; 1e-12 of the change.

    Within a step eligibility and dopamine both decay, so that the reward of a frame of one step is known from dopamine alone.
    """
    for seed in range(3):
        pre, post = pairs(seed, 2)
        n = pre[-1]
        dopamine = np.flatnonzero(stream(seed, "nest dopamine").random(n - 5) < 0.05) + 5
        rate, tau_c = 1.0 / REWARDED.tau_c_ms + 1.0 / tau_n, REWARDED.tau_c_ms
        level, reward = 0.0, np.zeros(n)
        for t in range(n):
            level = level * math.exp(-1.0 / tau_n) + float(t in dopamine) / tau_n
            reward[t] = level * -math.expm1(-rate) / rate + baseline * tau_c * math.expm1(-1.0 / tau_c)
        nest.ResetKernel()
        theirs = nest_rewarded(REWARDED, pre, post, dopamine.tolist(), 2, tau_n, baseline)
        ours = our_rewarded(REWARDED, pre, post, 2, reward, 1)
        assert np.ptp(theirs) > 0.05
        assert np.abs(ours - theirs).max() < 1e-12 * np.ptp(theirs)
