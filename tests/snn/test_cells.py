"""Cells and receptors against closed forms, an ODE solver and the law's own sentences, on both fast and plain engine."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from snn.cells import IF, LIF, AdaptiveLIF, Cell, RateUnit, SpikeSource, rate_twin
from snn.description import Network, Population, Projection
from snn.encoding import Retina
from snn.engines import engine
from snn.engines.driver import Simulation
from snn.engines.layout import current_gain, propagators
from snn.recording import Record, Spikes
from snn.state import State, initial_state
from snn.stimuli.movie import Movie
from snn.synapses import Receptor
from snn.testing import ROUND_OFF
from snn.topology import OneToOne
from snn.weights import Constant

ENGINES = ("reference", "event", "torch_")
FAST, SAME, NEAR = Receptor(name="fast", tau_ms=3.0), Receptor(name="same", tau_ms=10.0), Receptor(name="near", tau_ms=10.0 + 1e-9)
STAY, PUSH = Receptor(name="stay", kinetics="integrating"), Receptor(name="push", kinetics="pulse")
RECEPTORS = (FAST, SAME, NEAR, STAY, PUSH)
HIGH = 1e6


def driven(cell: Cell, *, frame_ms: float = 100.0, receptors: tuple[Receptor, ...] = ()) -> Network:
    """One pair of cells with a current of +-100 mV times (luminance - 0.5)."""
    return Network(
        frame_ms=frame_ms,
        populations=(Population(name="cell", shape=(1, 1, 2), cell=cell, drive="change", receptors=receptors),),
        encoder=Retina(luminance_mV=100.0, grey=0.5),
    )


def currents(*values_mV: float, frame_ms: float = 100.0) -> Movie:
    return Movie(np.array([[[0.5 + v / 100.0]] for v in values_mV]), frame_ms)


def relay(cell: Cell, receptor: Receptor, weight_mV: float, delay_ms: float, *, frame_ms: float = 20.0) -> Network:
    """A source on one cell."""
    return Network(
        frame_ms=frame_ms,
        populations=(
            Population(name="in", shape=(1, 1, 1), cell=SpikeSource()),
            Population(name="out", shape=(1, 1, 1), cell=cell, receptors=(receptor,)),
        ),
        projections=(
            Projection(
                source="in",
                target="out",
                receptor=receptor.name,
                topology=OneToOne(),
                weights=Constant(value_mV=weight_mV),
                delay_ms=delay_ms,
            ),
        ),
    )


def voltages(name: str, network: Network, spikes_at: list[int], n_steps: int, *, dt_ms: float = 1.0) -> np.ndarray:
    """V after each step, from a network whose frame is one step."""
    simulation = engine(name).build(network.override("frame_ms", dt_ms), dt_ms=dt_ms)
    found = []
    for n in range(n_steps):
        simulation.run(n_frames=1, rasters={"in": np.array([[n in spikes_at]])})
        found.append(float(simulation.state().arrays["v/out"][0]))
    return np.array(found)


def fired(simulation: Simulation, movie: Movie, cell: int = 0) -> np.ndarray:
    spikes: Spikes = simulation.run(movie, record=Record(spikes=True)).spikes["cell"]
    return spikes.steps[spikes.cells == cell]


# ---- one step


@settings(deadline=None, max_examples=25)
@given(
    st.floats(0.5, 60.0),
    st.sampled_from([3.0, 10.0, 10.000001, 37.0]),
    st.sampled_from([0.1, 0.5, 1.0]),
    st.booleans(),
    st.sampled_from([None, 10.0, 80.0]),
)
def test_a_step_is_exact(tau: float, tau_r: float, dt: float, leaky: bool, tau_a: float | None) -> None:
    """Oracle: scipy's ODE solver on the membrane equation of the docstring, receptors and adaptation with it."""
    receptors = (Receptor(name="r", tau_ms=tau_r), Receptor(name="own", tau_ms=tau), STAY, PUSH)
    cell = RateUnit(tau_mem_ms=tau, leaky=leaky, gain_Hz_per_mV=1.0, adaptation_mV=1.0, tau_adaptation_ms=tau_a)
    law = propagators(Population(name="x", shape=(1, 1, 1), cell=cell, receptors=receptors), dt)
    v0, a0, current, g0 = 1.3, 0.7, 2.1, np.array([1.7, -0.9, 0.4, 0.6])

    def flow(t: float, y: np.ndarray) -> list[float]:
        v, a, r, own = y
        return [(-v * leaky + current - a + r + own + g0[2]) / tau, -a / tau_a if tau_a else 0.0, -r / tau_r, -own / tau]

    end = solve_ivp(flow, (0.0, dt), [v0 + g0[3], a0, g0[0], g0[1]], method="DOP853", rtol=1e-12, atol=1e-13).y[:, -1]
    v = law.v * v0 + law.drive * current - law.adaptation * a0 + float(np.dot(law.receptor_gain, g0))
    decayed = np.array(law.receptor_decay) * g0
    assert abs(v - end[0]) < ROUND_OFF
    assert abs(a0 * law.adaptation_decay - end[1]) < ROUND_OFF
    np.testing.assert_allclose(decayed, [end[2], end[3], g0[2], 0.0], rtol=0, atol=ROUND_OFF)


def test_equal_time_constants_are_the_limit_of_unequal_ones() -> None:
    """Oracle: ``dt/tau exp(-dt/tau)``, and the general formula in extended precision far enough from the limit."""
    assert current_gain(10.0, 10.0, True, 1.0) == pytest.approx(0.1 * math.exp(-0.1), rel=1e-14)
    for tau_r in (9.0, 9.99, 10.001, 12.0):
        general = tau_r / (tau_r - 10.0) * (math.exp(-1 / tau_r) - math.exp(-0.1))
        assert current_gain(tau_r, 10.0, True, 1.0) == pytest.approx(general, rel=1e-9)
    for gap in (1e-13, 1e-9, 1e-6):
        assert current_gain(10.0 + gap, 10.0, True, 1.0) == pytest.approx(0.1 * math.exp(-0.1), rel=1e-6)


# ---- whole responses


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(("tau_r", "tau_m"), [(3.0, 12.0), (20.0, 5.0), (10.0, 10.0)])
def test_the_peak_of_a_postsynaptic_potential(name: str, tau_r: float, tau_m: float) -> None:
    """Oracle: ``w tau_r/(tau_r - tau_m) (e^-t/tau_r - e^-t/tau_m)`` (alpha function when equal), its time and height."""
    dt, w = 0.1, 2.0
    cell = LIF(tau_mem_ms=tau_m, v_threshold_mV=HIGH)
    v = voltages(name, relay(cell, Receptor(name="r", tau_ms=tau_r), w, 1.0), [0], 400, dt_ms=dt)
    t = (np.arange(400) + 1 - 10) * dt
    if tau_r == tau_m:
        psp, t_peak, peak = w * t / tau_m * np.exp(-t / tau_m), tau_m, w / math.e
    else:
        psp = w * tau_r / (tau_r - tau_m) * (np.exp(-t / tau_r) - np.exp(-t / tau_m))
        t_peak = tau_r * tau_m / (tau_m - tau_r) * math.log(tau_m / tau_r)
        peak = w * (tau_r / tau_m) ** (tau_m / (tau_m - tau_r))
    np.testing.assert_allclose(v, np.where(t > 0, psp, 0.0), rtol=0, atol=ROUND_OFF)
    assert abs(t[np.argmax(v)] - t_peak) <= dt
    assert abs(v.max() - peak) < 1e-3


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("refractory_ms", [0.0, 2.0, 5.0])
@pytest.mark.parametrize("current_mV", [10.01, 12.0, 20.0, 49.0])
def test_the_rate_of_a_leaky_cell(name: str, refractory_ms: float, current_mV: float) -> None:
    """Oracle: interval = first step at or after ``-tau ln(1 - threshold/I)``, plus the refractory time."""
    cell = LIF(tau_mem_ms=20.0, v_threshold_mV=10.0, t_ref_ms=refractory_ms)
    steps = fired(engine(name).build(driven(cell), dt_ms=0.5), currents(*[current_mV] * 10))
    rise = math.ceil(-20.0 * math.log1p(-10.0 / current_mV) / 0.5 - 1e-9)
    assert steps[0] == rise - 1
    # Held while n - last < refractory: the membrane moves again in the very step in which it is free.
    interval = rise + max(0, round(refractory_ms / 0.5) - 1)
    assert set(np.diff(steps).tolist()) <= {interval}
    assert len(steps) > 2


@pytest.mark.parametrize("name", ENGINES)
def test_a_cell_without_leak_tells_the_integral(name: str) -> None:
    """Oracle: spikes = floor(current x time / reset), and V holds the rest."""
    cell = IF(tau_mem_ms=1.0, v_threshold_mV=7.0, reset_by_mV=7.0)
    simulation = engine(name).build(driven(cell))
    told = len(fired(simulation, currents(3.25, 0.0, 5.5)))
    assert told == math.floor((325.0 + 550.0) / 7.0)
    assert simulation.state().arrays["v/cell"][0] == pytest.approx(875.0 - 7.0 * told, abs=1e-7)


# ---- the law's sentences


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("dt", [0.5, 1.0])
@pytest.mark.parametrize("t_ref", [0.0, 1.0, 3.0, 3.4])
def test_a_cell_is_free_when_the_refractory_steps_have_passed(name: str, dt: float, t_ref: float) -> None:
    """Oracle: 'free again when n - last >= round(t_ref/dt)': pulses over threshold in every step."""
    cell = IF(tau_mem_ms=1.0, v_threshold_mV=1.0, t_ref_ms=t_ref)
    network = relay(cell, PUSH, 1.5, dt)
    recording = (
        engine(name)
        .build(network, dt_ms=dt)
        .run(n_frames=2, rasters={"in": np.ones((round(40.0 / dt), 1), dtype=bool)}, record=Record(spikes=True))
    )
    assert set(np.diff(recording.spikes["out"].steps).tolist()) == {max(1, round(t_ref / dt))}


@pytest.mark.parametrize("name", ENGINES)
def test_a_refractory_cell_loses_its_pulses_and_keeps_its_voltage(name: str) -> None:
    """Oracle: phase 1 of the law, by hand: it fires in step 2, and what arrives in steps 3 and 4 is lost."""
    cell = IF(tau_mem_ms=1.0, v_threshold_mV=1.0, v_reset_mV=0.25, t_ref_ms=3.0)
    v = voltages(name, relay(cell, PUSH, 0.5, 1.0), [0, 1, 2, 3], 6)
    assert v.tolist() == [0.0, 0.5, 0.25, 0.25, 0.25, 0.25]


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("receptor", RECEPTORS, ids=lambda r: r.name)
@pytest.mark.parametrize("delay", range(1, 8))
def test_a_spike_moves_its_target_after_its_delay(name: str, receptor: Receptor, delay: int) -> None:
    """Oracle: a spike of step m moves the membrane first in step m + delay, never before."""
    v = voltages(name, relay(LIF(tau_mem_ms=10.0, v_threshold_mV=HIGH), receptor, 1.0, float(delay)), [2], 12)
    assert np.flatnonzero(v)[0] == 2 + delay


@pytest.mark.parametrize("name", ENGINES)
def test_soft_reset_keeps_the_rest_and_hard_reset_forgets_it(name: str) -> None:
    """Oracle: V after one pulse of 1.75 on a threshold of 1, by hand."""
    soft = IF(tau_mem_ms=1.0, v_threshold_mV=1.0, reset_by_mV=0.5)
    hard = IF(tau_mem_ms=1.0, v_threshold_mV=1.0, v_reset_mV=-0.5)
    assert voltages(name, relay(soft, PUSH, 1.75, 1.0), [0], 6).tolist() == [0.0, 1.25, 0.75, 0.75, 0.75, 0.75]
    assert voltages(name, relay(hard, PUSH, 1.75, 1.0), [0, 1], 4).tolist() == [0.0, -0.5, -0.5, -0.5]


@pytest.mark.parametrize("name", ENGINES)
def test_the_voltage_stops_at_its_floor(name: str) -> None:
    """Oracle: a ramp cut at -2 mV, by hand; what lies below is forgotten."""
    cell = IF(tau_mem_ms=1.0, v_threshold_mV=HIGH, v_floor_mV=-2.0)
    network = driven(cell, frame_ms=1.0)
    simulation, found = engine(name).build(network), []
    for value in (-1.0, -0.75, -5.0, 1.0, 1.5):
        simulation.run(currents(value, frame_ms=1.0))
        found.append(simulation.state().arrays["v/cell"][0])
    np.testing.assert_allclose(found, [-1.0, -1.75, -2.0, -1.0, 0.5], atol=1e-12)


@pytest.mark.parametrize("name", ENGINES)
def test_a_threshold_is_reached_not_passed(name: str) -> None:
    """Oracle: 'spikes when V >= threshold'; pulses of 1/4 add up to 1 exactly."""
    network = relay(IF(tau_mem_ms=1.0, v_threshold_mV=1.0), PUSH, 0.25, 1.0)
    v = voltages(name, network, list(range(8)), 9)
    assert v.tolist() == [0.0, 0.25, 0.5, 0.75, 0.0, 0.25, 0.5, 0.75, 0.0]


@settings(deadline=None, max_examples=8)
@given(st.lists(st.floats(-40.0, 40.0), min_size=1, max_size=4), st.sampled_from(ENGINES))
def test_change_cells_follow_their_current(values: list[float], name: str) -> None:
    """Oracle: the coder's docstring: after k spikes it has told k steps, and is silent within half a step."""
    step = 2.0
    cell = AdaptiveLIF(tau_mem_ms=2.0, v_threshold_mV=0.5 * step, reset_by_mV=step, adaptation_mV=step)
    network = driven(cell, frame_ms=200.0)
    simulation, told = engine(name).build(network), 0
    for value in values:
        simulation.run(currents(value, frame_ms=200.0))
        told = simulation.state().arrays["total/cell"][0]
        # A cell only counts up; its partner of the other sign counts down, so alone it keeps the running maximum.
        assert told * step >= value - 0.5 * step - 1e-6
    overshoot = told * step - max(0.0, *values)
    assert overshoot <= 0.5 * step + 1e-6


@settings(deadline=None, max_examples=8)
@given(st.lists(st.floats(-40.0, 40.0), min_size=1, max_size=4), st.sampled_from(ENGINES), st.booleans())
def test_a_rate_twin_sends_what_the_cell_sends(values: list[float], name: str, leaky: bool) -> None:
    """Oracle: conservation: cumulative output of the twin = spikes of the soft-reset cell, to one spike."""
    step = 2.0
    spiking: IF | AdaptiveLIF = (
        AdaptiveLIF(tau_mem_ms=2.0, v_threshold_mV=0.5 * step, reset_by_mV=step, adaptation_mV=step)
        if leaky
        else IF(tau_mem_ms=20.0, v_threshold_mV=step, reset_by_mV=step, v_floor_mV=0.0)
    )
    found = []
    for cell in (spiking, rate_twin(spiking, dt_ms=1.0)):
        simulation = engine(name).build(driven(cell, frame_ms=200.0))
        # An IF cell sends at most one spike a step, so its current stays below one threshold a step.
        counts = simulation.run(currents(*(v if leaky else abs(v) for v in values), frame_ms=200.0)).counts["cell"]
        found.append(np.cumsum(counts[:, 0, 0, 0]))
    assert np.abs(found[0] - found[1]).max() <= 1.0 + 1e-6


@pytest.mark.parametrize("change", [{"reset_by_mV": None}, {"t_ref_ms": 1.0}])
def test_only_a_soft_reset_has_a_rate_twin(change: dict[str, float | None]) -> None:
    """Oracle: the docstring's refusal."""
    with pytest.raises(ValueError, match="only a soft reset without refractory time has an exact rate twin"):
        rate_twin(LIF(**{"tau_mem_ms": 5.0, "v_threshold_mV": 1.0, "reset_by_mV": 1.0, **change}), dt_ms=1.0)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("more", [{}, {"biased": True}, {"pools": 1}, {"pools": 1, "biased": True}, {"pools": 2}])
@pytest.mark.parametrize("cell", [IF(tau_mem_ms=5.0, v_threshold_mV=1.0, tau_rest_ms=2.0), LIF(tau_mem_ms=2.0, v_threshold_mV=1.0)])
def test_what_rests_stays_normal(precision: str, cell: Cell, more: dict[str, Any]) -> None:
    """Oracle: a decay ends before it falls below the smallest normal number, where a frame takes more than twice as long."""
    network = Network(
        frame_ms=1000.0, populations=(Population(name="out", shape=(1, 2, 1), cell=cell, receptors=(FAST,), copies=2, **more),)
    )
    born = initial_state(network, dt_ms=1.0, seed=0)
    up = State({**born.arrays, "v/out": np.full(4, 0.5)}, 0, 0, 1.0, born.digest)
    simulation = engine("event", precision=precision).build(network, state=up)
    simulation.run(n_frames=2)
    left = simulation.state().arrays["v/out"]
    assert (left < 1e-30).all() and ((left == 0) | (left >= np.finfo(precision).tiny)).all()
