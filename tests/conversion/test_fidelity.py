"""The comparison of a rate model and its spiking form, against plain NumPy on what was recorded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from conversion.circuit import Circuit, standing
from conversion.dale import route_dale
from conversion.fidelity import Fidelity, _Sums, best_lag, fidelity, ssim
from conversion.neuron import integrate_and_fire
from conversion.populate import populate
from conversion.scaling import scale
from conversion.timed_prednet import TimedPredNet
from conversion.trace import trace
from snn.engines import engine
from snn.errors import MovieError
from snn.recording import FORECAST, Record
from snn.stimuli.movie import Movie

A = NDArray[np.float64]
Makes = Callable[..., TimedPredNet]
Shows = Callable[..., Movie]
UNSCORED, UNSETTLED, SCALE = 3, 6, 0.5


@pytest.fixture(scope="module")
def pair(tiny: Makes) -> tuple[Circuit, Circuit]:
    """Rate units, and six cells for each."""
    rates = trace(tiny())
    scales = {p.name: np.full(p.shape[2], SCALE) for p in rates.network.populations}
    return rates, integrate_and_fire(populate(route_dale(scale(rates, scales, 100.0)), 6))


@pytest.fixture(scope="module")
def found(pair: tuple[Circuit, Circuit], walk: Shows) -> Fidelity:
    return fidelity(*pair, [walk(9, 4), walk(8, 5)], tau_ms=15.0)


def test_a_circuit_is_like_itself(pair: tuple[Circuit, Circuit], walk: Shows) -> None:
    """Oracle: no difference, a correlation and a gain of 1, no offset and no lag, of rate units and of cells."""
    for circuit in pair:
        same = fidelity(circuit, circuit, [walk(8, 4)])
        assert len(same.rows) == 9 and same.n_frames == 2
        for row in same.rows:
            assert row.nrmse == 0.0 and abs(row.lag_ms) < 0.01
            assert (row.correlation, row.gain) == (pytest.approx(1.0, abs=1e-9), pytest.approx(1.0, abs=1e-9))
            assert row.offset == pytest.approx(0.0, abs=1e-9)
        assert same.mse_between == 0.0 and same.mse_rates == same.mse_cells > 0 and same.ssim_rates == same.ssim_cells


def through(raw: A, tau_ms: float) -> A:
    """A synapse, step by step: ``s <- keep s + (1 - keep) x``."""
    keep, s, out = np.exp(-1.0 / tau_ms), np.zeros(raw.shape[1]), []
    for x in raw:
        s = keep * s + (1.0 - keep) * x
        out.append(s)
    return np.array(out)


def recorded(pair: tuple[Circuit, Circuit], name: str, movies: list[Movie]) -> tuple[A, A, float, float]:
    """Filtered activities of the scored steps, of rate units and of cells; spikes of the cells, and seconds."""
    rates, cells = pair
    told, sent, seconds = ([], []), 0.0, 0.0
    for movie in movies:
        steps = 50 * movie.n_frames
        fine = Movie(np.repeat(movie.frames, 50, axis=0), 1.0)
        of_rates = engine("reference").build(rates.network.override("frame_ms", 1.0), state=rates.state()).run(fine).counts[name]
        spikes = engine("event").build(cells.network, state=cells.state()).run(movie, record=Record(spikes=True)).spikes[name]
        raster = np.zeros((steps, cells.network.population(name).n))
        raster[spikes.steps, spikes.cells] = 1.0
        by_unit = raster.reshape(steps, -1, 6).mean(axis=2) * 1000.0 / (100.0 / SCALE)
        for k, raw in enumerate((of_rates.reshape(steps, -1) * 1000.0 / 100.0, by_unit)):
            told[k].append(through(raw, 15.0)[50 * UNSETTLED :])
        sent += raster[50 * UNSETTLED :].sum()
        seconds += (movie.n_frames - UNSETTLED) * 0.05
    return np.concatenate(told[0]), np.concatenate(told[1]), sent, seconds


@pytest.mark.parametrize("name", ["level0.error_pos", "level1.target", "level0.representation"])
def test_numbers_of_a_population(name: str, pair: tuple[Circuit, Circuit], found: Fidelity, walk: Shows) -> None:
    """Oracle: the formulas, on the rates of the reference engine and the spikes of the event engine."""
    x, y, sent, seconds = recorded(pair, name, [walk(9, 4), walk(8, 5)])
    (row,) = [r for r in found.rows if r.population == name]
    assert row.nrmse == pytest.approx(np.sqrt(((x - y) ** 2).mean() / (x**2).mean()), rel=1e-6) and 0.005 < row.nrmse < 0.5
    gain, offset = np.polyfit(x.ravel(), y.ravel(), 1)
    assert (row.gain, row.offset) == (pytest.approx(gain, rel=1e-6), pytest.approx(offset / SCALE, abs=1e-7))
    alive = x.var(axis=0) * len(x) > 1e-9 * (x**2).sum(axis=0).max()
    r = np.array([np.corrcoef(x[:, k], y[:, k])[0, 1] if y[:, k].var() > 0 else 0.0 for k in np.flatnonzero(alive)])
    assert len(r) > 20 and row.correlation == pytest.approx(np.median(r), rel=1e-6)
    assert row.rate_Hz == pytest.approx(sent / (pair[1].network.population(name).n * seconds), rel=1e-9)
    assert row.beyond == pytest.approx((x > 1.5 * SCALE).mean(), abs=1e-9)
    kept = found.traces[name]
    assert kept.shape == (2, min(100, x.shape[1]), len(x))
    if x.shape[1] <= 100:
        np.testing.assert_allclose(kept[0], x.T, rtol=0, atol=1e-9)
        np.testing.assert_allclose(kept[1], y.T, rtol=0, atol=1e-9)


def test_forecasts(pair: tuple[Circuit, Circuit], found: Fidelity, walk: Shows) -> None:
    """Oracle: the readouts of both circuits on the engines, and mean squares by hand."""
    frames, one, two, last = [], [], [], []
    for movie in (walk(9, 4), walk(8, 5)):
        for circuit, kept in zip(pair, (one, two), strict=True):
            kept.append(engine("event").build(circuit.network, state=circuit.state()).run(movie).readouts[FORECAST][UNSCORED:, ..., 0])
        frames.append(movie.frames[UNSCORED:])
        last.append(movie.frames[UNSCORED - 1 : -1])
    x, a, b, before = (np.concatenate(part) for part in (frames, one, two, last))
    assert (found.n_frames, len(x)) == (5, 11)
    np.testing.assert_allclose(found.forecasts, [x, a, b], rtol=0, atol=1e-9)
    for told, meant in (
        (found.mse_rates, a - x),
        (found.mse_cells, b - x),
        (found.mse_between, a - b),
        (found.mse_copy, before - x),
    ):
        assert told == pytest.approx((meant**2).mean(), rel=1e-9)
    assert found.ssim_rates == pytest.approx(ssim(a, x)) and found.ssim_cells == pytest.approx(ssim(b, x)) and ssim(x, x) == 1.0
    assert np.isnan(ssim(x[:0], x[:0]))


def test_what_it_costs(pair: tuple[Circuit, Circuit], found: Fidelity, walk: Shows) -> None:
    """Oracle: spikes counted by the engine once activity has settled, each with the synapses that start at its cell."""
    rates, cells = pair
    spikes = operations = 0.0
    for movie in (walk(9, 4), walk(8, 5)):
        counts = engine("event").build(cells.network, state=cells.state()).run(movie).counts
        late = {name: c[UNSETTLED:].sum(axis=0).ravel() for name, c in counts.items()}
        spikes += sum(c.sum() for c in late.values())
        for j in cells.network.projections:
            operations += np.bincount(cells.network.edges(j).pre, minlength=len(late[j.source])) @ late[j.source]
    assert found.spikes_per_frame == pytest.approx(spikes / 5, rel=1e-12)
    assert found.synaptic_operations_per_frame == pytest.approx(operations / 5, rel=1e-12)
    assert found.multiply_adds_per_frame == sum(len(rates.network.edges(j).pre) for j in rates.network.projections)


def test_who_is_compared(pair: tuple[Circuit, Circuit], found: Fidelity, walk: Shows) -> None:
    """Oracle: the populations of the rate model, without partners; the worst of a kind; how far it is."""
    rates, cells = pair
    assert [r.population for r in found.rows] == [p.name for p in rates.network.populations] == [p.name for p in standing(cells)]
    assert cells.partners
    assert found.worst("error") == max(r.nrmse for r in found.rows if "error" in r.population)
    seen = []
    fidelity(rates, rates, [walk(7, 1), walk(8, 1)], after=lambda done, total: seen.append((done, total)))
    assert seen == [(n, 15) for n in range(1, 16)]


def test_clips_that_are_too_short(pair: tuple[Circuit, Circuit], walk: Shows) -> None:
    """Oracle: the frames after 300 ms: a clip that has none changes nothing of the populations; without any it is refused."""
    rates, cells = pair
    one, two = (fidelity(rates, cells, movies) for movies in ([walk(8, 4)], [walk(8, 4), walk(4, 5)]))
    assert one.n_frames == two.n_frames == 2 and one.rows == two.rows and one.spikes_per_frame == two.spikes_per_frame
    assert two.forecasts.shape[1] == one.forecasts.shape[1] + 1
    with pytest.raises(MovieError, match=r"fidelity: needs longer clips; got \[6, 2\]; allowed: > 6 frames"):
        fidelity(rates, cells, [walk(6, 4), walk(2, 4)])


# ---- lag


@pytest.mark.parametrize("shift", [0.0, 3.0, -4.0, 2.4, -0.3])
def test_lag(shift: float) -> None:
    """Oracle: a sum of slow sines, shifted by a known time; noise does not move it far."""
    rng, at = np.random.default_rng(0), np.arange(400.0)
    periods, phases = rng.uniform(40.0, 120.0, (20, 5, 1)), rng.uniform(0.0, 2 * np.pi, (20, 5, 1))

    def waves(t: A) -> A:
        return np.sin(2 * np.pi * t / periods + phases).sum(axis=1)

    assert best_lag(np.stack([waves(at), waves(at - shift)])) == pytest.approx(shift, abs=0.02)
    noisy = waves(at - shift) + 0.3 * rng.normal(size=(20, 400))
    assert best_lag(np.stack([waves(at), noisy])) == pytest.approx(shift, abs=0.3)
    assert best_lag(np.stack([waves(at), 0.5 * waves(at - shift) + 2.0])) == pytest.approx(shift, abs=0.1)


def test_lags_that_cannot_be_told() -> None:
    """Oracle: nothing moves; too few steps; a shift beyond those that are tried."""
    still, short = np.ones((2, 3, 100)), np.random.default_rng(0).random((2, 3, 30))
    assert np.isnan(best_lag(still)) and np.isnan(best_lag(short))
    ramp = np.cumsum(np.random.default_rng(1).normal(size=(1, 3, 200)), axis=2)
    assert best_lag(np.concatenate([ramp[..., 40:], ramp[..., 20:-20]])) == 15.0


def test_units_whose_cells_are_silent_count_as_uncorrelated() -> None:
    """Oracle: by hand: nine of ten units have silent cells, so the median of r is 0."""
    x = np.random.default_rng(0).random((50, 10))
    y = np.where(np.arange(10) == 0, x, 0.0)
    sums = _Sums(10)
    sums.add(x, y, np.full(10, 9.0))
    assert sums.correlation() == 0.0
    sums.add(x[:, :1].repeat(10, axis=1), x[:, :1].repeat(10, axis=1), np.full(10, 9.0))
    assert 0 < sums.correlation() < 1
