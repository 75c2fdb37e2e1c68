"""Rules of three factors against NEST, skipped where it is absent: dopamine, and e-prop on potentials that NEST recorded.

Times are those of ``test_nest.py``: NEST's delay is all dendritic, so that at the synapse a spike of the target comes a delay later.
"""

from __future__ import annotations

import itertools
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
    cells = [
        nest.Create("parrot_neuron"),
        nest.Create("parrot_neuron", params={"tau_minus": rule.tau_minus_ms}),
        nest.Create("parrot_neuron"),
    ]
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
    """Oracle: NEST's stdp_dopamine_synapse with dopamine that is gone in a microsecond; 1e-12 of the change.

    Frames of 20 ms have one reward or none. A spike of dopamine changes the weight by ``c tau_c / (tau_c + tau_n)``.
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
    """Oracle: the same with dopamine that lasts, and a level that is usual; 1e-12 of the change.

    Within a step eligibility and dopamine both decay, so that the reward of a frame of one step
    is an integral over dopamine alone.
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


# ---- e-prop


INTERVAL, INTERVALS, READ_AFTER = 200, 3, 3
"""Steps between two of NEST's updates, how many, and how many steps after a potential NEST records the error that it led to."""
PROP = EProp(eta_mV=1e-3, threshold_mV=0.6, width_mV=1.0, tau_mem_ms=20.0, tau_out_ms=30.0)


def nest_eprop(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Potential and learning signal at each step of 1 ms, steps at which a faint synapse's spikes arrive, and its weights after updates.

    A cell reads strong synapses that do not learn; a readout tells it how far it is from a target that changes every 20 ms.
    """
    n, rng = INTERVAL * INTERVALS, stream(seed, "nest eprop")
    nest.resolution = 1.0
    nest.set(eprop_reset_neurons_on_update=False, eprop_update_interval=float(INTERVAL), eprop_learning_window=float(INTERVAL))
    same: dict[str, Any] = {"C_m": 1.0, "E_L": 0.0, "V_m": 0.0}
    reader = nest.Create("eprop_readout_bsshslm_2020", params={**same, "tau_m": PROP.tau_out_ms})
    cell = nest.Create(
        "eprop_iaf_bsshslm_2020",
        params={
            **same, "V_th": PROP.threshold_mV, "tau_m": PROP.tau_mem_ms, "t_ref": 1.0, "surrogate_gradient_height": PROP.gamma,
            "surrogate_gradient_width": PROP.width_mV,
        },
    )  # fmt: skip
    kept = nest.Create("weight_recorder")
    optimizer = {"type": "gradient_descent", "batch_size": 1, "Wmin": -100.0, "Wmax": 100.0, "optimize_each_step": False}
    for name, eta, more in (("watched", PROP.eta_mV, {"weight_recorder": kept}), ("held", 0.0, {})):
        nest.CopyModel("eprop_synapse_bsshslm_2020", name, {"optimizer": {**optimizer, "eta": eta}, "average_gradient": False, **more})
    pre, strong = (np.flatnonzero(rng.random(n) < share) + 5 for share in (0.05, 0.1))
    one = {"delay": 1.0, "tau_m_readout": PROP.tau_out_ms}
    for times, model, weight in ((pre, "watched", 1e-3), (strong, "held", 0.35)):
        source, parrot = nest.Create("spike_generator", params={"spike_times": (times - 1.0).tolist()}), nest.Create("parrot_neuron")
        nest.Connect(source, parrot, syn_spec={"delay": 1.0})
        nest.Connect(parrot, cell, syn_spec={"synapse_model": model, "weight": weight, **one})
    nest.Connect(cell, reader, syn_spec={"synapse_model": "held", "weight": 0.5, **one})
    nest.Connect(reader, cell, syn_spec={"synapse_model": "eprop_learning_signal_connection_bsshslm_2020", "weight": 1.0, "delay": 1.0})
    changes = np.arange(1.0, n, 20.0)
    target = nest.Create("step_rate_generator", params={"amplitude_times": changes, "amplitude_values": rng.normal(size=len(changes))})
    nest.Connect(target, reader, syn_spec={"synapse_model": "rate_connection_delayed", "delay": 1.0, "receptor_type": 2})
    meter = nest.Create("multimeter", params={"record_from": ["V_m", "learning_signal"], "interval": 1.0})
    nest.Connect(meter, cell)
    nest.Simulate(n + 20.0)
    at = np.asarray(meter.events["times"], dtype=int)
    assert at.tolist() == list(range(1, n + 20))
    potential, told = (np.concatenate([[0.0], meter.events[name]]) for name in ("V_m", "learning_signal"))
    weights = np.asarray(kept.events["weights"])
    changed = np.flatnonzero(np.diff(weights))
    return potential, told, pre + 1, weights[[*changed, len(weights) - 1]]


def played(rule: EProp, potential: np.ndarray, told: np.ndarray, arrivals: np.ndarray, first: int, last: int) -> float:
    """Change of the weight from step ``first`` to the one before ``last``, by the rule's own terms on what is given."""
    (update,), decays = rule.updates(), {t.name: math.exp(-1.0 / t.tau_ms) for t in (*rule.traces(), *rule.states()) if t.tau_ms}
    values = {**dict.fromkeys(decays, 0.0), "w": 0.0, "sign": 1.0, "modulator": 1.0, "step": 1.0}
    # What arrived in the step before moves the first potential.
    values["z"] = float(first in arrivals)

    def value_of(x: Symbol | PostSum) -> float:
        assert isinstance(x, Symbol)
        return values[x.name or x.scope]

    assert update.weight is not None
    for n in range(first, last):
        for name, decay in decays.items():
            values[name] *= decay
        heard = float(n + 1 in arrivals)
        values |= {"z": values["z"] + heard, "now": heard, "voltage": potential[n]}
        # NEST goes down its gradient: what is above the target is too much.
        values |= {"excess": max(-told[n + READ_AFTER], 0.0), "deficit": max(told[n + READ_AFTER], 0.0)}
        new = {name: float(evaluate(term, value_of)) for name, term in update.own.items()}
        values["w"] = float(evaluate(update.weight, value_of))
        values.update(new)
    return values["w"]


def test_the_gradient_of_eprop() -> None:
    """Oracle: NEST's eprop_synapse_bsshslm_2020, from the potential and the learning signal that NEST recorded; 1e-12 of the change.

    Ours hears an arrival a step before it moves the potential, so that its trace is one step of decay smaller; and NEST begins
    each interval without traces, where ours go on.
    """
    rule = PROP.model_copy(update={"eta_mV": PROP.eta_mV * math.exp(1.0 / PROP.tau_mem_ms)})
    for seed in range(3):
        nest.ResetKernel()
        potential, told, arrivals, weights = nest_eprop(seed)
        assert len(weights) == INTERVALS and potential.max() > PROP.threshold_mV
        # Potentials of an interval are those from three steps on.
        begins = [INTERVAL * k + READ_AFTER for k in range(INTERVALS)]
        theirs = np.diff(weights)
        ours = np.array([played(rule, potential, told, arrivals, a, b) for a, b in itertools.pairwise(begins)])
        assert np.abs(ours - theirs).max() < 1e-12 * np.abs(theirs).max()
        going_on = played(rule, potential, told, arrivals, begins[0], begins[2]) - ours[0]
        assert abs(going_on - theirs[1]) > 0.02 * abs(theirs[1])
