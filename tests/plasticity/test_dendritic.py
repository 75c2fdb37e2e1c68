"""Dendritic prediction against sums over pairs of times that share nothing with the engines, and against what it is for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from plasticity import DendriticPrediction
from snn.cells import Escape, SpikeSource, TwoCompartment
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.recording import Record
from snn.seeding import stream
from snn.synapses import Receptor
from snn.topology import Dense, OneToOne
from snn.weights import Constant, Uniform

CELL = TwoCompartment(
    tau_mem_ms=8.0, tau_dend_ms=12.0, coupling=3.0, v_threshold_mV=6.0, t_ref_ms=2.0, escape=Escape(rate_max_Hz=300.0, width_mV=2.0)
)
FAR = Receptor(name="far", tau_ms=4.0, compartment="dendrite")
NEAR = Receptor(name="near", kinetics="pulse")
RULE = DendriticPrediction.of(CELL, FAR, eta_mV=1.0, tau_filter_ms=25.0)
SIGNS = ("exc", "inh")
ENGINES = ("reference", "event", pytest.param("brian", marks=pytest.mark.slow))


def taught(rule: DendriticPrediction, frame_ms: float, cell: TwoCompartment = CELL, **weights: float) -> Network:
    """Excitatory and inhibitory synapses on the dendrites of two cells, and a teacher that pushes each soma."""
    shape = (1, 1, 3)
    return Network(
        frame_ms=frame_ms,
        populations=(
            Population(name="exc", shape=shape, cell=SpikeSource()),
            Population(name="inh", shape=shape, cell=SpikeSource(), sign="inhibitory"),
            Population(name="teacher", shape=(1, 1, 2), cell=SpikeSource()),
            Population(name="out", shape=(1, 1, 2), cell=cell, receptors=(FAR, NEAR)),
        ),
        projections=(
            *(
                Projection(
                    source=sign, target="out", receptor="far", topology=Dense(), delay_ms=1.0 + k,
                    weights=Uniform(low_mV=weights.get("low_mV", 3.0), high_mV=weights.get("high_mV", 6.0)), rule=rule, w_max_mV=1e3,
                )
                for k, sign in enumerate(SIGNS)
            ),
            Projection(source="teacher", target="out", receptor="near", topology=OneToOne(), weights=Constant(value_mV=20.0), delay_ms=1.0),
        ),
    )  # fmt: skip


def by_hand(
    arrived: dict[str, np.ndarray], w: dict[str, list[np.ndarray]], fired: np.ndarray, n_steps: int, dt: float
) -> tuple[dict[str, np.ndarray], float]:
    """Weights by a double sum over times: no traces, no states, no steps of an integrator.

    ``arrived``: (time, source) of arrivals; ``w``: the weights found after each step, of which only those that spikes
    delivered are used, to know the dendrite.
    """
    t = np.arange(n_steps)

    def psp(since: np.ndarray) -> np.ndarray:
        s = since * dt
        return np.where(since > 0, 4.0 / (12.0 - 4.0) * (np.exp(-s / 12.0) - np.exp(-s / 4.0)), 0.0)

    d, effect = np.zeros((n_steps, 2)), {sign: np.zeros((n_steps, 3)) for sign in SIGNS}
    for sign, factor in zip(SIGNS, (1.0, -1.0), strict=True):
        for n, i in arrived[sign]:
            effect[sign][:, i] += psp(t - n)
            # The weight that a spike delivers is the one before the updates of its step.
            d += factor * psp(t - n)[:, None] * w[sign][n][i]
    u = 0.75 * d
    phi = 0.3 / (1.0 + 0.5 * np.exp((6.0 - u) / 2.0))
    h = 1.0 - phi / 0.3
    spikes = np.zeros((n_steps, 2))
    spikes[fired[:, 0], fired[:, 1]] = 1.0
    gained = {}
    for sign, factor in zip(SIGNS, (1.0, -1.0), strict=True):
        pi = ((spikes - phi * dt) * h)[:, None, :] * effect[sign][:, :, None] * factor
        through = 1.0 - np.exp(-(n_steps - t) * dt / 25.0)
        gained[sign] = 1.0 * (through[:, None, None] * pi).sum(axis=0)
    return gained, float(np.abs(d).max())


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("dt", [1.0, 0.5])
def test_sums_over_times(name: str, dt: float) -> None:
    """Oracle: the double sum above, in 300 steps with spikes foretold, unforetold and forced; within 1e-9."""
    n_steps, network = 300, taught(RULE, dt)
    rng = stream(0, "dendritic")
    given = {k: rng.random((n_steps, n)) < share for k, n, share in (("exc", 3, 0.1), ("inh", 3, 0.03), ("teacher", 2, 0.02))}
    simulation = engine(name).build(network, dt_ms=dt, seed=3)
    w = {sign: [simulation.state().weights(f"{sign}->out/far")] for sign in SIGNS}
    fired = []
    for n in range(n_steps):
        got = simulation.run(n_frames=1, rasters={k: r[n : n + 1] for k, r in given.items()}, record=Record(spikes=True), learn=True)
        fired += [(n, c) for c in got.spikes["out"].cells.tolist()]
        for sign in SIGNS:
            w[sign].append(simulation.state().weights(f"{sign}->out/far"))
    delays = {"exc": round(1.0 / dt), "inh": round(2.0 / dt)}
    arrived = {sign: [(n + delays[sign] - 1, i) for n, i in np.argwhere(given[sign]) if n + delays[sign] - 1 < n_steps] for sign in SIGNS}
    gained, reached = by_hand(arrived, w, np.array(fired), n_steps, dt)
    assert len(fired) > 15
    assert reached > 6.0
    for sign in SIGNS:
        assert np.abs(gained[sign]).min() > 1e-3
        np.testing.assert_allclose(w[sign][-1], w[sign][0] + gained[sign], rtol=0, atol=1e-9)


def test_one_unforetold_spike() -> None:
    """Oracle: ``eta h PSP`` of one pair, all of which the filter lets through in time; without a spike next to nothing."""
    cell = CELL.model_copy(update={"escape": Escape(rate_max_Hz=1e-9, width_mV=2.0), "v_threshold_mV": 6.0})
    rule = DendriticPrediction.of(cell, FAR, eta_mV=3.0, tau_filter_ms=25.0)
    changes = []
    for teach in (True, False):
        # Chance fires nobody at this rate; the sharp cell of the same law fires when it is pushed.
        network = taught(rule, 1.0, cell.model_copy(update={"escape": None}), low_mV=1.0, high_mV=1.0)
        simulation = engine("reference").build(network)
        given = {"exc": np.zeros((1000, 3), bool), "inh": np.zeros((1000, 3), bool), "teacher": np.zeros((1000, 2), bool)}
        given["exc"][10, 0] = True
        given["teacher"][15, 1] = teach
        simulation.run(n_frames=1000, rasters=given, learn=True)
        changes.append(simulation.state().weights("exc->out/far") - 1.0)
    # Arrival in step 10; the push comes with step 15 and moves the soma in step 16, for as long as it is above threshold.
    assert abs(changes[1]).max() < 1e-9
    steps = [16 + 2 * k for k in range(20) if 20.0 * math.exp(-(16 + 2 * k - 15) * 4.0 / 8.0) > 6.0]
    psp = 0.5 * (math.exp(-6 / 12.0) - math.exp(-6 / 4.0))
    odds = 0.5 * math.exp((6.0 - 0.75 * psp) / 2.0)
    assert steps == [16]
    assert changes[0][0, 1] == pytest.approx(3.0 * psp * odds / (1.0 + odds), rel=1e-9)
    assert changes[0][0, 0] == pytest.approx(0.0, abs=1e-9)


def test_the_postsynaptic_potential_is_the_slope_of_the_dendrite() -> None:
    """Oracle: difference quotient of D over the weight, in two runs."""
    found = []
    for w in (1.0, 1.5):
        simulation = engine("reference").build(taught(RULE.model_copy(update={"eta_mV": 0.0}), 1.0, low_mV=w, high_mV=w))
        given = {"exc": np.zeros((12, 3), bool), "inh": np.zeros((12, 3), bool), "teacher": np.zeros((12, 2), bool)}
        given["exc"][[1, 5], 0] = True
        simulation.run(n_frames=12, rasters=given, learn=True)
        found.append(simulation.state().arrays)
    slope = (found[1]["dendrite/out"][0] - found[0]["dendrite/out"][0]) / 0.5
    trace = found[0]["trace/exc->out/far/slow"][0] - found[0]["trace/exc->out/far/fast"][0]
    assert slope == pytest.approx(4.0 / 8.0 * trace, rel=1e-12)


def test_what_is_foretold_is_left_alone() -> None:
    """Oracle: the expectation of ``S - phi`` is 0 where soma and dendrite agree; within 4 standard errors over 60 cells."""
    chance = Escape(rate_max_Hz=100.0, width_mV=2.0)
    cell = CELL.model_copy(update={"t_ref_ms": 0.0, "tau_mem_ms": 0.01, "escape": chance})
    far = FAR.model_copy(update={"tau_ms": 40.0})
    rule = DendriticPrediction.of(cell, far, eta_mV=1e-6)
    n = 60
    network = Network(
        frame_ms=50.0,
        populations=(
            Population(name="exc", shape=(1, 1, 4), cell=SpikeSource()),
            Population(name="out", shape=(1, 1, n), cell=cell, receptors=(far,)),
        ),
        projections=(
            Projection(
                source="exc", target="out", receptor="far", topology=Dense(), weights=Constant(value_mV=1.5), delay_ms=1.0, rule=rule,
                w_max_mV=1e3,
            ),
        ),
    )  # fmt: skip
    simulation = engine("reference").build(network, dt_ms=0.5, seed=7)
    given = stream(1, "dendritic").random((2000, 4)) < 0.05
    found = simulation.run(n_frames=20, rasters={"exc": given}, learn=True)
    changes = (simulation.state().weights("exc->out/far") - 1.5)[0]
    assert found.counts["out"].sum() > 500
    assert abs(changes.mean()) < 4.0 * changes.std() / math.sqrt(n)


def test_what_it_is_made_of() -> None:
    """Oracle: the words of the refusals."""
    with pytest.raises(ValueError, match="must differ by a thousandth"):
        DendriticPrediction(eta_mV=1.0, attenuation=0.5, tau_dend_ms=3.0, tau_syn_ms=3.001)
    for cell, receptor in ((CELL.model_copy(update={"escape": None}), FAR), (CELL, NEAR), (CELL, Receptor(name="x", tau_ms=3.0))):
        with pytest.raises(ValueError, match="needs a cell with escape and an exponential receptor on its dendrite"):
            DendriticPrediction.of(cell, receptor, eta_mV=1.0)
    network = taught(RULE, 1.0)
    soma = network.override("out.cell", CELL.model_copy())
    assert engine("reference").unsupported(soma) == ()
