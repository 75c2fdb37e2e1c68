"""Voltage-based plasticity and its cell against NEST's ``clopath_synapse`` and ``aeif_psc_delta_clopath``; skipped without NEST.

Times are as in `test_nest.py`: what NEST says of time ``t`` is our step ``t/dt - 1``, and its delay is all dendritic, so that a spike of
the source meets the potential of a delay before.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from plasticity import VoltageSTDP
from plasticity.testing import forced
from snn.cells import LIF, AdEx, SpikeSource
from snn.description import Network, Population, Projection
from snn.encoding import Retina
from snn.engines import engine
from snn.local import Rule, Symbol, evaluate
from snn.recording import Record
from snn.seeding import stream
from snn.stimuli.movie import Movie
from snn.synapses import Receptor
from snn.topology import OneToOne
from snn.weights import Constant

nest: Any = pytest.importorskip("nest", reason="NEST is not installed; pip install -e '.[nest]' brings it")

REST_mV = -70.6
THEIR_CELL = {
    "C_m": 281.0, "g_L": 30.0, "E_L": REST_mV, "V_m": REST_mV, "V_th_rest": -50.4, "V_th_max": 30.4, "tau_V_th": 50.0, "Delta_T": 2.0,
    "a": 4.0, "b": 80.5, "tau_w": 144.0, "I_sp": 400.0, "tau_z": 40.0, "V_peak": 33.0, "V_clamp": 33.0, "t_clamp": 2.0, "t_ref": 0.0,
    "V_reset": -49.6,
}  # fmt: skip
OUR_CELL = AdEx(
    tau_mem_ms=281.0 / 30.0, v_onset_mV=20.2, onset_jump_mV=80.8, tau_onset_ms=50.0, sharpness_mV=2.0, coupling=4.0 / 30.0,
    adaptation_mV=80.5 / 30.0, tau_adaptation_ms=144.0, afterpotential_mV=400.0 / 30.0, tau_afterpotential_ms=40.0,
    v_threshold_mV=103.6, peak_mV=103.6, peak_ms=2.0, t_ref_ms=2.0, v_reset_mV=21.0,
)  # fmt: skip


def reset(dt_ms: float) -> None:
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.resolution = dt_ms


@pytest.mark.parametrize("current_pA", [700.0, 1200.0])
@pytest.mark.parametrize("without", ["", "z", "onset"])
def test_the_cell(current_pA: float, without: str) -> None:
    """Oracle: NEST's cell, whose steps adapt: spikes within 1 %, since ours is of first order in its steps; with all, and without each."""
    reset(0.01)
    off = {"": {}, "z": {"I_sp": 0.0}, "onset": {"V_th_max": -50.4}}[without]
    cell, recorder = nest.Create("aeif_psc_delta_clopath", params={**THEIR_CELL, "I_e": current_pA, **off}), nest.Create("spike_recorder")
    nest.Connect(cell, recorder)
    nest.Simulate(300.0)
    theirs = np.asarray(recorder.get("events")["times"])
    ours = OUR_CELL.model_copy(update={"": {}, "z": {"afterpotential_mV": 0.0}, "onset": {"onset_jump_mV": 0.0}}[without])
    population = Population(name="out", shape=(1, 1, 1), cell=ours, biased=True, bias_mV=current_pA / 30.0)
    simulation = engine("event").build(Network(frame_ms=300.0, populations=(population,)), dt_ms=0.01)
    found = (np.asarray(simulation.run(n_frames=1, record=Record(spikes=True)).spikes["out"].steps) + 1) * 0.01
    assert len(found) == len(theirs) >= 2
    np.testing.assert_allclose(found, theirs, rtol=0.01)


def told(dt: float, delay: float, ms: float = 1500.0) -> dict[str, np.ndarray]:
    """NEST's potential, low-passes, arrivals at the synapse and the weights that it had at each of them; all by our steps."""
    reset(dt)
    cell = nest.Create("aeif_psc_delta_clopath", params=THEIR_CELL)
    rng = stream(3, "nest", "voltage")
    # None in the first 10 ms, in which NEST's late low-passes are 0 mV and not at rest.
    kicks, sent = (np.flatnonzero(rng.random(round(ms)) < share)[5:] + 20.0 for share in (0.06, 0.03))
    pushes, source, parrot = nest.Create("spike_generator"), nest.Create("spike_generator"), nest.Create("parrot_neuron")
    pushes.spike_times, source.spike_times = list(kicks), list(sent - 1.0)
    nest.Connect(pushes, cell, syn_spec={"weight": 25.0, "delay": dt})
    nest.Connect(source, parrot, syn_spec={"delay": 1.0})
    kept, meter = nest.Create("weight_recorder"), nest.Create("multimeter")
    meter.set({"record_from": ["V_m", "u_bar_plus", "u_bar_minus"], "interval": dt})
    nest.CopyModel("clopath_synapse", "watched", {"weight_recorder": kept})
    # Faint, so that it does not move the cell.
    nest.Connect(parrot, cell, syn_spec={"synapse_model": "watched", "weight": 0.5, "delay": delay})
    nest.Connect(meter, cell)
    nest.Simulate(ms + 30.0)
    events = meter.events
    found = {k: np.asarray(events[name]) - REST_mV for k, name in (("v", "V_m"), ("high", "u_bar_plus"), ("low", "u_bar_minus"))}
    assert round(float(events["times"][0]) / dt) == 1
    arrivals = np.round((np.asarray(kept.events["times"]) - delay) / dt).astype(int) - 1
    return found | {"arrivals": arrivals, "weights": np.asarray(kept.events["weights"])}


def play_back(rule: Rule, seen: dict[str, np.ndarray], dt: float, late: int) -> np.ndarray:
    """Weights at each arrival, by the rule's own terms on low-passes that are given; NEST's arrival counts after its step's sum."""
    values = {"w": 0.5, "sign": 1.0, "modulator": 1.0, "step": dt, "x": 0.0}
    by_event = {u.when: u.weight for u in rule.updates()}

    def value_of(x: Any) -> float:
        assert isinstance(x, Symbol)
        return values[x.name or x.scope]

    found = []
    for n, v in enumerate(seen["v"]):
        values |= {"voltage": v, "x": values["x"] * math.exp(-dt / 15.0)}
        values |= {key: seen[key][n - late] if n >= late else 0.0 for key in ("low", "high")}
        values["w"] = float(evaluate(by_event["step"], value_of))
        if n in seen["arrivals"]:
            values["w"] = float(evaluate(by_event["pre_spike"], value_of))
            values["x"] += 1.0
            found.append(values["w"])
    return np.array(found)


@pytest.mark.parametrize("delay", [0.1, 2.0])
def test_the_terms_on_their_potentials(delay: float) -> None:
    """Oracle: NEST's weights at every arrival, from the potentials and low-passes that it recorded: 4e-16."""
    seen = told(0.1, delay)
    ours = play_back(VoltageSTDP(), seen, 0.1, 50)
    moves = np.diff(seen["weights"])
    assert len(ours) == len(seen["weights"]) > 20 and moves.min() < -1e-4 and moves.max() > 1e-3
    assert np.abs(ours - seen["weights"]).max() < 1e-12


def clamped(rule: VoltageSTDP, v: np.ndarray, arrivals: np.ndarray, dt: float) -> np.ndarray:
    """Weight after every step on a cell that is held at a list of potentials."""
    low, high = float(v.min()), float(v.max())
    network = Network(
        frame_ms=dt,
        encoder=Retina(luminance_mV=high - low),
        populations=(
            Population(name="in", shape=(1, 1, 1), cell=SpikeSource()),
            Population(
                name="out", shape=(1, 1, 1), cell=LIF(tau_mem_ms=dt / 800.0, v_threshold_mV=1e6), drive="luminance", biased=True,
                bias_mV=low, receptors=(Receptor(name="weak", kinetics="pulse"),),
            ),
        ),
        projections=(
            Projection(
                source="in", target="out", receptor="weak", topology=OneToOne(), weights=Constant(value_mV=0.5), delay_ms=dt, rule=rule,
                w_max_mV=10.0,
            ),
        ),
    )  # fmt: skip
    simulation, found = engine("event").build(network, dt_ms=dt), []
    frames = ((v - low) / (high - low)).clip(0.0, 1.0).reshape(-1, 1, 1)
    at = 0
    for stop in (arrivals + 1).tolist():
        given = np.isin(np.arange(at, stop), arrivals)[:, None]
        simulation.run(Movie(frames[at:stop], dt), rasters={"in": given}, learn=True)
        state = simulation.state()
        assert float(state.arrays["v/out"][0]) == pytest.approx(v[stop - 1], abs=1e-9)
        found.append(float(state.weights("in->out/weak").ravel()[0]))
        at = stop
    return np.array(found)


def test_the_rule_on_their_potentials() -> None:
    """Oracle: NEST's weights at every arrival, from the potentials alone, on an engine.

    NEST's low-passes see the potential between steps, ours at their ends, and an arrival sees ours of the step before: of first order
    in the step. Of the greatest change of the weight, 0.0130 at 0.1 ms and 0.0023 at 0.02 ms.
    """
    off = []
    for dt in (0.1, 0.02):
        seen = told(dt, dt, 500.0)
        ours = clamped(VoltageSTDP(), seen["v"], seen["arrivals"], dt)
        off.append(float(np.abs(ours - seen["weights"]).max() / np.abs(seen["weights"] - 0.5).max()))
    assert off[0] < 0.014
    assert off[1] < 0.25 * off[0]


@pytest.mark.parametrize("gap_ms", [10.0, -10.0])
@pytest.mark.parametrize("rate_Hz", [1.0, 10.0, 30.0, 50.0])
def test_pairings(rate_Hz: float, gap_ms: float) -> None:
    """Oracle: NEST's weight after five pairings, from cell to weight: ours is of first order in steps, 1.8 % off at most."""
    dt = 0.1
    reset(dt)
    after = 50.0 + np.round(1000.0 / rate_Hz * np.arange(5), 1)
    before = np.round(after - gap_ms, 1)
    last = float(max(before[-1], after[-1])) + 150.0
    cell = nest.Create("aeif_psc_delta_clopath", params=THEIR_CELL)
    source, parrot, kicks = nest.Create("spike_generator"), nest.Create("parrot_neuron"), nest.Create("spike_generator")
    source.spike_times, kicks.spike_times = [*before, last], list(after)
    nest.Connect(source, parrot, syn_spec={"delay": dt})
    nest.Connect(kicks, cell, syn_spec={"delay": dt, "weight": 200.0})
    nest.Connect(parrot, cell, syn_spec={"synapse_model": "clopath_synapse", "weight": 0.5, "delay": dt})
    fired, arrived = nest.Create("spike_recorder"), nest.Create("spike_recorder")
    nest.Connect(cell, fired)
    nest.Connect(parrot, arrived)
    nest.Simulate(last + 10.0)
    theirs = float(nest.GetConnections(parrot, cell).weight) - 0.5
    arrivals, spikes = (np.zeros((round(last / dt) + 1, 1), bool) for _ in range(2))
    arrivals[np.round((np.asarray(arrived.events["times"]) - dt) / dt).astype(int)[:-1] - 1] = True
    spikes[np.round(np.asarray(fired.events["times"]) / dt).astype(int) - 1] = True
    # NEST's last arrival reads the weight, and finds the potential a little above rest.
    arrivals[round(last / dt) - 1] = True
    assert spikes.sum() == 5
    ours = float(forced(VoltageSTDP(), arrivals, spikes, 0.5, cell=OUR_CELL, step_ms=dt, engine_name="event")[0, 0]) - 0.5
    assert ours == pytest.approx(theirs, rel=0.02)
