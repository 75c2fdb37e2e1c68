"""Cells of two compartments against an ODE solver, the matrix exponential, closed forms and chance itself."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from snn.cells import LIF, Escape, SpikeSource, TwoCompartment
from snn.description import Network, Population, Projection
from snn.encoding import Retina
from snn.engines import engine
from snn.engines.compartments import divided_difference
from snn.engines.layout import propagators
from snn.recording import Record
from snn.stimuli.movie import Movie
from snn.synapses import Receptor
from snn.testing import ROUND_OFF, cases
from snn.testing.compartments import compartments
from snn.topology import OneToOne
from snn.weights import Constant

ENGINES = ("reference", "event")
PLAIN = TwoCompartment(tau_mem_ms=10.0, tau_dend_ms=12.0, coupling=3.0, v_threshold_mV=1e6)


def alone(cell: TwoCompartment, *receptors: Receptor) -> Population:
    return Population(name="cell", shape=(1, 1, 1), cell=cell, receptors=receptors)


def driven(cell: TwoCompartment, n: int = 1, frame_ms: float = 20.0) -> Network:
    """Cells with a current on the soma of 100 mV times the luminance."""
    population = Population(name="cell", shape=(1, n, 1), cell=cell, drive="luminance")
    return Network(frame_ms=frame_ms, populations=(population,), encoder=Retina(luminance_mV=100.0))


def steady(current_mV: float, n_frames: int, n: int = 1, frame_ms: float = 20.0) -> Movie:
    return Movie(np.full((n_frames, 1, n), current_mV / 100.0), frame_ms)


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from([0.7, 5.0, 10.0, 40.0]),
    st.sampled_from([0.7, 5.0, 10.000001, 40.0]),
    st.sampled_from([0.0, 1.0, 7.0]),
    st.sampled_from([0.0, 0.3, 2.0]),
    st.sampled_from([0.0, 1.5]),
    st.sampled_from([None, 40.0]),
    st.sampled_from([0.1, 1.0]),
)
def test_a_step_is_exact(
    tau_mem: float, tau_dend: float, coupling: float, back: float, nudge: float, tau_a: float | None, dt: float
) -> None:
    """Oracle: scipy's ODE solver on the two equations of the docstring, with a receptor of every kind on either side."""
    cell = PLAIN.model_copy(
        update={
            "tau_mem_ms": tau_mem,
            "tau_dend_ms": tau_dend,
            "coupling": coupling,
            "back_coupling": back,
            "nudge": nudge,
            "adaptation_mV": 1.0,
            "tau_adaptation_ms": tau_a,
        }
    )
    receptors = [
        Receptor(name=f"{kinetics}.{place}", kinetics=kinetics, compartment=place, tau_ms=10.0 if kinetics == "exponential" else None)
        for place in ("soma", "dendrite")
        for kinetics in ("exponential", "integrating", "pulse")
    ]
    law = propagators(alone(cell, *receptors), dt)
    assert law.dendrite is not None
    v0, d0, current, a0, g = 1.3, -0.8, 2.1, 0.9, np.array([1.7, 0.4, 0.6, -0.9, 0.5, 1.1])

    def flow(t: float, y: np.ndarray) -> list[float]:
        v, d, soma, dendrite, a = y
        return [
            (-v + coupling * (d - v) - nudge * v + current + soma + g[1] - a) / tau_mem,
            (-d + back * (v - d) + dendrite + g[4]) / tau_dend,
            -soma / 10.0,
            -dendrite / 10.0,
            -a / tau_a if tau_a else 0.0,
        ]

    end = solve_ivp(flow, (0.0, dt), [v0 + g[2], d0 + g[5], g[0], g[3], a0], method="DOP853", rtol=1e-12, atol=1e-13).y[:, -1]
    v = law.v * v0 + law.dendrite.to_soma * d0 + law.drive * current - law.adaptation * a0 + float(np.dot(law.receptor_gain, g))
    d = law.dendrite.from_soma * v0 + law.dendrite.d * d0 + law.dendrite.drive * current - law.dendrite.adaptation * a0
    d += float(np.dot(law.dendrite.receptor_gain, g))
    np.testing.assert_allclose([v, d], end[:2], rtol=0, atol=ROUND_OFF)
    np.testing.assert_allclose(np.array(law.receptor_decay)[[0, 3]] * g[[0, 3]], end[2:4], rtol=0, atol=ROUND_OFF)


@pytest.mark.parametrize("points", [(-0.2,), (0.0, 0.0), (-0.3, -0.3 + 1e-9), (-8.0, 0.0, -8.0), (-0.6, 0.0, -0.1), (-0.7, -0.2, -0.2)])
def test_divided_differences(points: tuple[float, ...]) -> None:
    """Oracle: the corner of the exponential of the matrix that has the points on its diagonal and ones above (Opitz)."""
    matrix = np.diag(points) + np.diag(np.ones(len(points) - 1), 1)
    assert divided_difference(points) == pytest.approx(expm(matrix)[0, -1], rel=1e-13)


def relay(cell: TwoCompartment, receptor: Receptor, frame_ms: float) -> Network:
    source = Population(name="in", shape=(1, 1, 1), cell=SpikeSource())
    joined = Projection(
        source="in", target="cell", receptor=receptor.name, topology=OneToOne(), weights=Constant(value_mV=2.0), delay_ms=1.0
    )
    return Network(frame_ms=frame_ms, populations=(source, alone(cell, receptor)), projections=(joined,))


@pytest.mark.parametrize("name", ENGINES)
def test_a_dendritic_potential(name: str) -> None:
    """Oracle: ``w tau_s/(tau_s - tau_d) (e^-t/tau_s - e^-t/tau_d)`` on the dendrite, and scipy's matrix exponential on the soma."""
    dt, w, tau = 0.5, 2.0, 4.0
    simulation = engine(name).build(relay(PLAIN, Receptor(name="r", tau_ms=tau, compartment="dendrite"), dt), dt_ms=dt)
    found = []
    for n in range(100):
        simulation.run(n_frames=1, rasters={"in": np.array([[n == 0]])})
        arrays = simulation.state().arrays
        found.append([float(arrays["v/cell"][0]), float(arrays["dendrite/cell"][0])])
    t = (np.arange(100) + 1) * dt - 1.0
    d = w * tau / (tau - 12.0) * (np.exp(-t / tau) - np.exp(-t / 12.0))
    a = np.array([[-4.0 / 10.0, 3.0 / 10.0, 0.0], [0.0, -1.0 / 12.0, 1.0 / 12.0], [0.0, 0.0, -1.0 / tau]])
    v = [(expm(a * max(x, 0.0)) @ [0.0, 0.0, w])[0] for x in t]
    np.testing.assert_allclose(np.array(found)[:, 1], np.where(t > 0, d, 0.0), rtol=0, atol=ROUND_OFF)
    np.testing.assert_allclose(np.array(found)[:, 0], v, rtol=0, atol=ROUND_OFF)
    simulation.restart()
    assert not simulation.state().arrays["dendrite/cell"].any()


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(("back", "nudge"), [(0.0, 0.0), (0.0, 2.0), (0.6, 2.0)])
def test_where_potentials_settle(name: str, back: float, nudge: float) -> None:
    """Oracle: the two linear equations at rest; with a teacher alone the dendrite hears of it only by the way back."""
    cell = PLAIN.model_copy(update={"back_coupling": back, "nudge": nudge})
    simulation = engine(name).build(driven(cell))
    simulation.run(steady(8.0, 30))
    arrays = simulation.state().arrays
    expected = np.linalg.solve([[1.0 + 3.0 + nudge, -3.0], [-back, 1.0 + back]], [8.0, 0.0])
    np.testing.assert_allclose([arrays["v/cell"][0], arrays["dendrite/cell"][0]], expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", ENGINES)
def test_both_potentials_go_on_while_refractory(name: str) -> None:
    """Oracle: the same cell that cannot spike at all."""
    cell = PLAIN.model_copy(update={"v_threshold_mV": 1.0, "t_ref_ms": 7.0})
    found = []
    for c in (cell, PLAIN):
        simulation = engine(name).build(driven(c))
        spikes = simulation.run(steady(50.0, 2), record=Record(spikes=True)).spikes["cell"].steps
        found.append((simulation.state().arrays["v/cell"][0], spikes))
    assert found[0][0] == found[1][0]
    assert np.diff(found[0][1]).tolist() == [7] * (len(found[0][1]) - 1)
    assert len(found[0][1]) == 6
    assert len(found[1][1]) == 0


# ---- spikes by chance


@given(st.floats(0.0, 1.0, exclude_max=True), st.floats(-20.0, 20.0), st.sampled_from([0.1, 1.0]))
def test_the_threshold_that_gives_the_probability(drawn: float, above: float, dt: float) -> None:
    """Oracle: ``u < 1 - exp(-phi dt)``, with phi written out; draws on the edge aside."""
    escape = Escape(rate_max_Hz=200.0, k=0.5, width_mV=2.0)
    phi = 0.2 / (1.0 + 0.5 * math.exp(-above / 2.0))
    chance = -math.expm1(-phi * dt)
    assert escape.rate_Hz(np.array([above]))[0] == pytest.approx(1000.0 * phi, rel=1e-12)
    if abs(drawn - chance) > 1e-9:
        assert bool(above >= escape.moved_mV(np.array([drawn]), dt)[0]) == (drawn < chance)


@pytest.mark.parametrize(("current_mV", "t_ref_ms"), [(0.0, 0.0), (40.0, 0.0), (40.0, 4.0), (80.0, 4.0)])
def test_the_rate_of_chance(current_mV: float, t_ref_ms: float) -> None:
    """Oracle: a renewal process of known mean: free steps are geometric, dead time is added; within 4 standard errors."""
    cell = PLAIN.model_copy(update={"v_threshold_mV": 15.0, "escape": Escape(), "t_ref_ms": t_ref_ms, "tau_mem_ms": 0.01})
    n, n_frames = 100, 20
    counts = engine("event").build(driven(cell, n), seed=2).run(steady(current_mV, n_frames, n)).counts["cell"].sum()
    phi = 0.15 / (1.0 + 0.5 * math.exp((15.0 - current_mV / 4.0) / 3.0))
    p = -math.expm1(-phi)
    dead = max(t_ref_ms - 1.0, 0.0)
    mean, spread = 1.0 / p + dead, math.sqrt(1.0 - p) / p
    steps = n * n_frames * 20
    # Cells are free when the run begins: each gains a share of the dead time.
    early = n * 0.5 * (spread**2 + mean - mean**2 + 2 * dead * mean) / mean**2
    error = math.sqrt(steps * spread**2 / mean**3)
    assert abs(counts - steps / mean - early) < 4.0 * error


def test_chance_is_of_the_seed() -> None:
    """Oracle: the same seed gives the same spikes, in parts or in one; another seed gives others."""
    cell = PLAIN.model_copy(update={"v_threshold_mV": 5.0, "escape": Escape()})
    found = []
    for seed, parts in ((1, (6,)), (1, (2, 4)), (2, (6,))):
        simulation = engine("event").build(driven(cell, 5), seed=seed)
        runs = [simulation.run(steady(40.0, k, 5), record=Record(spikes=True)) for k in parts]
        found.append(np.concatenate([r.spikes["cell"].cells for r in runs]).tolist())
        assert not np.ptp(simulation.state().arrays["threshold/cell"])
    assert found[0] == found[1] != found[2]


# ---- descriptions


def test_a_dendrite_needs_a_cell_that_has_one() -> None:
    """Oracle: the words of the refusal."""
    far = Receptor(name="far", tau_ms=3.0, compartment="dendrite")
    with pytest.raises(ValueError, match="'far' lies on the dendrite, which a cell of kind 'lif' has not"):
        Population(name="x", shape=(1, 1, 1), cell=LIF(tau_mem_ms=5.0, v_threshold_mV=1.0), receptors=(far,))
    with pytest.raises(ValueError, match="share no currents"):
        Population(name="x", shape=(1, 1, 1), cell=PLAIN, receptors=(far,), copies=2, pools=1)


def test_descriptions_survive_files_and_old_ones_keep_their_digest() -> None:
    """Oracle: the description itself; and that nothing new is written where nothing new is said."""
    network = compartments()
    assert Network.from_json(network.to_json()) == network
    assert "compartment" not in json.dumps(json.loads(cases()[0].network.to_json()))


def test_the_torch_engine_says_no() -> None:
    """Oracle: the words of the refusal."""
    assert any("one compartment" in reason for reason in engine("torch_").unsupported(driven(PLAIN)))


@pytest.mark.slow
def test_brian_agrees_spike_for_spike() -> None:
    """Oracle: Brian2 on the equations as text, over ten times the frames of the contract, chance included."""
    network, spikes = compartments(), []
    rng = np.random.Generator(np.random.Philox(3))
    given_spikes = {name: rng.random((2400, 4)) < 0.1 for name in ("in", "off")}
    for name in ("reference", "brian"):
        simulation = engine(name).build(network, dt_ms=0.5, seed=4)
        spikes.append(simulation.run(n_frames=60, rasters=given_spikes, record=Record(spikes=True)).spikes)
    for name, mine in spikes[0].items():
        assert len(mine.steps) > 100, name
        assert np.array_equal(mine.steps, spikes[1][name].steps), name
        assert np.array_equal(mine.cells, spikes[1][name].cells), name
