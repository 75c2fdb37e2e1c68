"""A learned representation: its wiring, what its credit cells integrate, and its rules, against plain computations."""

from __future__ import annotations

import math

import numpy as np
import pytest

from comparisons.recipes import RECIPES
from comparisons.route_diagnostics import alignments
from plasticity import CreditGated, ErrorGated, SymmetricFeedback, SymmetricForecast
from plasticity.feedback import alignment_deg, counterparts, net_alignment_deg
from plasticity.training import Plan, forecast_error, learn
from snn.constraints import graded_quantities, violations
from snn.description import Network
from snn.engines import engine
from snn.errors import DescriptionError
from snn.prednet import HiddenRules, PredNetSpec, prednet
from snn.prednet_spec import HiddenLayer
from snn.recording import Record, Recording
from snn.state import State
from snn.stimuli.drift import drifting_movies, photographs
from snn.testing import EXACT, first_difference, moved_spikes, random_walk

SIDE, CELLS, FRAMES, STEPS = 6, 3, 4, 50
LAYER = HiddenLayer(credit_mV=0.1, initial_feedback_mV=0.1)
SPEC = PredNetSpec(rows=SIDE, cols=SIDE, hidden=CELLS, hidden_layer=LAYER, initial_forecast_mV=0.1)
GROWTH = {"eta_mV": 0.02, "decay": 0.05, "late": True}
UP, UP_INH = ("level0.representation->level0.prediction/dendrite_exc", "level0.representation_inh->level0.prediction/dendrite_inh")
BACK, BACK_NEG, BACK_ANY = (
    "level0.error_pos->level0.credit_pos/apical_exc",
    "level0.error_neg->level0.credit_pos/apical_exc",
    "level0.mismatch_inh->level0.credit_pos/apical_inh",
)


def taught(inputs: CreditGated | None = None) -> Network:
    half = GROWTH | {"eta_mV": 0.5 * GROWTH["eta_mV"]}
    rules = HiddenRules(
        inputs or CreditGated(quantum_mV=LAYER.credit_mV),
        SymmetricFeedback(apart=True, **GROWTH),
        SymmetricFeedback(apart=True, **half),
    )
    return prednet(SPEC, SymmetricForecast(**GROWTH), hidden_rules=rules)


def raster(recording: Recording, population: str) -> np.ndarray:
    """Spikes as (n_steps, rows, cols, features)."""
    counts = recording.counts[f"level0.{population}"]
    found = np.zeros((recording.n_frames * STEPS, int(np.prod(counts.shape[1:]))))
    spikes = recording.spikes[f"level0.{population}"]
    found[spikes.steps, spikes.cells] = 1.0
    return found.reshape(-1, *counts.shape[1:])


def test_the_circuit_without_it_is_what_it_was() -> None:
    """Oracle: digests that these had before, written down; a layer of no cells is no layer."""
    plain = prednet(PredNetSpec(rows=12, cols=12, levels=2), ErrorGated())
    assert plain.digest == "1d01bb1d203acbef5d8c8aa521430b12cd03b3e60ae6392927d63acb74a7b597"
    assert plain == prednet(PredNetSpec(rows=12, cols=12, levels=2, hidden=0), ErrorGated())
    assert SymmetricFeedback().model_dump() == {"kind": "symmetric_feedback", "eta_mV": 0.01, "decay": 1e-3, "tau_ms": 20.0, "late": False}
    assert set(PredNetSpec(rows=8, cols=8).model_dump()).isdisjoint({"hidden", "hidden_layer"})


@pytest.mark.parametrize("other", ["event", pytest.param("brian", marks=pytest.mark.slow)])
def test_engines_agree_while_it_learns(other: str) -> None:
    """Oracle: the reference engine, spike for spike, and its weights to round-off; every route has learned."""
    network, movie = taught(), random_walk(FRAMES, SIDE, SIDE, seed=3)
    assert engine(other).unsupported(network) == ()
    mine, reference = (engine(name).build(network, seed=1) for name in (other, "reference"))
    born = reference.state()
    one, two = (s.run(movie, learn=True, record=Record(spikes=True)) for s in (mine, reference))
    assert moved_spikes(one, two) == EXACT, first_difference(one, two)
    assert two.counts["level0.credit_pos"].sum() > 100 and two.counts["level0.credit_neg"].sum() > 100
    assert two.counts["level0.representation"].sum() > 100
    for j in network.projections:
        if j.rule is not None:
            np.testing.assert_allclose(mine.state().weights(j.name), reference.state().weights(j.name), rtol=1e-9, atol=1e-12)
            assert np.abs(reference.state().weights(j.name) - born.weights(j.name)).max() > 1e-5, j.name
    assert sum(j.rule is not None for j in network.projections) == 4 + 2 + 6


def test_it_obeys_every_constraint() -> None:
    """Oracle: the public list of constraints, on weights that have learned; credit cells lead nowhere."""
    network = taught()
    simulation = engine("event").build(network, seed=1)
    simulation.run(random_walk(FRAMES, SIDE, SIDE), learn=True)
    assert violations(network, simulation.state()) == ()
    assert graded_quantities(network) == ()
    assert not [j.name for j in network.projections if "credit" in j.source]
    assert sum(p.n for p in network.populations if p.sign == "inhibitory") >= 0.2 * network.n_neurons


def credited(state: State, recording: Recording, cell: str, sign: float) -> np.ndarray:
    """Spikes of credit cells of a plain IF cell that integrates (E - I) (p - n) / 2, from the forecast's weights."""
    net = 0.5 * sign * (state.weights(UP) - state.weights(UP_INH))[..., 0]
    p, n = raster(recording, "error_pos")[..., 0], raster(recording, "error_neg")[..., 0]
    assert not (p * n).any(), "an error of both signs at once"
    late = np.concatenate([np.zeros((2, SIDE, SIDE)), (p - n)[:-2]])
    threshold = np.asarray(state.arrays[f"threshold/level0.{cell}"]).reshape(SIDE, SIDE, CELLS)
    v, found = np.zeros((SIDE, SIDE, CELLS)), []
    for now in late:
        for r in range(SIDE):
            for c in range(SIDE):
                for a in range(5):
                    for b in range(5):
                        y, x = r + a - 2, c + b - 2
                        if 0 <= y < SIDE and 0 <= x < SIDE and now[y, x]:
                            v[r, c] += net[r, c, :, a, b] * now[y, x]
        v = np.maximum(v, -LAYER.credit_mV)
        fired = v >= threshold
        v -= LAYER.credit_mV * fired
        found.append(fired)
    return np.array(found)


@pytest.mark.parametrize(("cell", "sign"), [("credit_pos", 1.0), ("credit_neg", -1.0)])
def test_credit_is_the_error_through_the_transposed_forecast(cell: str, sign: float) -> None:
    """Oracle: the equation in the docstring of the module, cell by cell; feedback is given the transpose that growth leads to."""
    network = prednet(SPEC)
    simulation = engine("event").build(network, seed=2)
    state = simulation.state()
    # Growth makes what excites an up cell equal to what inhibits a down cell.
    state.arrays[f"weights/{UP}"][..., 1] = state.weights(UP_INH)[..., 0]
    state.arrays[f"weights/{UP_INH}"][..., 1] = state.weights(UP)[..., 0]
    up, down = (transposed(state.weights(UP), q) for q in (0, 1))
    routes = {("error_pos", "error_pos_inh"): up, ("error_neg", "error_neg_inh"): down, ("mismatch_inh", "mismatch"): 0.5 * (up + down)}
    for names, w in routes.items():
        for source, target, receptor in zip(names, ("credit_pos", "credit_neg"), ("exc", "inh"), strict=True):
            kind = receptor if "mismatch" not in source else {"exc": "inh", "inh": "exc"}[receptor]
            state.arrays[f"weights/level0.{source}->level0.{target}/apical_{kind}"][..., 0, :, :, :] = w
    simulation = engine("event").build(network, state=state)
    recording = simulation.run(random_walk(FRAMES, SIDE, SIDE, seed=6), record=Record(spikes=True))
    by_hand = credited(state, recording, cell, sign)
    assert by_hand.sum() > 100
    assert np.array_equal(raster(recording, cell).astype(bool), by_hand)


def transposed(w: np.ndarray, q: int) -> np.ndarray:
    """Weights of the forecast cell q laid out by that cell: (rows, cols, 5, 5, cells), offsets towards the representation."""
    found = np.zeros((SIDE, SIDE, 5, 5, CELLS))
    for y in range(SIDE):
        for x in range(SIDE):
            for a in range(5):
                for b in range(5):
                    r, c = y + a - 2, x + b - 2
                    if 0 <= r < SIDE and 0 <= c < SIDE:
                        found[y, x, a, b] = w[r, c, :, 4 - a, 4 - b, q]
    return found


def test_feedback_comes_to_mirror_the_forecast() -> None:
    """Oracle: what birth made unlike falls as (1 - decay)^frames to 1e-9, whatever the cells do; the angles fall with it."""
    network = taught()
    simulation = engine("event").build(network, seed=3)

    def apart() -> list[np.ndarray]:
        state = simulation.state()
        up, down = (transposed(state.weights(UP), q) for q in (0, 1))
        back, more, both = (state.weights(name)[:, :, 0] for name in (BACK, BACK_NEG, BACK_ANY))
        return [back - up, more - down, both - 0.5 * (back + more)]

    first, born = apart(), alignments(network, simulation.state())
    frames = 0
    for seed in range(8):
        simulation.restart()
        simulation.run(random_walk(2, SIDE, SIDE, seed=seed))
        simulation.run(random_walk(6, SIDE, SIDE, seed=100 + seed), learn=True)
        frames += 6
        for now, then in zip(apart()[:2], first, strict=False):
            np.testing.assert_allclose(now, then * (1.0 - GROWTH["decay"]) ** frames, rtol=0, atol=1e-9)
    np.testing.assert_allclose(apart()[2], first[2] * (1.0 - GROWTH["decay"]) ** frames, rtol=0, atol=1e-9)
    found = alignments(network, simulation.state())
    nets = {name for name in found if "less inhibition" in name}
    assert len(found) == 6 and len(nets) == 2
    assert all(40.0 < born[name] < 62.0 for name in found if name not in nets)
    assert all(80.0 < born[name] < 100.0 for name in nets)
    assert all(found[name] < (5.0 if name not in nets else 20.0) for name in found), found


def test_which_synapses_are_counterparts() -> None:
    """Oracle: a loop over sites for the net angle; neither the partner of the representation nor the pooled error has one."""
    network = taught()
    state = engine("reference").build(network, seed=5).state()
    up = transposed(state.weights(UP) - state.weights(UP_INH), 1)
    back = (state.weights(BACK_NEG) - state.weights(BACK_ANY))[:, :, 0]
    by_hand = math.degrees(math.acos(float((up * back).sum()) / math.sqrt(float((up**2).sum() * (back**2).sum()))))
    assert net_alignment_deg(network, state, (UP, UP_INH), (BACK_NEG, BACK_ANY)) == pytest.approx(by_hand, abs=1e-9)
    assert counterparts(network, UP, BACK_ANY) is None and counterparts(network, UP_INH, BACK) is None
    with pytest.raises(DescriptionError, match="does not lead from as many cells"):
        alignment_deg(network, state, UP_INH, BACK)
    with pytest.raises(DescriptionError, match="do not lie beside each other"):
        net_alignment_deg(network, state, (UP, BACK), (BACK, BACK_ANY))


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("name", ["reference", "event"])
def test_the_rule_of_its_inputs(name: str, late: bool) -> None:
    """Oracle: the equation in the docstring of `CreditGated`, synapse by synapse, from recorded spikes."""
    rule = CreditGated(eta=0.4, quantum_mV=0.7, c=0.3, silence=0.05, tau_ms=12.0, late=late)
    network, first = taught(rule), STEPS // 2 if late else 0
    simulation = engine(name).build(network, seed=1)
    movie, modulators = random_walk(FRAMES, SIDE, SIDE, seed=4), [1.0, 0.5, 0.0, -1.0]
    routes = {("target_contrast", "exc"): (1.0, 2), ("target_transient_inh", "inh"): (-1.0, 1)}
    names = {key: f"level0.{key[0]}->level0.representation/field_{key[1]}" for key in routes}
    weights = {key: [simulation.state().weights(names[key])] for key in routes}
    parts = []
    for t, modulator in enumerate(modulators):
        parts.append(simulation.run(movie.part(t, t + 1), learn=True, modulator=modulator, record=Record(spikes=True)))
        for key in routes:
            weights[key].append(simulation.state().weights(names[key]))

    def means(population: str, delay: int) -> np.ndarray:
        """Frame means of a trace of arrivals, one a frame."""
        spikes = np.concatenate([raster(part, population) for part in parts])
        spikes = np.concatenate([np.zeros((delay, *spikes.shape[1:])), spikes])[: len(spikes)]
        trace, found = np.zeros(spikes.shape[1:]), []
        for n, now in enumerate(spikes):
            trace = trace * math.exp(-1.0 / 12.0) + now
            if n % STEPS == 0:
                found.append(np.zeros_like(trace))
            found[-1] += trace / (STEPS - first) if n % STEPS >= first else 0.0
        return np.array(found)

    def told(population: str) -> np.ndarray:
        return np.array([raster(part, population)[first:].sum(axis=0) for part in parts])

    credit, y = 0.7 * (told("credit_pos") - told("credit_neg")), means("representation", 0)
    changed = 0.0
    for key, (sign, delay) in routes.items():
        x = means(key[0], delay - 1)
        for t in range(1, FRAMES):
            new = weights[key][t].copy()
            for r in range(SIDE):
                for c in range(SIDE):
                    near = [(a, b) for a in range(max(0, r - 1), min(SIDE, r + 2)) for b in range(max(0, c - 1), min(SIDE, c + 2))]
                    power = sum(float((x[t - 1, a, b] ** 2).sum()) for a, b in near)
                    step = modulators[t] * sign * 0.4 * credit[t, r, c] * y[t - 1, r, c] / (y[t - 1, r, c] + 0.05) / (0.3 + power)
                    for a, b in near:
                        new[a, b, :, r - a + 1, c - b + 1, :] += x[t - 1, a, b][:, None] * step[None, :]
            np.testing.assert_allclose(weights[key][t + 1], np.clip(new, 0.0, SPEC.w_max_mV), rtol=1e-9, atol=1e-12)
            changed = max(changed, float(np.abs(weights[key][t + 1] - weights[key][t]).max()))
    assert changed > 0.01


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"branches": 2}, "beside gated branches"),
        ({"hidden_layer": HiddenLayer(field=4)}, "cannot be centred"),
        ({"hidden": -1}, "greater"),
    ],
)
def test_what_cannot_be_built_is_refused(change: dict[str, object], words: str) -> None:
    """Oracle: the message."""
    with pytest.raises((DescriptionError, ValueError), match=words):
        prednet(PredNetSpec(**{**SPEC.model_dump(), **change}))


@pytest.mark.slow
def test_it_learns_and_its_feedback_aligns() -> None:
    """Oracle: copying the last frame on photographs left out, and 40 degrees, fixed beforehand; frozen input weights do worse."""
    recipe, images = RECIPES["hidden"], photographs(False)
    left_out = ("camera", "coins", "grass")
    spec = recipe.spec.model_copy(update={"rows": 8, "cols": 8})
    shown = drifting_movies({k: v for k, v in images.items() if k not in left_out}, 60, 10, 8, seed=0)
    tests = drifting_movies({k: images[k] for k in left_out}, 20, 10, 8, seed=99)

    def learned(rules: HiddenRules | None) -> tuple[float, Network, State]:
        network = prednet(spec, *recipe.rules(spec), hidden_rules=rules)
        simulation = engine("event", precision="float32").build(network, seed=0)
        learn(simulation, shown, Plan(passes=1, eta_start=0.8, eta_end=0.1))
        state, errors = simulation.state(), []
        for movie in tests:
            simulation.restart()
            errors.append(forecast_error(simulation.run(movie), movie)[:2])
        model, copy = np.sum(errors, axis=0)
        return float(model / copy), network, state

    rules = recipe.hidden_rules(spec)
    assert rules is not None
    ratio, network, state = learned(rules)
    frozen, *_ = learned(rules._replace(inputs=None))
    assert ratio < min(0.85, frozen), (ratio, frozen)
    assert max(alignments(network, state).values()) < 40.0
