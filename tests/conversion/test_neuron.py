"""Populations of spiking cells that answer a current as one rate unit does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from conversion.activity import simulation
from conversion.circuit import ZERO, Circuit, rate_cell
from conversion.neuron import HEADROOM, answer, at_rheobase, integrate_and_fire, leaky_integrate_and_fire, linearised
from conversion.populate import halfway, populate, stagger
from snn.cells import IF, LIF, RateUnit
from snn.description import Network, Population, Projection
from snn.encoding import Retina
from snn.engines import engine
from snn.errors import ConversionError
from snn.recording import Record
from snn.state import State, initial_state
from snn.stimuli.movie import Movie
from snn.synapses import Receptor
from snn.topology import OneToOne

A = NDArray[np.float64]
R_MAX, TAU_SYN = 100.0, 20.0
N_UNITS = 64


def units(bias: A) -> Circuit:
    """Rate units that nothing but constant currents drives: the activity of each is its current."""
    p = Population(name="unit", shape=(1, 1, len(bias)), cell=rate_cell(R_MAX), biased=True)
    return Circuit(Network(frame_ms=100.0, populations=(p,)), {"bias/unit": bias}, {"unit": np.full(len(bias), R_MAX)})


def raster(circuit: Circuit, n_frames: int, engine_name: str = "event") -> A:
    """Spikes of shape (steps, units, copies)."""
    found = simulation(circuit, engine=engine_name).run(n_frames=n_frames, record=Record(spikes=True))
    p, spikes = circuit.network.populations[0], found.spikes["unit"]
    out = np.zeros((n_frames * found.frame_steps, p.n))
    out[spikes.steps, spikes.cells] = 1.0
    return out.reshape(len(out), -1, p.copies)


def eye(frames: A) -> tuple[Circuit, Movie]:
    """Rate units that a movie drives, so that activity is luminance, and the movie; frames of 1 ms."""
    p = Population(name="unit", shape=(*frames.shape[1:], 1), cell=rate_cell(R_MAX), drive="luminance")
    network = Network(frame_ms=1.0, populations=(p,), encoder=Retina(luminance_mV=1.0))
    return Circuit(network, {}, {"unit": np.array([R_MAX])}), Movie(frames, 1.0)


# ---- integrate-and-fire


def test_mean_rate_is_exact() -> None:
    """Oracle: current times time in threshold units: the spikes so far never differ from it by a whole one."""
    bias = np.linspace(0.01, 1.9, N_UNITS)
    for n in (1, 4, 5):
        sent = raster(integrate_and_fire(populate(units(bias), n)), 20)
        meant = bias[:, None] * (np.arange(len(sent)) + 1)[:, None, None] * R_MAX / 1000.0
        assert np.abs(sent.cumsum(axis=0) - meant).max() <= 1.0
        assert np.abs(sent.sum(axis=0).mean(axis=1) - meant[-1, :, 0]).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("slow", [False, True])
def test_rounding_falls_with_copies(slow: bool) -> None:
    """Oracle: after a synapse, the rounding of n staggered copies is ``1 / (sqrt(12) K)`` of the scale, K = tau r n; of
    identical ones it does not fall at all.
    """
    n_ms, rng = 1000, np.random.default_rng(0)
    level = rng.uniform(0.3, 1.3, (1, 1, N_UNITS))
    at = np.arange(n_ms)[:, None, None]
    wave = level * (1.0 + 0.3 * np.sin(2 * np.pi * (at / 400.0 + rng.random((1, 1, N_UNITS))))) if slow else np.repeat(level, n_ms, axis=0)
    circuit, movie = eye(np.clip(wave, 0.0, 1.9) / 2.0)
    circuit = Circuit(circuit.network.override("unit.drive_gain", 2.0), {}, circuit.per_unit_Hz)
    keep = np.exp(-1.0 / TAU_SYN)

    def rounding(copies: int, phases: Any) -> float:
        cells = integrate_and_fire(populate(circuit, copies), phases=phases)
        sent = simulation(cells).run(movie).counts["unit"].reshape(n_ms, N_UNITS, copies).mean(axis=2)
        miss = sent * 1000.0 / R_MAX - 2.0 * movie.frames.reshape(n_ms, N_UNITS)
        return float(lfilter([1.0 - keep], [1.0, -keep], miss, axis=0)[200:].std())

    found = {n: rounding(n, stagger) for n in (1, 4, 16)}
    for n, missed in found.items():
        law = 1.0 / (np.sqrt(12.0) * TAU_SYN / 1000.0 * R_MAX * n)
        assert missed < 1.5 * law, (n, missed, law)
    assert found[4] < found[1] / 3 and found[16] < found[4] / 3
    assert rounding(16, halfway) == pytest.approx(rounding(1, halfway), rel=1e-9)
    assert rounding(16, halfway) > 10 * found[16]


@pytest.mark.parametrize("kind", ["reference", "event", "torch_"])
def test_a_cell_forgets_how_much_it_was_inhibited(kind: str) -> None:
    """Oracle: after inhibition V is at rest, so the first spike after it comes when it does from rest; without the
    return it comes later the stronger the inhibition was.
    """

    def first_spikes(tau_rest_ms: float | None, floor: bool) -> A:
        frames = np.ones((8, 1, 2))
        frames[:2, 0] = [[0.85, 0.1], [0.0, 0.4]]
        p = Population(name="unit", shape=(1, 2, 1), cell=rate_cell(R_MAX), drive="luminance", biased=True)
        network = Network(frame_ms=50.0, populations=(p,), encoder=Retina(luminance_mV=1.0))
        circuit = populate(Circuit(network, {"bias/unit": np.full(2, -0.52)}, {"unit": np.ones(1)}), 3)
        cells = integrate_and_fire(circuit, tau_rest_ms=tau_rest_ms, floor=floor)
        found = simulation(cells, engine=kind).run(Movie(frames, 50.0), record=Record(spikes=True)).spikes["unit"]
        return np.array([found.steps[(found.cells == c) & (found.steps >= 100)].min() - 100 for c in range(6)]).reshape(2, 3)

    # A current of 0.48 mV moves V by 0.048 a step, from where it is to the thresholds of the copies.
    from_rest, from_floor = (np.ceil((x + 1.0 - stagger(3)) / 0.048) - 1 for x in (0.0, 1.0))
    assert first_spikes(2.0, True).tolist() == [from_rest.tolist()] * 2
    assert first_spikes(None, True).tolist() == [from_floor.tolist()] * 2
    remembers = first_spikes(None, False)
    assert (remembers > from_floor).all() and (remembers[0] != remembers[1]).any()


def test_copies_differ_by_their_threshold() -> None:
    """Oracle: by hand: V counts from rest, so a copy that rests nearer to threshold has a lower one."""
    found = integrate_and_fire(populate(units(np.full(2, 0.5)), 4), tau_rest_ms=3.0, floor=False)
    cell = found.network.population("unit").cell
    assert cell == IF(tau_mem_ms=10.0, v_threshold_mV=1.0, reset_by_mV=1.0, tau_rest_ms=3.0)
    assert found.arrays["threshold/unit"].tolist() == [0.875, 0.625, 0.375, 0.125] * 2
    assert integrate_and_fire(units(np.ones(1))).network.population("unit").cell.v_floor_mV == -1.0


# ---- leaky cells


CELLS = {
    "plain": LIF(tau_mem_ms=10.0, v_threshold_mV=1.0),
    "refractory": LIF(tau_mem_ms=15.0, v_threshold_mV=2.0, t_ref_ms=3.0),
    "short": LIF(tau_mem_ms=7.0, v_threshold_mV=1.0, t_ref_ms=1.0),
}


@pytest.mark.parametrize("name", CELLS)
def test_answer_of_a_leaky_cell(name: str) -> None:
    """Oracle: intervals between the spikes of the event engine, all equal, on constant currents; 0 up to the threshold."""
    cell = CELLS[name]
    current = np.concatenate([[-1.0, 0.0, 0.5, 1.0], np.linspace(1.01, 30.0, 60)]) * cell.v_threshold_mV
    p = Population(name="unit", shape=(1, 1, len(current)), cell=cell, biased=True)
    network = Network(frame_ms=1000.0, populations=(p,))
    born = initial_state(network, dt_ms=1.0, seed=0)
    state = State({**born.arrays, "bias/unit": current}, 0, 0, 1.0, network.digest)
    found = engine("event").build(network, state=state).run(n_frames=1, record=Record(spikes=True)).spikes["unit"]
    rates = answer(cell, current)
    assert rates[:4].tolist() == [0.0] * 4 and (rates[4:] > 0).all()
    for k, rate in enumerate(rates):
        steps = found.steps[found.cells == k]
        if rate:
            assert set(np.diff(steps).tolist()) == {round(1000.0 / rate)} and 1000.0 / rate == round(1000.0 / rate)
        else:
            assert len(steps) == 0


@pytest.mark.parametrize(("copies", "worst"), [(16, 0.02), (64, 0.02)])
def test_copies_make_leaky_cells_straight(copies: int, worst: float) -> None:
    """Oracle: the straight line, up to 1.5 of the scale, under a current that fluctuates a little, run on the engine: the
    mean over copies misses it by less than 2 % of r_max; cells that are alike, and one gain at rheobase, by more.
    """
    rng = np.random.default_rng(0)
    levels = np.linspace(0.0, HEADROOM, 31)
    source = Population(name="source", shape=(1, 31, 1), cell=rate_cell(R_MAX), drive="luminance", copies=1)
    unit = Population(name="unit", shape=(1, 31, 1), cell=rate_cell(R_MAX), receptors=(Receptor(name="fast", tau_ms=5.0),))
    j = Projection(source="source", target="unit", receptor="fast", topology=OneToOne(), weights=ZERO, delay_ms=1.0)
    network = Network(frame_ms=20.0, populations=(source, unit), projections=(j,), encoder=Retina(luminance_mV=2.0))
    arrays = {f"weights/{j.name}": np.full((1, 31, 1), 1000.0 / (R_MAX * 5.0))}
    circuit = Circuit(network, arrays, {"source": np.array([R_MAX]), "unit": np.array([R_MAX])})
    n_frames = 250
    frames = np.clip(levels / 2.0 + 0.03 * rng.normal(size=(n_frames, 1, 31)) * (levels > 0), 0.0, 1.0)
    movie = Movie(frames, 20.0)
    meant = 2.0 * frames[5:].mean(axis=0).ravel()

    def miss(make: Callable[[Circuit], Circuit]) -> float:
        made = make(populate(circuit, copies))
        rates = made.network.population("source").model_copy(update={"cell": rate_cell(R_MAX), "biased": False, "drive_gain": 1.0})
        driven = made.network.model_copy(update={"populations": (rates, made.network.population("unit"))})
        kept = {k: a for k, a in made.arrays.items() if not k.startswith(("bias/source", "threshold/source"))}
        counts = simulation(Circuit(driven, kept, made.per_unit_Hz, answers=made.answers)).run(movie).counts["unit"]
        told = counts[5:].reshape(n_frames - 5, 31, copies).mean(axis=(0, 2)) * 1000.0 / 20.0 / R_MAX
        return float(np.sqrt(((told - meant) ** 2).mean()))

    straight = miss(leaky_integrate_and_fire)
    assert straight < worst
    assert miss(lambda c: leaky_integrate_and_fire(c, identical=True)) > 2 * straight
    assert miss(lambda c: at_rheobase(c, gain=1.0, t_ref_ms=0.0)) > 2 * straight


def test_constant_currents_of_copies() -> None:
    """Oracle: by hand: every copy of every unit gets the one of its number, on top of the unit's own, in gain units."""
    bias = np.array([0.1, 0.4, -0.2])
    found = leaky_integrate_and_fire(populate(units(bias), 4))
    own = found.answer("unit")
    assert own.r_max_Hz == pytest.approx(R_MAX) and len(own.bias_mV) == 4 and (np.diff(own.bias_mV) >= 0).all()
    meant = [b * own.gain_mV + x for b in bias for x in own.bias_mV]
    np.testing.assert_allclose(found.bias("unit"), meant, rtol=1e-12)
    alike = leaky_integrate_and_fire(populate(units(bias), 4), identical=True).answer("unit")
    assert alike.gain_mV == own.gain_mV and np.ptp(alike.bias_mV) == 0
    assert alike.bias_mV[0] == pytest.approx(own.bias_mV.mean())
    resting = at_rheobase(populate(units(bias), 4), gain=1.3)
    np.testing.assert_allclose(resting.bias("unit"), np.repeat(1.3 * bias + 1.0, 4), rtol=1e-12)


def test_cells_that_cannot_be_are_refused() -> None:
    """Oracle: the sentences."""
    with pytest.raises(ConversionError, match=r"r_max_Hz: is too fast for cells refractory for 5.0 ms; got 150.0; allowed: <= 66.6"):
        linearised(LIF(tau_mem_ms=10.0, v_threshold_mV=1.0, t_ref_ms=5.0), 4, 150.0)
    circuit = units(np.ones(2))
    unit: Any = circuit.network.population("unit").cell
    others = (
        IF(tau_mem_ms=10.0, v_threshold_mV=1.0),
        RateUnit(**{**unit.model_dump(), "leaky": True}),
        RateUnit(**{**unit.model_dump(), "v_threshold_mV": 0.5}),
        RateUnit(**{**unit.model_dump(), "gain_Hz_per_mV": 500.0}),
    )
    for make in (integrate_and_fire, leaky_integrate_and_fire, lambda c: at_rheobase(c, gain=1.0)):
        for cell in others:
            wrong = Circuit(Network(populations=(circuit.network.populations[0].model_copy(update={"cell": cell}),)), circuit.arrays, {})
            with pytest.raises(ConversionError, match=r"unit\.cell: is no rectified unit without memory; got '(if|rate)'; begin with"):
                make(wrong)
