"""The forecast's rules against a plain computation from recorded spikes: errors of cells, and errors in dendrites."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from plasticity import ApicalError, ErrorGated
from snn.constraints import graded_quantities, violations
from snn.engines import engine
from snn.errors import DescriptionError
from snn.prednet import PredNetSpec, prednet, rate_network
from snn.recording import Record, Recording
from snn.testing import EXACT, first_difference, moved_spikes, random_walk

SPEC = PredNetSpec(rows=5, cols=6, field=3, initial_forecast_mV=0.5, w_max_mV=0.6)
RULE = ErrorGated(eta=0.8, quantum_mV=0.5, c=0.5, decay=0.01, tau_pre_ms=15.0, late=False)
DENDRITES = SPEC.model_copy(update={"apical_ms": 12.0})
APICAL = ApicalError(eta=0.8, c=0.5, decay=0.01, tau_pre_ms=15.0, late=False)
FRAMES, STEPS = 4, 50


Errors = Callable[[Recording, int], np.ndarray]


def raster(recording: Recording, population: str) -> np.ndarray:
    """Spikes as (n_steps, rows, cols, features)."""
    counts = recording.counts[population]
    found = np.zeros((FRAMES * STEPS, int(np.prod(counts.shape[1:]))))
    found[recording.spikes[population].steps, recording.spikes[population].cells] = 1.0
    return found.reshape(-1, *counts.shape[1:])


def told_by_cells(recording: Recording, first: int) -> np.ndarray:
    """Errors of each frame that error cells told from step ``first`` on, of up and of down cells."""
    over = (raster(recording, "level0.error_pos") - raster(recording, "level0.error_neg")).reshape(FRAMES, STEPS, 5, 6, 1)
    up = RULE.quantum_mV * over[:, first:].sum(axis=1)
    return np.concatenate([up, -up], axis=-1)


def met_in_dendrites(recording: Recording, _: int) -> np.ndarray:
    """Potentials of dendrites at the end of each frame: of what comes less what was foretold, by cells that tell of steps, low-passed."""
    ups = []
    for name, step in (("target", SPEC.target_step), ("prediction", SPEC.forecast_step)):
        told = raster(recording, f"level0.{name}")
        # Excitation takes two steps, and so does inhibition by way of a partner.
        told = np.concatenate([np.zeros((2, *told.shape[1:])), told])[: len(told)]
        ups.append(step * SPEC.retina.luminance_mV * np.cumsum(told[..., :1] - told[..., 1:], axis=0))
    heard = ups[0] - ups[1]
    d, kept, found = np.zeros((5, 6, 1)), math.exp(-1.0 / DENDRITES.apical_ms), []
    for n in range(FRAMES * STEPS):
        d = kept * d + (1.0 - kept) * heard[n]
        if n % STEPS == STEPS - 1:
            found.append(np.concatenate([d, -d], axis=-1))
    return np.stack(found)


def expected(
    w: np.ndarray, recording: Recording, errors: np.ndarray, source: str, sign: float, delay: int, modulators: list[float], first: int
) -> list[np.ndarray]:
    """The docstring's equation, synapse by synapse, from spike rasters of steps ``first`` and later; one array a frame."""
    pre = raster(recording, f"level0.{source}")
    rows, cols = pre.shape[1:3]
    arrived = np.concatenate([np.zeros((delay - 1, *pre.shape[1:])), pre])[: len(pre)]
    trace, means, found = np.zeros(pre.shape[1:]), [], []
    for t in range(FRAMES):
        mean = np.zeros(pre.shape[1:])
        for n in range(STEPS):
            trace = trace * math.exp(-1.0 / RULE.tau_pre_ms) + arrived[t * STEPS + n]
            mean += trace / (STEPS - first) if n >= first else 0.0
        means.append(mean)
    for t in range(FRAMES):
        new = w.copy()
        for y in range(rows):
            for x in range(cols):
                near = [(r, c) for r in range(max(0, y - 1), min(rows, y + 2)) for c in range(max(0, x - 1), min(cols, x + 2))]
                power = sum(means[t][r, c, f] ** 2 for r, c in near for f in range(pre.shape[3]))
                for r, c in near:
                    for f in range(pre.shape[3]):
                        for q in range(2):
                            at = (r, c, f, y - r + 1, x - c + 1, q)
                            step = modulators[t] * sign * RULE.eta * errors[t, y, x, q] * means[t][r, c, f] / (RULE.c + power)
                            new[at] = min(0.6, max(0.0, (1.0 - RULE.decay) * w[at] + step))
        w = new
        found.append(w)
    return found


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("name", ["reference", "event"])
@pytest.mark.parametrize(("spec", "rule", "errors"), [(SPEC, RULE, told_by_cells), (DENDRITES, APICAL, met_in_dendrites)])
def test_the_equation(name: str, late: bool, spec: PredNetSpec, rule: ErrorGated | ApicalError, errors: Errors) -> None:
    """Oracle: the equation in the docstring, by loops over sites; both bounds are reached; the modulator scales and flips."""
    network = prednet(spec, rule.model_copy(update={"late": late}))
    movie, modulators = random_walk(FRAMES, 5, 6, seed=4), [1.0, 0.5, 0.0, -1.0]
    simulation = engine(name).build(network, seed=1)
    routes = {
        "level0.representation->level0.prediction/dendrite_exc": ("representation", 1.0, 50),
        "level0.representation_inh->level0.prediction/dendrite_inh": ("representation_inh", -1.0, 49),
    }
    born = simulation.state()
    learned: list[dict[str, np.ndarray]] = []
    parts = []
    for t, modulator in enumerate(modulators):
        frame = type(movie)(movie.frames[t : t + 1], movie.frame_ms)
        parts.append(simulation.run(frame, learn=True, modulator=modulator, record=Record(spikes=True)))
        learned.append({route: simulation.state().weights(route) for route in routes})
    spikes = {
        p: type(parts[0].spikes[p])(
            np.concatenate([part.spikes[p].steps + STEPS * t for t, part in enumerate(parts)]),
            np.concatenate([part.spikes[p].cells for part in parts]),
        )
        for p in parts[0].spikes
    }
    whole = Recording(FRAMES, STEPS, 1.0, parts[0].counts, {}, spikes)
    first = STEPS // 2 if late else 0
    for route, (source, sign, delay) in routes.items():
        by_hand = expected(born.weights(route), whole, errors(whole, first), source, sign, delay, modulators, first)
        for t in range(FRAMES):
            np.testing.assert_allclose(learned[t][route], by_hand[t], rtol=1e-9, atol=1e-12, err_msg=f"{route}, frame {t}")
        end = learned[1][route]
        assert np.abs(learned[1][route] - born.weights(route)).max() > 0.05
        assert 0.6 in end
        assert (end[1:-1, 1:-1] == 0.0).any()
    assert spikes["level0.error_pos"].steps.size > 50


@pytest.mark.parametrize("other", ["event", pytest.param("brian", marks=pytest.mark.slow)])
def test_engines_agree_while_dendrites_teach(other: str) -> None:
    """Oracle: the reference engine, spike for spike, and its weights to round-off."""
    network, movie = prednet(DENDRITES, APICAL), random_walk(FRAMES, 5, 6, seed=3)
    assert engine(other).unsupported(network) == ()
    mine, reference = (engine(name).build(network, seed=1) for name in (other, "reference"))
    one, two = (s.run(movie, learn=True, record=Record(spikes=True)) for s in (mine, reference))
    assert moved_spikes(one, two) == EXACT, first_difference(one, two)
    for j in network.projections:
        if j.rule is not None:
            np.testing.assert_allclose(mine.state().weights(j.name), reference.state().weights(j.name), rtol=1e-9, atol=1e-12)


def test_error_cells_teach_nothing_where_dendrites_do() -> None:
    """Oracle: the weights to the byte when no error cell ever fires; and no constraint is broken."""
    learned = []
    for threshold in (0.5, 1e6):
        network = prednet(DENDRITES.model_copy(update={"error_threshold_ms": threshold}), APICAL)
        simulation = engine("event").build(network, seed=1)
        recording = simulation.run(random_walk(FRAMES, 5, 6, seed=4), learn=True)
        assert (recording.counts["level0.error_pos"].sum() > 0) == (threshold < 1.0)
        assert violations(network, simulation.state()) == () and graded_quantities(network) == ()
        learned.append([simulation.state().weights(j.name).tobytes() for j in network.projections if j.rule is not None])
    assert learned[0] == learned[1]


def test_dendrites_are_of_spiking_cells_without_branches() -> None:
    """Oracle: the words of the refusals."""
    with pytest.raises(DescriptionError, match=r"prednet.apical_ms: is of the prediction cells of the plain circuit.*use branches=1"):
        prednet(PredNetSpec(rows=6, cols=6, branches=3, apical_ms=10.0))
    with pytest.raises(DescriptionError, match=r"level0.prediction.cell: has no rate twin; got .two_compartment..*take another recipe"):
        rate_network(prednet(DENDRITES))


def test_nothing_learns_without_error_or_input() -> None:
    """Oracle: the equation with its error at 0: only the decay is left; without decay, nothing."""
    for decay in (0.0, 0.01):
        simulation = engine("event").build(prednet(SPEC, ErrorGated(decay=decay)), seed=1)
        route = "level0.representation->level0.prediction/dendrite_exc"
        before = simulation.state().weights(route)
        grey = random_walk(2, 5, 6)
        still = type(grey)(np.full((2, 5, 6), 0.45), grey.frame_ms)
        recording = simulation.run(still, learn=True)
        assert recording.counts["level0.error_pos"].sum() == 0
        bounded = np.minimum(before * (1.0 - decay), 0.6)
        np.testing.assert_allclose(simulation.state().weights(route), np.minimum(bounded * (1.0 - decay), 0.6), rtol=1e-12)
