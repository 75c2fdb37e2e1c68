"""Sleep makes cells of all sites answer alike. Oracles: the mean over sites, and the rule's equation over recorded spikes."""

from __future__ import annotations

import numpy as np
import pytest

from plasticity import ErrorGated, GatedDelta, LateralEqualising
from plasticity.sleep import Sleep, asleep, patterns, rasters, routes, sleep_through
from snn.constraints import dale, graded_quantities, unshared
from snn.description import Network
from snn.engines import engine
from snn.engines.driver import Simulation
from snn.errors import DescriptionError
from snn.prednet import PredNetSpec, prednet, rate_network
from snn.recording import Record
from snn.state import State, initial_state
from snn.testing import random_walk
from snn.topology import existing

SIDE, FIELD = 6, 3
SHOWN = 4, 3 * FIELD**2 + 2
"""A pattern for excitatory synapses and one for inhibitory ones."""
HALF = Sleep(eta=0.5)


def circuit(**more: object) -> Network:
    spec = {"rows": SIDE, "cols": SIDE, "field": FIELD, "transient": False, "initial_forecast_mV": 0.2, **more}
    return prednet(PredNetSpec(**spec), ErrorGated(eta=1.0))  # type: ignore[arg-type]


def build(network: Network, state: State | None = None) -> Simulation:
    return engine("event").build(network, state=state, seed=1)


def night(network: Network, sleep: Sleep) -> tuple[State, State]:
    """States before and after a night."""
    simulation = build(network)
    before = simulation.state()
    sleep_through(simulation, sleep, build)
    return before, simulation.state()


def means(w: np.ndarray, there: np.ndarray) -> np.ndarray:
    return np.asarray(np.where(there, w, 0.0).sum((0, 1)) / there.sum((0, 1)))


def grain(network: Network) -> float:
    """Weight that one spike of an answer to a burst of ten stands for."""
    (route,) = routes(network)
    rule = asleep(network, route, Sleep(), dt_ms=1.0).projection(route.excitatory.name).rule
    assert isinstance(rule, LateralEqualising)
    return rule.grain_mV / 10.0


@pytest.fixture(scope="module")
def slept() -> tuple[Network, State, State]:
    network = circuit()
    return (network, *night(network, Sleep()))


def test_a_night_gives_every_site_the_mean_weights(slept: tuple[Network, State, State]) -> None:
    """Oracle: the mean over the sites that have a place, borders and corners included, to what a spike can tell."""
    network, before, after = slept
    for j in routes(network)[0]:
        there = existing(j.topology, *network.ends(j))
        born, w = before.weights(j.name), after.weights(j.name)
        mean = means(born, there)
        assert np.abs(means(w, there) - mean).max() < 0.5 * grain(network)
        off, was = (np.abs(x - mean)[there] for x in (w, born))
        # The burst before has not quite died away: a little of the differences elsewhere in the field is heard.
        assert (off < 1.5 * grain(network) + 0.1 * was.max()).all()
        assert np.sqrt((off**2).mean()) < 0.15 * np.sqrt((was**2).mean())
        assert (w[~there] == 0).all() and (w >= 0).all()


def test_different_patterns_do_not_equalise() -> None:
    """Oracle: the control: bursts and up states as many, but the mean is one over different places."""
    network = circuit()
    before, after = night(network, Sleep(mixed=True))
    found = []
    for state in (before, after):
        j = routes(network)[0].excitatory
        there = existing(j.topology, *network.ends(j))
        w = state.weights(j.name)
        found.append(means(w, there))
    # Means of places are drawn to the mean of all of them: what the places told apart is gone.
    assert found[1].std() < 0.5 * found[0].std()


def test_only_the_weights_of_the_route_change(slept: tuple[Network, State, State]) -> None:
    """Oracle: every other array, byte by byte, and the description."""
    network, before, after = slept
    learned = {f"weights/{j.name}" for j in routes(network)[0]}
    assert before.arrays.keys() == after.arrays.keys() and before.digest == after.digest
    for key, a in before.arrays.items():
        assert np.array_equal(a, after.arrays[key]) == (key not in learned), key


def test_a_slept_network_cannot_peek(slept: tuple[Network, State, State]) -> None:
    """Oracle: the forecast of the unchanged movie up to and with the changed frame, while learning too."""
    network, _, state = slept
    movie = random_walk(4, SIDE, SIDE)
    other = movie.frames.copy()
    other[2:] = 1.0 - other[2:]
    one, two = (build(network, state).run(m, learn=True).readouts["level0.forecast"] for m in (movie, type(movie)(other, movie.frame_ms)))
    assert np.array_equal(one[:3], two[:3]) and not np.array_equal(one[3], two[3])


def pattern_shown(name: str, number: int) -> tuple[State, State, dict[str, np.ndarray], list[object]]:
    """States before and after one pattern, spikes of each population in each step, and all of them in order."""
    network = circuit()
    (route,) = routes(network)
    dreaming = asleep(network, route, HALF, dt_ms=1.0)
    born = initial_state(dreaming, dt_ms=1.0, seed=1)
    simulation = engine(name).build(dreaming, state=born, dt_ms=1.0)
    given = rasters(network, route, patterns(network, route)[number], HALF, dt_ms=1.0)
    recording = simulation.run(n_frames=1, rasters=given, learn=True, record=Record(spikes=True))
    found, listed = {}, list[object]()
    for p in dreaming.populations:
        spikes = recording.spikes[p.name]
        found[p.name] = np.zeros((len(given["sleep.up"]), p.n))
        np.add.at(found[p.name], (spikes.steps, spikes.cells), 1)
        listed.append((p.name, sorted(zip(spikes.steps.tolist(), spikes.cells.tolist(), strict=True))))
    return born, simulation.state(), found, listed


@pytest.mark.parametrize("number", SHOWN)
def test_what_a_pattern_changes(number: int) -> None:
    """Oracle: the rule's equation, synapse by synapse, over the recorded spikes."""
    network = circuit()
    (route,) = routes(network)
    born, after, spikes, _ = pattern_shown("event", number)
    changed = []
    for j in route:
        rule = asleep(network, route, HALF, dt_ms=1.0).projection(j.name).rule
        assert isinstance(rule, LateralEqualising)
        sign, delay = (1.0, 50) if j == route.excitatory else (-1.0, 49)
        u, held = np.zeros(SIDE**2), []
        for row in spikes["sleep.up"].reshape(-1, SIDE**2, 2)[..., 0]:
            u = u * np.exp(-1.0 / rule.tau_up_ms)
            held.append(np.minimum(u, 1.0))
            u = u + row
        edges = network.edges(j)
        w, expected = born.weights(j.name).ravel(), born.weights(j.name).ravel().copy()
        tags = np.zeros(len(edges.pre))
        for step, cell in zip(*np.nonzero(spikes[j.source]), strict=True):
            if step + delay - 1 < len(held):
                mine = np.flatnonzero(edges.pre == cell)
                tags[mine] += held[step + delay - 1][edges.post[mine] // 2]
        total = {k: a.sum(0) for k, a in spikes.items()}
        for cell in range(network.population(j.target).n):
            mine, site = np.flatnonzero(edges.post == cell), cell // 2
            zbar = total["sleep.up"][2 * site] * total["sleep.mean"][cell] / total["sleep.sites"][site]
            error = total[j.target][cell] - zbar
            step_mV = sign * rule.eta * rule.grain_mV * error * tags[mine] / (rule.c + sum(tags[mine] ** 2))
            expected[edges.weight[mine]] = np.maximum(w[edges.weight[mine]] - step_mV, 0.0)
        np.testing.assert_allclose(after.weights(j.name).ravel(), expected, rtol=1e-9, atol=1e-12)
        changed.append(bool(np.abs(expected - w).max() > 0.01))
    assert sum(changed) == 1, "a pattern is for synapses of one sign"


def test_the_pools_tell_the_mean() -> None:
    """Oracle: counts over all cells and sites, over as many sites as can be up at once."""
    _, _, spikes, _ = pattern_shown("event", SHOWN[0])
    answered = spikes["level0.prediction"].reshape(-1, SIDE**2, 2).sum((0, 1))
    most = (SIDE // FIELD) ** 2
    told = spikes["sleep.mean"].reshape(-1, SIDE**2, 2).sum(0)
    assert (told == told[0]).all() and (np.abs(told[0] - answered / most) <= 1).all() and (answered > 100).all()
    held = spikes["sleep.up"].reshape(-1, SIDE**2, 2)[..., 0].sum(0)
    assert (held == held[0]).all() and (np.abs(spikes["sleep.sites"].sum(0) - held.sum() / most) <= 1).all()


@pytest.mark.parametrize("name", ["reference", pytest.param("brian", marks=pytest.mark.slow)])
def test_engines_sleep_alike(name: str) -> None:
    """Oracle: the event engine: the same spikes in the same steps, weights within 1e-9."""
    for number in SHOWN:
        _, one, _, mine = pattern_shown("event", number)
        _, two, _, other = pattern_shown(name, number)
        assert mine == other
        for j in routes(circuit())[0]:
            np.testing.assert_allclose(two.weights(j.name), one.weights(j.name), rtol=1e-9, atol=1e-12)


def test_asleep_obeys_the_same_biology() -> None:
    """Oracle: the constraints of the network awake: signs, unshared weights, spikes between cells."""
    network = circuit()
    dreaming = asleep(network, routes(network)[0], Sleep(), dt_ms=1.0)
    state = initial_state(dreaming, dt_ms=1.0, seed=0)
    assert not dale(dreaming, state) and not unshared(dreaming, state) and not graded_quantities(dreaming)


def test_routes_of_other_circuits() -> None:
    """Oracle: the names that a circuit's learned routes have."""
    gated = prednet(PredNetSpec(rows=8, cols=8, levels=2, field=3, branches=2), GatedDelta(), upper_rule=ErrorGated())
    assert [r.excitatory.target for r in routes(gated)] == ["level0.branch", "level1.prediction"]
    (route,) = routes(circuit())
    assert [j.source for j in route] == ["level0.representation", "level0.representation_inh"]
    assert len(patterns(circuit(), route)) == 2 * 2 * FIELD**2


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (circuit(rows=9), "square"),
        (rate_network(circuit()), "spiking"),
        (prednet(PredNetSpec(rows=6, cols=6)), "no learned route"),
    ],
    ids=["oblong", "rate", "fixed"],
)
def test_what_cannot_sleep_is_told(network: Network, words: str) -> None:
    with pytest.raises(DescriptionError, match=words):
        routes(network)


@pytest.mark.parametrize(("nights", "total", "after"), [(1, 7, {7}), (2, 8, {4, 8}), (3, 10, {3, 7, 10}), (9, 2, {1, 2})])
def test_nights_are_spread_evenly_and_the_last_ends(nights: int, total: int, after: set[int]) -> None:
    """Oracle: counted by hand."""
    assert Sleep(nights=nights).after(total) == after
