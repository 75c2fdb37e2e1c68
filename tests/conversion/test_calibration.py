"""What spiking populations miss is found, and mended; a correction that does not help is not kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from conversion.calibration import Line, Regression, at_scale, corrected, per_target, shadowed, teacher_forced
from conversion.circuit import Answer, Circuit, standing
from conversion.closed_loop import beside, close_loop
from conversion.dale import Route, route_dale
from conversion.neuron import answer, integrate_and_fire, leaky_integrate_and_fire
from conversion.open_loop import open_loop
from conversion.populate import populate
from conversion.scaling import percentiles, scale
from snn.cells import LIF
from snn.description import Network
from snn.stimuli.movie import Movie

A = NDArray[np.float64]
Circuits = Callable[..., Circuit]
Shows = Callable[..., Movie]


def scaled(circuit: Circuit, movies: list[Movie]) -> Circuit:
    """At 100 Hz for the strongest activity of each population."""
    found = percentiles(circuit, movies, dead="keep")
    return scale(circuit, {name: np.full_like(x, x.max()) for name, x in found.items()}, 100.0)


def spiking(rates: Circuit, copies: int = 8, fan_in: int | None = None) -> Circuit:
    return integrate_and_fire(populate(route_dale(rates), copies, fan_in))


@pytest.fixture(scope="module")
def pair(handmade: Circuits, walk: Shows) -> tuple[Circuit, Circuit, list[Movie]]:
    """Rate units, cells, and clips."""
    movies = [walk(6, seed, size=4) for seed in (1, 2)]
    rates = scaled(handmade(), movies)
    return rates, spiking(rates), movies


# ---- the line


def test_the_line_is_that_of_least_squares() -> None:
    """Oracle: ``numpy.polyfit``, channel by channel, whatever the pieces; NRMSE by its formula."""
    rng, found = np.random.default_rng(0), Regression()
    meant = rng.random((300, 4, 3))
    told = meant * [0.8, 1.1, 1.6] + [0.1, -0.2, 0.0] + 0.05 * rng.normal(size=meant.shape)
    for piece in np.split(np.arange(300), [20, 21, 150]):
        found.add("p", told[piece], meant[piece])
    line = found.line("p")
    for k in range(3):
        slope, offset = np.polyfit(meant[..., k].ravel(), told[..., k].ravel(), 1)
        assert (line.slope[k], line.offset[k]) == pytest.approx((slope, offset), rel=1e-9)
    assert found.nrmse("p") == pytest.approx(np.sqrt(((told - meant) ** 2).sum() / (meant**2).sum()), rel=1e-12)
    found.add("q", meant, meant)
    assert found.nrmse("q") == 0.0 and found.mean_nrmse() == pytest.approx(found.nrmse("p") / 2)


def test_lines_that_say_nothing_or_too_much() -> None:
    """Oracle: by hand: a channel that never changes, one that is silent, noise, and slopes beyond the limits."""
    x, noise = np.linspace(0.01, 1.0, 150), np.random.default_rng(0).random(150)
    told = np.stack([0.7 + 0 * x, 0 * x, noise, 5.0 * x, 0.1 * x + 0.02], axis=1)
    found, few = Regression(), Regression()
    found.add("p", told, np.stack([0.4 + 0 * x, 0 * x, x, x, x], axis=1))
    line = found.line("p")
    assert line.slope.tolist() == [1.0, 1.0, 1.0, 2.0, 0.5] and line.offset.tolist()[:3] == [0.0, 0.0, 0.0]
    # With its slope held, the line still passes through the means.
    assert line.offset[3:] == pytest.approx([(5.0 - 2.0) * x.mean(), (0.1 - 0.5) * x.mean() + 0.02])
    few.add("p", told[:99, 3:], np.stack([x, x], axis=1)[:99])
    assert few.line("p").slope.tolist() == [1.0, 1.0]


def test_the_line_is_fitted_where_units_are_active() -> None:
    """Oracle: ``numpy.polyfit`` on activities above 5 % of the scale; the error counts all."""
    rng, found = np.random.default_rng(1), Regression()
    meant = 2.0 * rng.random((400, 2))
    told = np.maximum(0.9 * meant - 0.15, 0.0)
    found.add("p", told, meant, np.array([4.0, 0.2]))
    for k, scale_of_channel in enumerate((4.0, 0.2)):
        use = meant[:, k] > 0.05 * scale_of_channel
        slope, offset = np.polyfit(meant[use, k], told[use, k], 1)
        assert (found.line("p").slope[k], found.line("p").offset[k]) == pytest.approx((slope, offset), rel=1e-9)
    assert found.line("p").slope[0] == pytest.approx(0.9) and found.line("p").slope[1] < 0.899
    assert found.nrmse("p") == pytest.approx(np.sqrt(((told - meant) ** 2).sum() / (meant**2).sum()), rel=1e-12)


def test_offsets_are_measured_by_the_scale(pair: tuple[Circuit, Circuit, list[Movie]]) -> None:
    """Oracle: the scale, which is an activity of 100 Hz."""
    rates, cells, movies = pair
    scales = {name: 100.0 / per_unit for name, per_unit in rates.per_unit_Hz.items()}
    line = at_scale(Line(np.ones(3), np.full(3, 0.2)), cells, "first")
    np.testing.assert_allclose(line.offset, 0.2 / scales["first"], rtol=1e-9)
    assert len(movies) == 2


# ---- the correction


@pytest.mark.parametrize("fan_in", [None, 2])
@pytest.mark.parametrize("own", [False, True])
def test_factors_of_targets(fan_in: int | None, own: bool, handmade: Circuits) -> None:
    """Oracle: every synapse of every topology, and the feature of the cell that it reaches."""
    circuit = populate(handmade(), 4, fan_in)
    network = circuit.network
    if own:
        bare = [p.model_copy(update={"pools": None}) for p in network.populations]
        network = Network(**{**dict(network), "populations": tuple(bare)})
    for j in network.projections:
        target = network.population(j.target)
        factors = np.arange(1.0, 1.0 + target.shape[2])
        e, spread = network.edges(j), np.broadcast_to(per_target(network, j, factors), network.weight_shape(j.name)).ravel()
        assert spread[e.weight].tolist() == factors[e.post // 4 % target.shape[2]].tolist(), j.name


@pytest.mark.parametrize("damping", [1.0, 0.5])
def test_what_a_correction_does(damping: float, handmade: Circuits) -> None:
    """Oracle: by hand: a current ``own + x`` becomes ``own + (x - gain b) / a``, of a population and of its partner."""
    cells = leaky_integrate_and_fire(populate(route_dale(scale(handmade(), ones(handmade()), 100.0)), 3))
    slope, offset = np.array([1.2, 0.9, 1.0]), np.array([0.05, -0.1, 0.0])
    found = corrected(cells, {"first": Line(slope, offset), "eye": Line(np.array([1.5]), np.array([0.1]))}, damping)
    assert all(p.biased for p in found.network.populations) and found.answers is cells.answers
    assert found.network.population("eye").drive_gain == pytest.approx(cells.network.population("eye").drive_gain / 1.5**damping)
    assert found.network.population("eye_inh").drive_gain == found.network.population("eye").drive_gain
    for name in ("first", "first_inh"):
        own, gain = cells.answer(name).bias_mV, cells.answer(name).gain_mV
        before, after = (c.bias(name).reshape(16, 3, 3) - own for c in (cells, found))
        meant = (before - damping * gain * offset[:, None]) / slope[:, None] ** damping
        np.testing.assert_allclose(after, meant, rtol=1e-9, atol=1e-12)
    for j in cells.network.projections:
        one, two = cells.weights(j.name), found.weights(j.name)
        if j.target in ("first", "first_inh"):
            e = found.network.edges(j)
            factor = slope[e.post // 3 % 3] ** damping
            np.testing.assert_allclose(two.ravel()[e.weight] * factor, one.ravel()[e.weight], rtol=1e-12)
        else:
            assert two.tobytes() == one.tobytes(), j.name
    for name in ("second", "whole", "coarse_inh"):
        assert found.bias(name).tobytes() == cells.bias(name).tobytes()


def ones(circuit: Circuit) -> dict[str, A]:
    return {p.name: np.ones(p.shape[2]) for p in circuit.network.populations}


def too_strong(cells: Circuit, name: str, factor: float) -> Circuit:
    """Let the cells of a population fire more than they should, by a factor."""
    network = cells.network
    for one in (name, f"{name}_inh"):
        if one in network._by_name:
            network = network.override(f"{one}.cell.tau_mem_ms", network.population(one).cell.tau_mem_ms / factor)  # type: ignore[union-attr]
    return replace(cells, network=network)


def all_too_strong(cells: Circuit, factor: float) -> Circuit:
    """Let all cells fire more than is known of them, by a factor."""
    network, answers = cells.network, {}
    for p in network.populations:
        answers[p.name] = cells.answer(p.name)
        network = network.override(f"{p.name}.cell.tau_mem_ms", p.cell.tau_mem_ms / factor)  # type: ignore[union-attr]
    return replace(cells, network=network, answers=answers)


def test_a_wrong_gain_is_found_and_mended(pair: tuple[Circuit, Circuit, list[Movie]]) -> None:
    """Oracle: the factor that was put in; after the correction the circuit misses no more than the one without it."""
    rates, cells, movies = pair
    good = beside(rates, cells, movies)
    wrong = too_strong(cells, "first", 1.3)
    lines, found = teacher_forced(rates, wrong, movies)
    assert lines["first"].slope == pytest.approx(1.3, rel=0.02) and lines["first"].offset == pytest.approx(0.0, abs=0.01)
    assert all(line.slope == pytest.approx(1.0, abs=0.1) for name, line in lines.items() if name != "first")
    assert found.nrmse("first") == pytest.approx(0.3, abs=0.02)
    mended = corrected(wrong, lines)
    before, after = beside(rates, wrong, movies), beside(rates, mended, movies)
    assert before.nrmse("first") > 0.2 and before.nrmse("whole") > 3 * good.nrmse("whole")
    assert after.nrmse("first") < 1.3 * good.nrmse("first") and after.mean_nrmse() < 1.2 * good.mean_nrmse()


def test_a_wrong_current_is_found_and_mended(pair: tuple[Circuit, Circuit, list[Movie]]) -> None:
    """Oracle: the current that was put in, where units are never silent: the population that the eye drives."""
    rates, cells, movies = pair
    network = cells.network.override("eye.biased", True).override("eye_inh.biased", True)
    extra = {f"bias/{name}": np.full(network.population(name).n, 0.15) for name in ("eye", "eye_inh")}
    wrong = replace(cells, network=network, arrays={**cells.arrays, **extra})
    lines, _ = teacher_forced(rates, wrong, movies)
    assert lines["eye"].slope == pytest.approx(1.0, rel=0.02) and lines["eye"].offset == pytest.approx(0.15, abs=0.01)
    mended = corrected(wrong, {"eye": lines["eye"]})
    good, bad, after = (beside(rates, c, movies).nrmse("eye") for c in (cells, wrong, mended))
    assert bad > 0.1 and after < 1.2 * good


def test_taught_cells_hear_only_rates(pair: tuple[Circuit, Circuit, list[Movie]]) -> None:
    """Oracle: the description: cells have the inputs of their units and no synapses of their own; rates stay rates."""
    rates, cells, _ = pair
    both = shadowed(rates, cells)
    shadows = {f"{p.name}.cells" for p in standing(rates)}
    assert {p.name for p in both.network.populations} == shadows | {p.name for p in rates.network.populations}
    assert not any(j.source in shadows for j in both.network.projections)
    assert len(both.network.projections) == 2 * len(rates.network.projections)
    for j in rates.network.projections:
        assert both.weights(j.name).tobytes() == rates.weights(j.name).tobytes()
    assert both.network.population("first.cells").cell == cells.network.population("first").cell


@pytest.mark.parametrize("damping", [1.0, 0.5])
def test_taught_cells_are_corrected_once(damping: float, handmade: Circuits) -> None:
    """Oracle: by hand: after two corrections the weights, constant currents and drive of taught cells differ by the lines alone."""
    rates = scale(handmade(), ones(handmade()), 100.0)
    cells = leaky_integrate_and_fire(populate(route_dale(rates), 3))
    one = {"first": Line(np.array([1.2, 0.9, 1.0]), np.array([0.05, -0.1, 0.0])), "eye": Line(np.array([1.5]), np.array([0.1]))}
    two = {"first": Line(np.array([1.1, 1.1, 0.8]), np.array([0.0, 0.1, 0.02])), "whole": Line(np.array([0.8]), np.array([0.0]))}
    found = corrected(corrected(cells, one, damping), two, damping)
    before, after = shadowed(rates, cells), shadowed(rates, found)
    slope = {"first": (np.array([1.32, 0.99, 0.8])) ** damping, "whole": np.full(3, 0.8) ** damping}
    for j in before.network.projections:
        if not j.target.endswith(".cells"):
            assert after.weights(j.name).tobytes() == before.weights(j.name).tobytes()
            continue
        name = j.target.removesuffix(".cells")
        e = before.network.edges(j)
        p = before.network.population(j.target)
        factor = slope.get(name, np.ones(p.shape[2]))[e.post // p.copies % p.shape[2]]
        w, was = (c.weights(j.name).ravel()[e.weight] for c in (after, before))
        np.testing.assert_allclose(w * factor, was, rtol=1e-12, err_msg=j.name)
    own, gain = cells.answer("first").bias_mV, cells.answer("first").gain_mV
    x, y = (c.bias("first.cells").reshape(16, 3, 3) - own for c in (before, after))
    for lines in (one, two):
        x = (x - damping * gain * lines["first"].offset[:, None]) / lines["first"].slope[:, None] ** damping
    np.testing.assert_allclose(y, x, rtol=1e-9, atol=1e-12)
    drive = [c.network.population("eye.cells").drive_gain for c in (before, after)]
    assert drive[1] == pytest.approx(drive[0] / 1.5**damping)
    np.testing.assert_allclose(found.slope("first_inh"), slope["first"], rtol=1e-12)
    assert cells.slope("first").tolist() == [1.0] * 3 and found.slope("second_inh").tolist() == [1.0] * 2


@pytest.mark.parametrize("route", ["twin", "relay"])
def test_passes_one_after_the_other(route: Route, pair: tuple[Circuit, Circuit, list[Movie]]) -> None:
    """Oracle: the factor that was put in; once cells alone are mended, nothing is left, and the next pass does no harm."""
    rates, _, movies = pair
    cells = integrate_and_fire(populate(route_dale(rates, route), 8))
    wrong = all_too_strong(cells, 1.2)
    lines, _ = open_loop(wrong)
    assert all(line.slope == pytest.approx(1.2, rel=0.01) for line in lines.values())
    alone = corrected(wrong, lines)
    left, found = teacher_forced(rates, alone, movies)
    assert all(line.slope == pytest.approx(1.0, abs=0.03) for line in left.values()) and found.mean_nrmse() < 0.05
    good, bad, one, two = (beside(rates, c, movies).mean_nrmse() for c in (cells, wrong, alone, corrected(alone, left)))
    assert bad > 0.4 and one < 1.1 * good and two < 1.05 * one


def test_interneurons_are_corrected_as_their_own_kind_is(handmade: Circuits) -> None:
    """Oracle: by hand: what follows a population hears what is corrected; only a line of its own changes it."""
    rates = scale(handmade(), ones(handmade()), 100.0)
    line, other = Line(np.array([1.25]), np.array([0.04])), Line(np.array([0.8]), np.array([0.0]))
    names = {"relay": ("first_exc", "first_inh"), "parisien": ("first_exc", "first_inh_1_3"), "feedforward_inhibition": ("first_slow_inh",)}
    for route, interneurons in names.items():
        cells = leaky_integrate_and_fire(populate(route_dale(rates, route), 2))  # type: ignore[arg-type]
        found = corrected(cells, {"first": line})
        own = corrected(cells, dict.fromkeys(interneurons, other))
        for name in interneurons:
            assert found.bias(name).tobytes() == cells.bias(name).tobytes() and (found.slope(name) == 1.0).all()
            assert (own.slope(name) == 0.8).all() and (own.slope("first") == 1.0).all()
            onto = [j.name for j in cells.network.projections if j.target == name]
            assert onto and all(found.weights(j).tobytes() == cells.weights(j).tobytes() for j in onto)
            assert all(own.weights(j) == pytest.approx(cells.weights(j) / 0.8) for j in onto)
        assert open_loop(cells)[0].keys() == {p.name for p in cells.network.populations}


# ---- cells alone


def test_cells_alone_are_measured(pair: tuple[Circuit, Circuit, list[Movie]]) -> None:
    """Oracle: the law of the cell: a current of 1 is the scale; the factor that was put in; one measurement a kind."""
    _, cells, _ = pair
    lines, measured = open_loop(replace(cells, answers={"first": Answer(100.0, 1.3, np.zeros(8))}))
    assert lines.keys() == {p.name for p in cells.network.populations} and len(measured) == 2
    for name, line in lines.items():
        slope, offset = float(line.slope[0]), float(line.offset[0])
        assert slope == pytest.approx(1.3 if name == "first" else 1.0, rel=0.01) and offset == pytest.approx(0.0, abs=0.01)
    found = measured["first"]
    np.testing.assert_allclose(found.told, 1.3 * found.activity, rtol=0, atol=0.02)
    missed = np.sqrt(((0.3 * found.activity) ** 2).mean())
    assert found.residual == pytest.approx(missed, rel=0.05) and measured["eye"].residual < 0.01


def test_leaky_cells_alone(handmade: Circuits) -> None:
    """Oracle: after the correction by what was measured the same cells are measured to be right."""
    circuit = populate(route_dale(scale(handmade(), ones(handmade()), 100.0)), 3)
    cells = leaky_integrate_and_fire(circuit)
    lines, measured = open_loop(cells)
    assert len(measured) == 1
    (found,) = measured.values()
    own, at = cells.answer("whole"), found.activity
    current = at[:, None] * own.gain_mV + own.bias_mV
    cell = cells.network.population("whole").cell
    assert isinstance(cell, LIF)
    np.testing.assert_allclose(found.told, answer(cell, current).mean(axis=1) / own.r_max_Hz, rtol=0, atol=0.03)
    fitted = (at >= 0.05) & (at <= 1.0)
    slope, offset = np.polyfit(at[fitted], found.told[fitted], 1)
    assert (lines["whole"].slope[0], lines["whole"].offset[0]) == pytest.approx((slope, offset), rel=1e-9)


# ---- in the loop


def test_the_loop_mends_what_it_can(pair: tuple[Circuit, Circuit, list[Movie]]) -> None:
    """Oracle: its own comparison: the circuit that is returned has the least of the errors that were found."""
    rates, cells, (movie, _) = pair
    wrong, movies = too_strong(cells, "first", 1.3), [movie.part(0, 5)]
    best, errors = close_loop(rates, wrong, movies, rounds=2)
    assert len(errors) >= 2 and errors[0] == beside(rates, wrong, movies).mean_nrmse()
    assert beside(rates, best, movies).mean_nrmse() == min(errors) < 0.7 * errors[0]


@pytest.mark.parametrize("damping", [3.0, -1.0])
def test_the_loop_never_returns_something_worse(damping: float, pair: tuple[Circuit, Circuit, list[Movie]]) -> None:
    """Oracle: a correction that makes things worse: the circuit that was given comes back."""
    rates, cells, (movie, _) = pair
    wrong, movies = too_strong(cells, "first", 1.3), [movie.part(0, 5)]
    best, errors = close_loop(rates, wrong, movies, damping=damping, rounds=2)
    assert best is wrong and len(errors) == 2 and errors[1] >= errors[0]
    same, (only,) = close_loop(rates, cells, movies, rounds=0)
    assert same is cells and only > 0
