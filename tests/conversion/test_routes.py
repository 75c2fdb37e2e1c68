"""Dale's law: each route does what the signed circuit does, at every step, once both have the same lag."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from conversion.activity import watch
from conversion.circuit import Circuit
from conversion.dale import ROUTES, Route, assert_dale, delayed, route_dale, share_of_synapses
from conversion.neuron import integrate_and_fire
from conversion.populate import populate
from conversion.timed_prednet import TimedPredNet
from conversion.trace import trace
from conversion.unshare import spread_out, unshare
from snn.errors import ConversionError
from snn.stimuli.movie import Movie

A = NDArray[np.float64]
Makes = Callable[..., TimedPredNet]
Circuits = Callable[..., Circuit]
Shows = Callable[..., Movie]
EXACT = 1e-6


@pytest.fixture(scope="module", params=["prednet", "prednet of kernels", "handmade"])
def case(request: pytest.FixtureRequest, tiny: Makes, handmade: Circuits, walk: Shows) -> tuple[Circuit, Movie]:
    """A signed circuit, and a movie of its size."""
    if request.param == "handmade":
        return handmade(), walk(3, size=4)
    circuit = trace(tiny())
    return (circuit if "kernels" in request.param else unshare(circuit)), walk(3)


def activities(circuit: Circuit, movie: Movie) -> dict[str, A]:
    """Of every unit, at every step."""
    moments = list(watch(circuit, movie))
    return {name: np.concatenate([m[name] for m in moments]) for name in moments[0]}


def difference(signed: Circuit, other: Circuit, movie: Movie) -> float:
    """Largest difference of an activity, over the populations of the signed circuit, which all do something."""
    a, b = activities(signed, movie), activities(other, movie)
    names = [p.name for p in signed.network.populations if p.name not in signed.partners]
    assert all(a[name].max() > 0.01 for name in names)
    return max(float(np.abs(a[name] - b[name]).max()) for name in names)


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_keeps_the_rates(route: Route, case: tuple[Circuit, Movie]) -> None:
    """Oracle: the signed circuit; for routes through one more synapse that whose synapses all have one more stage."""
    circuit, movie = case
    found = route_dale(circuit, route)
    meant = circuit if route == "twin" else delayed(circuit)
    assert difference(meant, found, movie) <= EXACT
    assert found.partners == {p.name for p in found.network.populations} - {p.name for p in circuit.network.populations}
    assert found.partner_of.keys() == found.partners and set(found.partner_of.values()) <= circuit.per_unit_Hz.keys()
    for p in circuit.network.populations:
        assert found.per_unit_Hz[p.name].tolist() == circuit.per_unit_Hz[p.name].tolist()


@pytest.mark.parametrize("route", ROUTES)
def test_every_cell_excites_or_inhibits(route: Route, case: tuple[Circuit, Movie]) -> None:
    """Oracle: signs and weights, counted; nothing is left that reaches nothing, but for readouts and errors of the top."""
    circuit, _ = case
    found = route_dale(circuit, route)
    assert {p.sign for p in found.network.populations} == {"excitatory", "inhibitory"}
    for j in found.network.projections:
        w = found.weights(j.name)
        assert (w >= 0).all() and (w > 0).any(), j.name
    assert share_of_synapses(found) == 1.0 and share_of_synapses(circuit) == 0.0
    sources = {j.source for j in found.network.projections}
    assert {p.name for p in found.network.populations if p.name in found.partners} <= sources
    assert found.network.readouts == circuit.network.readouts


def test_whose_partner_each_population_is(handmade: Circuits) -> None:
    """Oracle: by hand; the partner of a partner stands beside the same population; what is put together anew keeps it."""
    some = {
        "twin": {"first_inh": "first"},
        "relay": {"first_exc": "first", "first_inh": "first", "eye_exc": "eye"},
        "feedforward_inhibition": {"second_slow_exc": "second", "first_slow_inh": "first"},
        "parisien": {"first_exc": "first", "first_inh_1_3": "first", "second_inh_0_2_all": "second"},
    }
    for route, meant in some.items():
        found = route_dale(handmade(), route)  # type: ignore[arg-type]
        assert found.partner_of.items() >= meant.items(), route
        for later in (unshare(found), populate(found, 2), integrate_and_fire(populate(found, 2)), route_dale(found)):
            assert (later.partner_of, later.partners) == (found.partner_of, found.partners)
    assert route_dale(delayed(handmade()), "relay").partner_of["first_rel_inh"] == "first"


@pytest.mark.parametrize("route", [r for r in ROUTES if r != "parisien"])
def test_a_spread_keeps_the_balance(route: Route, handmade: Circuits, tiny: Makes, walk: Shows) -> None:
    """Oracle: the signed circuit whose kernels are spread by the same factors."""
    for circuit, movie in ((handmade(), walk(3, size=4)), (trace(tiny()), walk(3))):
        meant = circuit if route == "twin" else delayed(circuit)
        one, two = spread_out(meant, 0.3, seed=2), spread_out(route_dale(circuit, route), 0.3, seed=2)
        assert difference(one, two, movie) <= EXACT
        assert difference(meant, one, movie) > 1e-3


def test_factors_of_a_spread(handmade: Circuits) -> None:
    """Oracle: by hand: alike without the lag matched; a cell that serves a site has the mean of those whom it hears."""
    for route, one, two in (
        ("relay", "first->second/slow", "first_inh->second/slow"),
        ("feedforward_inhibition", "first->second/slow", "first->second_slow_inh/stage"),
    ):
        found = spread_out(route_dale(handmade(), route, match_lag=False), 0.3).arrays  # type: ignore[arg-type]
        assert np.asarray(found[f"factor/{one}"]).tobytes() == np.asarray(found[f"factor/{two}"]).tobytes()
    for copies in (1, 2):
        arrays = spread_out(populate(route_dale(handmade(), "parisien"), copies), 0.3).arrays
        each = np.asarray(arrays["factor/first_exc->second/slow"]).reshape(16, 3)
        np.testing.assert_allclose(arrays["factor/first_inh_1_3->second/slow"], each[:, 1:].mean(axis=1), rtol=1e-12)


def test_how_many_cells_each_route_takes(handmade: Circuits) -> None:
    """Oracle: by hand: who has negative weights, units of sources, of targets, and sites."""
    circuit = handmade()
    added = {}
    for route in ROUTES:
        found = route_dale(circuit, route)
        added[route] = found.network.n_neurons - circuit.network.n_neurons
    eye, first, second, coarse, whole = 16, 48, 32, 8, 3
    assert added["twin"] == eye + first + second + coarse
    assert added["relay"] == 2 * (eye + first + second + coarse)
    # Targets, once for each receptor, both signs: first has two receptors, second two, coarse one, whole two.
    assert added["feedforward_inhibition"] == 2 * (2 * first + 2 * second + coarse + 2 * whole)
    # Followers, and a cell for each site and each range of features; for a dense projection one.
    followers = eye + first + second + coarse
    assert added["parisien"] == followers + 16 + (16 + 16) + (16 + 1) + (4 + 1)


@pytest.mark.parametrize("route", [r for r in ROUTES if r != "twin"])
def test_without_the_lag_matched_rates_change(route: Route, handmade: Circuits, walk: Shows) -> None:
    """Oracle: neither the signed circuit nor the delayed one; with a quicker interneuron it comes nearer to the signed one."""
    circuit, movie = handmade(), walk(3, size=4)
    slow, quick = (route_dale(circuit, route, match_lag=False, tau_ei_ms=tau) for tau in (5.0, 1.0))
    assert difference(circuit, slow, movie) > 1e-3 and difference(delayed(circuit, tau_ei_ms=5.0), slow, movie) > 1e-3
    assert difference(circuit, quick, movie) < difference(circuit, slow, movie)
    assert not any(name.endswith("_exc") for name in slow.partners)


@pytest.mark.parametrize("route", [r for r in ROUTES if r != "twin"])
def test_the_lag_that_is_matched(route: Route, handmade: Circuits, walk: Shows) -> None:
    """Oracle: the delayed circuit of the same constant, and not one of another."""
    circuit, movie = handmade(), walk(3, size=4)
    found = route_dale(circuit, route, tau_ei_ms=6.0)
    assert difference(delayed(circuit, tau_ei_ms=6.0), found, movie) <= EXACT
    assert difference(delayed(circuit), found, movie) > 1e-3


def test_signs_that_are_there_already_stay(handmade: Circuits, walk: Shows) -> None:
    """Oracle: the signed circuit; a population that only excites, and one that only inhibits, have no partner."""
    circuit, movie = handmade(), walk(3, size=4)
    arrays = {}
    for j in circuit.network.projections:
        if j.source in ("eye", "coarse"):
            arrays[f"weights/{j.name}"] = np.abs(circuit.weights(j.name)) * (1.0 if j.source == "eye" else -1.0)
    circuit = circuit.with_arrays(arrays)
    found = route_dale(circuit)
    assert difference(circuit, found, movie) <= EXACT
    signs = {p.name: p.sign for p in found.network.populations}
    assert (signs["eye"], signs["coarse"], signs["whole"]) == ("excitatory", "inhibitory", "excitatory")
    assert set(signs) == {"eye", "first", "first_inh", "second", "second_inh", "coarse", "whole"}
    again = route_dale(found)
    assert again.network == found.network and difference(found, again, movie) == 0.0


def test_what_breaks_the_law_is_named(handmade: Circuits) -> None:
    """Oracle: the sentences."""
    circuit = handmade()
    with pytest.raises(ConversionError, match=r"eye: breaks Dale's law: its sign is 'mixed'; route it with"):
        assert_dale(circuit.network, circuit.state())
    found = route_dale(circuit)
    assert_dale(found.network, found.state())
    name = "first->second/fast"
    wrong = found.weights(name)
    wrong[0, 0, 0], wrong[1, 0, 0] = -0.1, np.nan
    with pytest.raises(ConversionError, match=r"first->second/fast: breaks Dale's law: 2 weights are below 0 or not numbers"):
        assert_dale(found.network, found.with_arrays({f"weights/{name}": wrong}).state())
    with pytest.raises(ConversionError, match=r"route: there is no route 'relays'; did you mean 'relay'\?"):
        route_dale(circuit, "relays")  # type: ignore[arg-type]


def test_share_of_synapses(handmade: Circuits) -> None:
    """Oracle: numbers of weights that are not 0, by hand."""
    circuit = handmade()
    network = circuit.network.override("eye.sign", "excitatory")
    half = Circuit(network, circuit.arrays, circuit.per_unit_Hz)
    positive = half.with_arrays({"weights/eye->first/fast": np.abs(circuit.weights("eye->first/fast"))})
    counts = {j.name: np.count_nonzero(circuit.weights(j.name)) for j in network.projections}
    assert share_of_synapses(half) == 0.0
    assert share_of_synapses(positive) == pytest.approx(counts["eye->first/fast"] / sum(counts.values()), rel=1e-12)
