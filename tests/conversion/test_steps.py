"""The pure steps of conversion that come before spikes: what they may not change, they do not change.

Oracle of most: the circuit as it was, at every step of 1 ms. Both are run, on nets with every kind of topology.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from conversion.activity import watch
from conversion.circuit import Circuit, per_spike, r_max_of, rebuilt
from conversion.populate import halfway, populate, stagger
from conversion.scaling import _strengths, percentiles, scale, settling_frames
from conversion.timed_prednet import TimedPredNet
from conversion.trace import trace
from conversion.unshare import spread_out, unshare
from snn.engines import engine
from snn.errors import ConversionError
from snn.recording import FORECAST
from snn.stimuli.movie import Movie
from snn.topology import SharedKernel

A = NDArray[np.float64]
Makes = Callable[..., TimedPredNet]
Circuits = Callable[..., Circuit]
Shows = Callable[..., Movie]
ALIKE = 1e-9


def activities(circuit: Circuit, movie: Movie, bin_ms: float = 1.0) -> dict[str, A]:
    """Of every unit, in every bin."""
    moments = list(watch(circuit, movie, bin_ms=bin_ms))
    return {name: np.concatenate([m[name] for m in moments]) for name in moments[0]}


def difference(one: Circuit, other: Circuit, movie: Movie) -> float:
    """Largest difference of an activity that both have; all of them do something."""
    a, b = activities(one, movie), activities(other, movie)
    assert a.keys() == b.keys()
    assert all(x.max() > 0.01 for x in a.values())
    return max(float(np.abs(a[name] - b[name]).max()) for name in a)


@pytest.fixture(scope="module", params=["prednet", "handmade"])
def case(request: pytest.FixtureRequest, tiny: Makes, handmade: Circuits, walk: Shows) -> tuple[Circuit, Movie]:
    """A circuit as it was traced, and a movie of its size."""
    if request.param == "prednet":
        return trace(tiny()), walk(3)
    return handmade(), walk(3, size=4)


# ---- weights of one's own


def test_unshared_sites_do_the_same(case: tuple[Circuit, Movie]) -> None:
    """Oracle: the circuit whose sites share kernels; the kernel itself, at a site in the middle."""
    circuit, movie = case
    found = unshare(circuit)
    assert not any(isinstance(j.topology, SharedKernel) for j in found.network.projections)
    assert found.network.readouts == circuit.network.readouts
    assert difference(circuit, found, movie) <= ALIKE
    for j in circuit.network.projections:
        if isinstance(j.topology, SharedKernel) and j.topology.size == 3:
            w = found.weights(j.name)
            assert w[2, 2].tolist() == circuit.weights(j.name)[0, 0].tolist()
            assert not w[0, :, :, 0].any() and not w[:, -1, :, :, -1].any()


def test_how_much_unshared_sites_differ(tiny: Makes) -> None:
    """Oracle: mean and standard deviation of the factors, within 4 standard errors; the same bytes for the same seed."""
    circuit = trace(tiny())
    plain, found, again, other = (unshare(circuit, spread=s, seed=n) for s, n in ((0.0, 0), (0.4, 1), (0.4, 1), (0.4, 2)))
    factors = []
    for j in circuit.network.projections:
        if isinstance(j.topology, SharedKernel):
            one, two = plain.weights(j.name), found.weights(j.name)
            assert ((one == 0) == (two == 0)).all()
            factors.append((two[one != 0] / one[one != 0]).ravel())
            assert two.tobytes() == again.weights(j.name).tobytes() != other.weights(j.name).tobytes()
        else:
            assert plain.weights(j.name).tobytes() == found.weights(j.name).tobytes()
    f = np.concatenate(factors)
    sd = np.sqrt(np.exp(0.4**2) - 1)
    assert len(f) > 5000
    assert f.mean() == pytest.approx(1.0, abs=4 * sd / np.sqrt(len(f)))
    assert np.log(f).std() == pytest.approx(0.4, abs=4 * 0.4 / np.sqrt(2 * len(f)))


def test_sites_that_share_a_kernel_can_differ_too(case: tuple[Circuit, Movie]) -> None:
    """Oracle: explicit weights, kernel times factor, on the circuit un-shared; without a spread nothing changes."""
    circuit, movie = case
    assert difference(circuit, spread_out(circuit, 0.0), movie) == 0.0
    found = spread_out(circuit, 0.3, seed=5)
    explicit = unshare(circuit)
    arrays, drawn = {}, []
    for j in circuit.network.projections:
        if isinstance(j.topology, SharedKernel):
            source = circuit.network.ends(j)[0]
            factor = found.arrays[f"factor/{j.name}"]
            assert found.network.projection(j.name).spread == 0.3 and factor.shape == (source.n,)
            first, stop = j.topology.pre_features or (0, source.features)
            each = factor.reshape(source[:3])[:, :, first:stop, None, None, None]
            arrays[f"weights/{j.name}"] = explicit.weights(j.name) * each
            drawn.append(factor)
    assert difference(explicit.with_arrays(arrays), found, movie) <= ALIKE
    f = np.log(np.concatenate(drawn))
    assert f.std() == pytest.approx(0.3, abs=4 * 0.3 / np.sqrt(2 * len(f)))


# ---- scales


def some_scales(circuit: Circuit, seed: int = 0) -> dict[str, A]:
    """A scale for each channel; one for all channels of what is driven or read."""
    rng, found = np.random.default_rng(seed), {}
    alike = {p.name for p in circuit.network.populations if p.drive} | {r.population for r in circuit.network.readouts}
    for p in circuit.network.populations:
        x = rng.uniform(0.2, 2.0, p.shape[2])
        found[p.name] = np.full_like(x, x[0]) if p.name in alike else x
    return found


def test_scaled_units_do_the_same(case: tuple[Circuit, Movie]) -> None:
    """Oracle: the circuit before; an activity at the scale is ``r_max``, so spikes are activities times r_max over scale."""
    circuit, movie = case
    scales = some_scales(circuit)
    found = scale(circuit, scales, 80.0)
    assert difference(circuit, found, movie) <= ALIKE
    for p in found.network.populations:
        assert r_max_of(p) == pytest.approx(80.0)
        np.testing.assert_allclose(found.per_unit_Hz[p.name], 80.0 / scales[p.name], rtol=1e-12)
    before = engine("event").build(circuit.network, state=circuit.state()).run(movie)
    after = engine("event").build(found.network, state=found.state()).run(movie)
    for name, counts in before.counts.items():
        np.testing.assert_allclose(after.counts[name], counts * (80.0 / scales[name]) / 100.0, rtol=1e-9, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(after.readouts[FORECAST], before.readouts[FORECAST], rtol=1e-9, atol=1e-12)
    twice = scale(scale(circuit, some_scales(circuit, 1), 200.0), scales, 80.0)
    for key, array in found.arrays.items():
        np.testing.assert_allclose(twice.arrays[key], array, rtol=1e-9, atol=1e-12, err_msg=key)


def test_scales_by_hand(handmade: Circuits) -> None:
    """Oracle: ``w' = w scale_pre / scale_post`` in model units, read from one weight of each topology, and from a bias."""
    circuit = handmade()
    s = some_scales(circuit)
    found = scale(circuit, s, 50.0)

    def in_model_units(of: Circuit, name: str, tau: float, r_max: float) -> A:
        return of.weights(name) / per_spike(r_max, tau)

    for name, tau, at, factor in (
        ("eye->first/fast", 10.0, (1, 2, 0, 1, 0, 2), s["eye"][0] / s["first"][2]),
        ("first->second/fast", 10.0, (3, 1, 2), s["first"][2] / s["second"][1]),
        ("first->second/slow", 30.0, (0, 0, 1, 2, 0, 1), s["first"][2] / s["second"][1]),
        ("coarse->first/slow", 30.0, (1, 0, 1, 2, 3, 1), s["coarse"][1] / s["first"][1]),
        ("second->whole/fast", 10.0, (2 * 7 + 1, 2), s["second"][1] / s["whole"][2]),
    ):
        one, two = in_model_units(circuit, name, tau, 100.0)[at], in_model_units(found, name, tau, 50.0)[at]
        assert two == pytest.approx(one * factor, rel=1e-12), name
    assert found.bias("second")[2 * 5 + 1] == pytest.approx(circuit.bias("second")[2 * 5 + 1] / s["second"][1])
    assert found.network.population("eye").drive_gain == pytest.approx(1.0 / s["eye"][0])


def test_percentiles(handmade: Circuits, walk: Shows) -> None:
    """Oracle: ``numpy.percentile`` of the activities above 0 after settling, channel by channel, of both clips."""
    circuit, movies = handmade(), [walk(6, 1, size=4), walk(7, 2, size=4)]
    assert settling_frames(circuit.network) == 3  # a delay of 50 ms and three times 30 ms, in frames of 50 ms
    seen = [activities(circuit, m, 5.0) for m in movies]
    found = percentiles(circuit, movies, {"second": 60.0, "": 95.0})
    for p in circuit.network.populations:
        flat = np.concatenate([x[p.name][30:].reshape(-1, p.shape[2]) for x in seen])
        for channel, x in zip(flat.T, found[p.name], strict=True):
            want = np.percentile(channel[channel > 0], 60.0 if p.name == "second" else 95.0)
            assert x == pytest.approx(want, rel=1e-5), p.name
    # With head-room the largest activity of all frames counts too, those before settling included.
    with_room = percentiles(circuit, movies, 60.0, headroom=1.2)
    plain, larger = percentiles(circuit, movies, 60.0), 0
    for p in circuit.network.populations:
        peak = np.concatenate([x[p.name].reshape(-1, p.shape[2]) for x in seen]).max(axis=0)
        np.testing.assert_allclose(with_room[p.name], np.maximum(plain[p.name], peak / 1.2), rtol=1e-5, err_msg=p.name)
        larger += int((with_room[p.name] > plain[p.name]).sum())
    assert larger > 3


def test_channels_that_do_next_to_nothing_keep_a_scale() -> None:
    """Oracle: a thousandth of the median of the others, by hand; silent ones get the median."""
    flat = np.array([[1.0, 2.0, 1e-9, 0.0], [1.0, 2.0, 1e-9, 0.0]], dtype=np.float32)
    np.testing.assert_allclose(_strengths(flat, 95.0), [1.0, 2.0, 1e-3, 1.0])


def changed(circuit: Circuit, population: str, weight: float, bias: A) -> Circuit:
    """Multiply all that reaches a population, and give it other constant currents."""
    arrays = {f"weights/{j.name}": circuit.weights(j.name) * weight for j in circuit.network.projections if j.target == population}
    p = circuit.network.population(population)
    return circuit.with_arrays({**arrays, f"bias/{population}": np.tile(bias, p.n // len(bias))})


@pytest.mark.parametrize(
    ("weight", "bias", "words"),
    [
        (1.0, [-9.0, 0.2], r"second: has dead channels, which no scale fits; got \[0\]; .*dead='keep'"),
        (1.0, [-9.0, -9.0], "second: is silent on all calibration clips"),
        (0.0, [0.3, 0.2], "second: has constant activity"),
        (float("inf"), [0.3, 0.2], "second: has activities that are not numbers"),
        (float("nan"), [0.3, 0.2], "second: has activities that are not numbers"),
    ],
)
def test_lifeless_activity_is_refused(weight: float, bias: list[float], words: str, handmade: Circuits, walk: Shows) -> None:
    """Oracle: the sentence, with the name of the population."""
    with pytest.raises(ConversionError, match=words):
        percentiles(changed(handmade(), "second", weight, np.array(bias)), [walk(6, size=4)])


def test_dead_channels_can_be_kept(handmade: Circuits, walk: Shows) -> None:
    """Oracle: their scale is the median of the others'."""
    circuit = changed(handmade(), "first", 1.0, np.array([0.2, -9.0, 0.1]))
    found = percentiles(circuit, [walk(6, size=4)], dead="keep")["first"]
    assert found[1] == pytest.approx(np.median(found[[0, 2]])) and found[0] != found[2]


def test_silent_populations_can_be_kept(handmade: Circuits, walk: Shows) -> None:
    """Oracle: a scale of 1 where nothing was ever above 0, those of the others measured; refused where only channels may be dead."""
    circuit, shown = changed(handmade(), "second", 1.0, np.array([-9.0, -9.0])), [walk(6, size=4)]
    found = percentiles(circuit, shown, dead="keep_all")
    assert found["second"].tolist() == [1.0, 1.0]
    assert (found["first"] > 0).all() and len(set(found["first"])) > 1
    with pytest.raises(ConversionError, match="second: is silent"):
        percentiles(circuit, shown, dead="keep")


def test_clips_that_are_too_short_or_missing(handmade: Circuits, walk: Shows) -> None:
    """Oracle: the sentences; settling takes 3 frames."""
    with pytest.raises(ConversionError, match=r"calibration clip 'movie': is shorter than the memory.*got 3; allowed: >= 4 frames"):
        percentiles(handmade(), [walk(5, size=4), walk(3, size=4)])
    with pytest.raises(ConversionError, match="calibration clips: there are none"):
        percentiles(handmade(), [])


def test_scales_that_cannot_be(handmade: Circuits) -> None:
    """Oracle: the sentences."""
    circuit = handmade()
    scales = some_scales(circuit)
    for r_max in (0.5, 5000.0, float("nan")):
        with pytest.raises(ConversionError, match=r"r_max_Hz: is no rate of a cell at steps of 1 ms; got .*; allowed: 1 to 500"):
            scale(circuit, scales, r_max)
    for bad in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ConversionError, match=r"scales\['first'\]: must be positive numbers"):
            scale(circuit, {**scales, "first": np.array([1.0, bad, 1.0])}, 100.0)
    with pytest.raises(ConversionError, match="whole: is driven by the eye or read out, with one gain for all channels"):
        scale(circuit, {**scales, "whole": np.array([1.0, 2.0, 1.0])}, 100.0)


# ---- copies


@pytest.mark.parametrize(("copies", "fan_in"), [(3, None), (4, 2), (4, 1)])
def test_copies_of_rate_units_do_the_same(copies: int, fan_in: int | None, case: tuple[Circuit, Movie]) -> None:
    """Oracle: the circuit of single units; every copy does what its unit did."""
    circuit, movie = case
    found = populate(circuit, copies, fan_in)
    assert difference(circuit, found, movie) <= ALIKE
    one = engine("event").build(circuit.network, state=circuit.state()).run(movie).counts
    many = engine("event").build(found.network, state=found.state()).run(movie).counts
    for p in found.network.populations:
        assert (p.copies, p.pools) == (copies, copies // (fan_in or copies))
        np.testing.assert_allclose(many[p.name], np.repeat(one[p.name], copies, axis=-1), atol=1e-9)
    for j in found.network.projections:
        heard = np.bincount(found.network.edges(j).post, minlength=1)
        alone = np.bincount(circuit.network.edges(j).post, minlength=1)
        assert heard.max() == alone.max() * (fan_in or copies)


def test_numbers_of_copies_that_cannot_be(handmade: Circuits) -> None:
    """Oracle: the sentences."""
    for copies in (0, 2000):
        with pytest.raises(ConversionError, match=rf"copies: is no number of copies; got {copies}; allowed: 1 to 1024"):
            populate(handmade(), copies)
    for fan_in in (0, 3, 8):
        with pytest.raises(ConversionError, match=rf"fan_in: must divide the number of copies; got {fan_in}"):
            populate(handmade(), 4, fan_in)
    with pytest.raises(ConversionError, match="eye: has copies already"):
        populate(populate(handmade(), 2), 2)


def test_phases_of_copies() -> None:
    """Oracle: by hand."""
    assert stagger(4).tolist() == [0.125, 0.375, 0.625, 0.875] and halfway(3).tolist() == [0.5] * 3


# ---- circuits


def test_what_does_not_fit_is_refused(handmade: Circuits) -> None:
    """Oracle: the sentences."""
    circuit = handmade()
    network = circuit.network
    with pytest.raises(ConversionError, match=r"circuit\.arrays\['bias/eye'\]: belongs to nothing in 'handmade'"):
        circuit.with_arrays({"bias/eye": np.zeros(16)}).state()
    listed = [(j, circuit.weights(j.name)) for j in network.projections]
    with pytest.raises(ConversionError, match=r"handmade: cannot be put together: .*no population 'whole'"):
        rebuilt(circuit, network.populations[:-1], listed[:-2])
    with pytest.raises(ConversionError, match="eye->first/fast: weights of the wrong shape"):
        rebuilt(circuit, network.populations, [(listed[0][0], np.zeros(3)), *listed[1:]])
