"""A coarse pair of luminance cells beside the fine one: together they tell the luminance, with fewer spikes and sooner."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from plasticity import ErrorGated, GatedDelta
from snn.constraints import graded_quantities, violations
from snn.engines import engine
from snn.prednet import prednet
from snn.prednet_spec import CoarseSteps, PredNetSpec
from snn.recording import Record, Recording
from snn.stimuli.movie import Movie
from snn.testing import EXACT, first_difference, moved_spikes, random_walk

SIDE, STEP, STEPS = 8, 1 / 64, 50
COARSE = PredNetSpec(rows=SIDE, cols=SIDE, target_step=STEP, coarse=CoarseSteps(steps=4))
FINE = COARSE.model_copy(update={"coarse": CoarseSteps()})


def shown(spec: PredNetSpec, frames: np.ndarray) -> Recording:
    movie = Movie(frames, 50.0, "made", "made")
    return engine("event").build(prednet(spec), seed=1).run(movie, record=Record(spikes=True))


def told(recording: Recording, spec: PredNetSpec) -> np.ndarray:
    """Luminance after every step, added up from the spikes of the pairs that the circuit has."""
    found = np.full((recording.n_frames * STEPS, SIDE, SIDE), spec.retina.grey)
    for name, step in (("target", STEP), ("target_coarse", spec.coarse.steps * STEP)):
        spikes = recording.spikes.get(f"level0.{name}")
        if spikes is None:
            continue
        raster = np.zeros((len(found), SIDE * SIDE * 2))
        np.add.at(raster, (spikes.steps, spikes.cells), 1.0)
        up, down = np.moveaxis(raster.reshape(-1, SIDE, SIDE, 2), -1, 0)
        found += step * np.cumsum(up - down, axis=0)
    return found


def jumps(n_frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.05, 0.95, (n_frames, SIDE, SIDE))


def test_together_they_tell_the_luminance() -> None:
    """Oracle: the frames themselves; steps of `STEP` leave a quarter of it in the mean, and a frame of 50 ms a little more."""
    walk = 0.5 + np.cumsum(np.random.default_rng(0).uniform(-0.12, 0.12, (8, SIDE, SIDE)), axis=0)
    slow = np.linspace(0.2, 0.8, 30)[:, None, None] * np.ones((1, SIDE, SIDE))
    for frames in (walk.clip(0, 1), slow):
        off = np.abs(told(shown(COARSE, frames), COARSE)[STEPS - 1 :: STEPS] - frames)
        assert off.mean() < 0.4 * STEP
        assert off.max() < 1.5 * STEP


def test_jumps_cost_less_and_are_told_sooner() -> None:
    """Oracle: the circuit without the pair, on the same frames."""
    frames = jumps(6)
    coarse, fine = shown(COARSE, frames), shown(FINE, frames)
    spent = [sum(float(c.sum()) for n, c in r.counts.items() if n in ("level0.target", "level0.target_coarse")) for r in (coarse, fine)]
    assert spent[0] < 0.5 * spent[1]
    early = slice(STEPS + 9, None, STEPS)
    late = [np.abs(told(r, s)[early] - frames[1:]).mean() for r, s in ((coarse, COARSE), (fine, FINE))]
    assert late[0] < 0.25 * late[1]


def test_the_forecast_persists_on_both_pairs() -> None:
    """Oracle: with no learned weights the forecast is the frame before, to the steps of the cells that tell it."""
    frames = jumps(5)
    recording = shown(COARSE, frames)
    forecast = recording.readouts["level0.forecast"][..., 0]
    assert np.abs(forecast[2:] - frames[1:-1]).mean() < COARSE.forecast_step
    np.testing.assert_allclose(
        recording.readouts["level0.estimate"] + recording.readouts["level0.estimate_coarse"],
        told(recording, COARSE).reshape(-1, STEPS, SIDE, SIDE)[:, STEPS // 2 :].mean(1)[..., None],
        atol=1e-12,
    )


def test_error_cells_hear_both_pairs() -> None:
    """Oracle: on a still movie the forecast comes to be right, and error cells fall silent; so they were told all of it."""
    still = np.repeat(jumps(1, seed=3), 8, axis=0)
    counts = shown(COARSE, still).counts
    assert counts["level0.error_pos"][0].sum() > 100
    for name in ("level0.error_pos", "level0.error_neg"):
        # A quarter of a frame of the last half step is below the threshold of an error cell at 32 mV.
        assert counts[name][-1].mean() < 1.5


@pytest.mark.parametrize("other", ["event", pytest.param("brian", marks=pytest.mark.slow)])
@pytest.mark.parametrize("branches", [1, 2])
def test_engines_agree_while_it_learns(other: str, branches: int) -> None:
    """Oracle: the reference engine, spike for spike, and its weights to round-off."""
    spec = COARSE.model_copy(update={"branches": branches, "initial_forecast_mV": 0.3})
    network = prednet(spec, GatedDelta(c=4.0) if branches > 1 else ErrorGated())
    assert not violations(network) and not graded_quantities(network)
    movie = random_walk(3, SIDE, SIDE, seed=3)
    mine, reference = (engine(name).build(network, seed=1) for name in (other, "reference"))
    one, two = (s.run(movie, learn=True, record=Record(spikes=True)) for s in (mine, reference))
    assert moved_spikes(one, two) == EXACT, first_difference(one, two)
    assert two.counts["level0.target_coarse"].sum() > 50
    for j in network.projections:
        if j.rule is not None:
            np.testing.assert_allclose(mine.state().weights(j.name), reference.state().weights(j.name), rtol=1e-9, atol=1e-12)


def test_without_it_the_circuit_is_what_it_was() -> None:
    """Oracle: a digest that the circuit had before there was a coarse pair."""
    assert prednet(PredNetSpec(rows=12, cols=12, levels=2), ErrorGated()).digest == (
        "1d01bb1d203acbef5d8c8aa521430b12cd03b3e60ae6392927d63acb74a7b597"
    )
    assert "coarse" not in PredNetSpec(rows=8, cols=8).model_dump()


@pytest.mark.parametrize("bad", [{"steps": 0}, {"tau_fine_ms": -1.0}, {"threshold": 0.4}, {"threshold": 1.0}])
def test_bad_constants_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        CoarseSteps(**bad)
