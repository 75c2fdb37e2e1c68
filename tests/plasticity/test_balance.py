"""Error cells that are born unbalanced, and the phase that calibrates them.

Oracles: the weights that balance by hand, a plain computation of the rule, the reference engine and Brian2.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from plasticity import ErrorGated, VogelsRate
from plasticity.balance import ERRORS, balancing, calibrate, inhibition_of_errors, with_rule
from plasticity.training import Plan, learn
from snn.description import Network
from snn.engines import engine
from snn.engines.driver import Simulation
from snn.errors import DescriptionError
from snn.prednet import PredNetSpec, prednet
from snn.recording import Record
from snn.seeding import stream
from snn.state import State
from snn.stimuli.drift import drifting_movies, photographs
from snn.stimuli.movie import Movie
from snn.testing import ROUND_OFF, first_difference, random_walk

SIDE, MISMATCH = 5, 0.3
ROUTES = {
    f"level0.{partner}_inh->level0.{error}/persistent_inh" for partner in ("target", "prediction") for error in ("error_pos", "error_neg")
}
PERSISTENCE = ("level0.target->level0.prediction/persistent_exc", "level0.target_inh->level0.prediction/persistent_inh")


def circuit(mismatch: float = MISMATCH, **more: object) -> Network:
    return prednet(PredNetSpec(**{"rows": SIDE, "cols": SIDE, "mismatch": mismatch, **more}), ErrorGated())  # type: ignore[arg-type]


def build(network: Network, state: State | None = None) -> Simulation:
    return engine("event").build(network, state=state, seed=0)


def scenes(n: int, seed: int = 0) -> list[Movie]:
    """Textures that stand still, of ten frames each."""
    rng = stream(seed, "testing", "scenes")
    return [Movie(np.repeat(rng.random((1, SIDE, SIDE)), 10, axis=0)) for _ in range(n)]


def balance(network: Network, state: State) -> np.ndarray:
    """Inhibitory weights of error cells; the spec's steps make 1 mV the one that balances."""
    found = [state.weights(name) for name in inhibition_of_errors(network)]
    return np.concatenate([w[w > 0] for w in found])


def rates_Hz(simulation: Simulation, shown: list[Movie], skip: int = 2) -> np.ndarray:
    """Rate of each kind of error cell while nothing is new."""
    found = []
    for movie in shown:
        simulation.restart()
        counts = simulation.run(movie).counts
        found.append([20.0 * counts[name][skip:].mean() for name in ERRORS])
    return np.mean(found, axis=0)


def test_which_routes_are_born_unequal() -> None:
    """Oracle: the spec: inhibition onto error cells of level 0, within the share, its mean balanced; all else as without."""
    spec = {"rows": 12, "cols": 12, "levels": 2}
    network, even = circuit(**spec), circuit(0.0, **spec)
    assert set(inhibition_of_errors(network)) == ROUTES
    differ = {j.name for j, k in zip(network.projections, even.projections, strict=True) if j != k}
    assert differ == ROUTES
    state = build(network).state()
    off = balance(network, state) - 1.0
    assert len(off) == 4 * 12 * 12
    assert np.abs(off).max() <= MISMATCH
    # Even on [-0.3, 0.3]: standard deviation 0.3 / sqrt(3), four standard errors of the mean of 576.
    assert abs(off.mean()) < 4 * MISMATCH / np.sqrt(3 * len(off))
    assert off.std() == pytest.approx(MISMATCH / np.sqrt(3), rel=0.1)


def test_old_descriptions_keep_their_form() -> None:
    """Oracle: the fields that a description without a mismatch had."""
    assert "mismatch" not in PredNetSpec(rows=5, cols=5).model_dump()
    assert PredNetSpec(rows=5, cols=5, mismatch=0.2).model_dump()["mismatch"] == 0.2
    weights = [json.loads(j.model_dump_json())["weights"] for j in circuit(0.0).projections if j.name in ROUTES]
    assert weights == [{"kind": "constant", "value_mV": 1.0}] * 4


def test_branches_have_error_cells_of_their_own() -> None:
    """Oracle: the message."""
    with pytest.raises(DescriptionError, match=r"prednet\.mismatch: .*use branches=1"):
        prednet(PredNetSpec(rows=6, cols=6, branches=2, mismatch=0.1))


def test_a_network_without_error_cells_is_refused() -> None:
    """Oracle: the message."""
    bare = circuit()
    kept = tuple(j for j in bare.projections if j.name not in ROUTES)
    with pytest.raises(DescriptionError, match="nothing inhibits the error cells"):
        inhibition_of_errors(bare.model_copy(update={"projections": kept}))


def test_nothing_else_learns_while_balancing() -> None:
    """Oracle: the list of routes; freezing them again gives the network without rules."""
    network, rule = circuit(), VogelsRate()
    phase = balancing(network, rule)
    assert {j.name for j in phase.projections if j.rule is not None} == ROUTES
    assert all(j.rule == rule for j in phase.projections if j.name in ROUTES)
    assert with_rule(phase, ROUTES, None) == prednet(PredNetSpec(rows=SIDE, cols=SIDE, mismatch=MISMATCH)).model_copy(
        update={"projections": with_rule(phase, ROUTES, None).projections}
    )
    both = with_rule(network, ROUTES, rule)
    assert {j.name for j in both.projections if j.rule is not None} == ROUTES | {j.name for j in network.projections if j.rule is not None}


def test_the_rule_by_a_plain_loop() -> None:
    """Oracle: its equation, from the spikes that the partners and the error cells sent."""
    eta_mV, target_Hz, tau_ms = 4e-3, 5.0, 300.0
    network = balancing(circuit(), VogelsRate(eta_mV=eta_mV, target_Hz=target_Hz, tau_ms=tau_ms))
    simulation = build(network)
    before = simulation.state()
    recording = simulation.run(random_walk(6, SIDE, SIDE, seed=3), learn=True, record=Record(spikes=True))
    after, sites, moved = simulation.state(), SIDE * SIDE, 0
    for name in ROUTES:
        source, target = name.split("/")[0].split("->")
        w, feature = before.weights(name), 0
        sent, fired = (np.zeros((300, n)) for n in (2 * sites, sites))
        sent[recording.spikes[source].steps, recording.spikes[source].cells] = 1.0
        fired[recording.spikes[target].steps, recording.spikes[target].cells] = 1.0
        # Of the pair up, down at a site, that which inhibits: rises of what is subtracted, falls of what is not.
        feature = int(("prediction" in source) == ("neg" in target))
        trace, expected = np.zeros(sites), w.ravel()[w.ravel() > 0].copy()
        for t in range(6):
            mean, spikes = np.zeros(sites), fired[50 * t : 50 * (t + 1)].sum(axis=0)
            for s in range(50 * t, 50 * (t + 1)):
                trace = trace * np.exp(-1.0 / tau_ms) + sent[s, feature::2]
                mean += trace / 50.0
            expected = np.maximum(expected + eta_mV * mean * (spikes - target_Hz * 0.05), 0.0)
        found = after.weights(name).ravel()
        np.testing.assert_allclose(found[w.ravel() > 0], expected, rtol=1e-9)
        moved += int((np.abs(expected - w.ravel()[w.ravel() > 0]) > 1e-3).sum())
    assert moved > sites


def run_alike(names: tuple[str, str]) -> None:
    """Spikes and weights of two engines over frames that calibrate, with the forecast learning beside."""
    network = with_rule(circuit(initial_forecast_mV=0.3), ROUTES, VogelsRate(eta_mV=0.02, target_Hz=5.0))
    found = []
    for name in names:
        simulation = engine(name).build(network, seed=2)
        recording = simulation.run(random_walk(6, SIDE, SIDE, seed=4), learn=True, record=Record(spikes=True))
        found.append((recording, simulation.state()))
    (one, a), (two, b) = found
    assert first_difference(one, two) == ""
    assert sum(len(one.spikes[name].steps) for name in ERRORS) > 100
    born = engine("reference").build(network, seed=2).state()
    for j in network.projections:
        np.testing.assert_allclose(b.weights(j.name), a.weights(j.name), rtol=ROUND_OFF, atol=1e-12, err_msg=j.name)
        assert (j.rule is not None) == (not np.array_equal(a.weights(j.name), born.weights(j.name))), j.name


def test_reference_and_event_agree() -> None:
    """Oracle: the reference engine, spike for spike."""
    run_alike(("reference", "event"))


@pytest.mark.slow
def test_reference_and_brian_agree() -> None:
    """Oracle: Brian2, spike for spike."""
    run_alike(("reference", "brian"))


@pytest.mark.parametrize("precise", ["event", "reference"])
def test_calibration_leaves_all_else_as_it_was_born(precise: str) -> None:
    """Oracle: the state at birth, weights of the forecast included, though these are silent while calibrating."""
    network = circuit(initial_forecast_mV=0.3)

    def make(network: Network, state: State | None = None) -> Simulation:
        return engine(precise).build(network, state=state, seed=4)

    born = make(network).state()
    state = calibrate(make, network, scenes(1), VogelsRate(eta_mV=2e-3))
    changed = {k for k, a in born.arrays.items() if not np.array_equal(a, state.arrays[k])}
    assert changed == {f"weights/{name}" for name in ROUTES}
    assert (state.step, state.seed, state.digest) == (born.step, born.seed, network.digest)
    # The same without any forecast weights at birth: what is calibrated does not depend on them.
    other = calibrate(make, circuit(), scenes(1), VogelsRate(eta_mV=2e-3))
    for name in ROUTES:
        assert np.array_equal(other.weights(name), state.weights(name))
    make(network, state).run(random_walk(2, SIDE, SIDE), learn=True)


def test_calibration_silences_what_is_as_predicted() -> None:
    """Oracle: the weights that balance by hand; a control that is shown the same and does not learn."""
    network, probe, seen = circuit(), scenes(12, seed=9), list[int]()
    born = build(network).state()
    state = calibrate(build, network, scenes(160), VogelsRate(eta_mV=6e-4), watch=lambda done, _: seen.append(done))
    control = calibrate(build, network, scenes(3), VogelsRate(eta_mV=0.0))
    assert seen == list(range(1, 161))
    by_hand, before, after = (rates_Hz(build(circuit(m), s), probe) for m, s in ((0.0, None), (MISMATCH, born), (MISMATCH, state)))
    assert by_hand.max() == 0.0
    assert before.min() > 20.0
    # The rule's own target.
    assert after.max() <= 2.0
    assert np.array_equal(balance(network, control), balance(network, born))
    assert np.abs(balance(network, state) - 1.0).mean() < 0.2 * np.abs(balance(network, born) - 1.0).mean()


def still_parts(n: int, seed: int) -> list[Movie]:
    """Parts of photographs, of ten frames each."""
    return list(drifting_movies(photographs(False), n, 10, SIDE, speed_px=(0.0, 0.0), seed=seed))


def biased_rates_Hz(speed: float, shown: list[Movie], probe: list[Movie]) -> tuple[float, float]:
    """Rates before and after scenes with a forecast scaled by 1.2, while inhibition learns at some speed."""
    network = circuit(0.0)
    network = with_rule(balancing(network, VogelsRate()), ROUTES, VogelsRate(eta_mV=speed * 1e-4) if speed else None)
    born = build(network).state()
    scaled = {f"weights/{name}": 1.2 * born.weights(name) for name in PERSISTENCE}
    simulation = build(network, State({**born.arrays, **scaled}, born.step, born.seed, born.dt_ms, born.digest))
    first = rates_Hz(simulation, probe).mean()
    learn(simulation, shown, Plan(passes=1, eta_start=0.0, eta_end=0.0))
    return float(first), float(rates_Hz(simulation, probe).mean())


def test_an_error_that_lasts_is_told_at_once() -> None:
    """Oracle: 0.2 of the distance from grey, of 32 mV, over a threshold of 16 mV ms; every cell but for the rounding of steps."""
    probe = scenes(12, seed=9)
    first, last = biased_rates_Hz(0.0, scenes(2, seed=5), probe)
    level = np.mean([np.abs(m.frames[0] - 0.45).mean() for m in probe])
    assert first == last
    # Half of the cells of a kind are excited by a bias, the others inhibited.
    assert first == pytest.approx(0.5 * 0.2 * 32.0 * level / 16.0 * 1000.0, rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize(("speed", "kept"), [(0.01, True), (1.0, False)])
def test_an_error_that_lasts_is_explained_away_only_at_full_speed(speed: float, kept: bool) -> None:
    """Oracle: half of the rate at frame 0, after 10^4 frames; at full speed, as a control, a quarter is left at most."""
    first, last = biased_rates_Hz(speed, still_parts(1000, 5), still_parts(20, 9))
    assert (last >= 0.5 * first) if kept else (last <= 0.25 * first), (first, last)
