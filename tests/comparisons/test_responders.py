"""Subjects: every adapter keeps the contract, and tells what its model did."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from comparisons.recipes import RECIPES
from comparisons.responder import fitted, sites_of
from comparisons.responders.circuit import CircuitResponder
from comparisons.responders.null import AdaptationOnly, Idle, Reordered, Shuffled
from comparisons.responders.rate import RateResponder
from comparisons.responders.table import TableResponder, movie_key
from comparisons.testing import check_responder
from conversion.rate_spec import RatePredNetSpec, Timing
from conversion.rate_training import forecast
from conversion.timed_prednet import rate_model
from snn.engines import engine
from snn.errors import SubjectError
from snn.prednet import PredNetSpec, prednet
from snn.state import initial_state
from snn.stimuli.movie import Movie
from snn.testing import random_walk

SIDE = 8


def circuit(levels: int = 2, seed: int = 1, noise: float = 0.01) -> CircuitResponder:
    spec = PredNetSpec(rows=SIDE, cols=SIDE, levels=levels, field=3, initial_forecast_mV=0.3)
    network = prednet(spec, *RECIPES["plain"].rules(spec))
    return CircuitResponder(network, initial_state(network, dt_ms=1.0, seed=seed), precision="float64", noise=noise, seed=seed)


def rate(cell: str = "leaky", **fields: object) -> RateResponder:
    size = {"rows": SIDE, "cols": SIDE} | fields
    spec = RatePredNetSpec(channels=(1, 3), r_channels=(4, 5), cell=cell, **size)  # type: ignore[arg-type]
    return RateResponder(rate_model(spec, 7), seed=8)


def test_circuits_keep_the_contract() -> None:
    check_responder(circuit())


@pytest.mark.parametrize("cell", ["leaky", "convlstm"])
def test_rate_models_keep_the_contract(cell: str) -> None:
    check_responder(rate(cell))


def test_rate_models_in_milliseconds_keep_the_contract() -> None:
    check_responder(rate(pooling="average", timing=Timing()))


@pytest.mark.parametrize(
    "null",
    [
        Idle((SIDE, SIDE), 2, "silent"),
        Idle((SIDE, SIDE), 2, "noise"),
        AdaptationOnly((SIDE, SIDE), 2),
        Shuffled(AdaptationOnly((SIDE, SIDE))),
    ],
)
def test_null_subjects_keep_the_contract(null: Idle) -> None:
    check_responder(null)
    check_responder(Reordered(null))


def test_a_circuit_tells_what_it_did() -> None:
    """Oracle: the same network run by hand, without noise, where membranes begin at random."""
    subject, movie = circuit(noise=0.0), random_walk(3, SIDE, SIDE, seed=2)
    told = subject.respond(movie, ["level0.error_pos", "level0.target"], seed=4)
    simulation = engine("event").build(subject.network, seed=1)
    by_hand = simulation.run(movie)
    rate_Hz = by_hand.counts["level0.target"] * 1000.0 / 50.0
    assert told.activity["level0.target"][0].mean() == pytest.approx(rate_Hz.mean(), rel=0.1)
    assert np.corrcoef(told.activity["level0.target"][0].ravel(), rate_Hz.ravel())[0, 1] > 0.95
    assert told.forecast is not None
    np.testing.assert_allclose(told.forecast[0], by_hand.readouts["level0.forecast"][..., 0], atol=0.1)
    errors = by_hand.counts["level0.error_pos"] * 1000.0 / 50.0
    assert not np.array_equal(told.activity["level0.error_pos"][0], errors), "membranes do not begin alike"


def test_a_rate_model_tells_what_it_did() -> None:
    """Oracle: the forecast and populations of the model itself."""
    subject, movie = rate(), random_walk(4, SIDE, SIDE, seed=2)
    subject.noise = 0.0
    told = subject.respond(movie, ["level0.error_neg", "level1.representation"])
    expected, populations = forecast(subject.model, movie, record=True)
    assert told.forecast is not None
    np.testing.assert_array_equal(told.forecast[0], expected)
    for name, values in told.activity.items():
        np.testing.assert_array_equal(values[0], populations[name])


@pytest.mark.parametrize("make", [circuit, rate])
def test_controls(make: object) -> None:
    """Oracle: a control differs from its subject in what was taken away, and a subject without feedback has none to cut."""
    subject = make()  # type: ignore[operator]
    movie = random_walk(5, SIDE, SIDE, seed=1)
    cut, born = subject.control("feedback_cut"), subject.control("untrained")
    assert cut is not None and born is not None and subject.control("adaptation_only") is None
    names = [s.name for s in subject.sites]
    told, without = (s.respond(movie, names, seed=1) for s in (subject, cut))
    assert np.array_equal(told.activity["level0.target"], without.activity["level0.target"])
    assert not np.array_equal(told.activity["level0.prediction"], without.activity["level0.prediction"])
    again = subject.respond(movie, names, seed=1)
    assert all(np.array_equal(told.activity[n], again.activity[n]) for n in names), "taking away changed the subject itself"


def test_one_level_has_no_feedback_to_cut() -> None:
    assert circuit(levels=1).control("feedback_cut") is None


@pytest.mark.parametrize("make", [circuit, rate])
def test_exposure_changes_a_new_subject_only(make: object) -> None:
    """Oracle: the old subject answers as before, the new one otherwise."""
    subject = make()  # type: ignore[operator]
    movie = random_walk(5, SIDE, SIDE, seed=1)
    names = ["level0.error_pos"]
    before = subject.respond(movie, names, seed=1).activity[names[0]]
    after = subject.expose(movie, 3, seed=2)
    assert np.array_equal(before, subject.respond(movie, names, seed=1).activity[names[0]])
    assert not np.array_equal(before, after.respond(movie, names, seed=1).activity[names[0]])


@pytest.mark.parametrize("fields", [{}, {"pooling": "average", "timing": Timing(step_ms=25.0)}])
def test_shared_weights_see_larger_frames(fields: dict[str, object]) -> None:
    """Oracle: away from the borders, the first two frames of the larger network are those of the small one on what is cut out."""
    small = rate(rows=24, cols=24, **fields)
    small.noise = 0.0
    larger = small.enlarged(40)
    assert larger is not None and larger.frame_size == (40, 40) and larger.seed == small.seed
    movie = random_walk(2, 40, 40, seed=3)
    cut = Movie(movie.frames[:, 8:32, 8:32], movie.frame_ms)
    names = ["level0.error_pos", "level1.target", "level1.error_pos"]
    for name, inner in zip(names, (slice(11, 13), slice(5, 7), slice(5, 7)), strict=True):
        offset = 8 if name.startswith("level0") else 4
        there = slice(inner.start + offset, inner.stop + offset)
        a = small.respond(cut, [name]).activity[name][0, :, inner, inner]
        b = larger.respond(movie, [name]).activity[name][0, :, there, there]
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
        assert np.ptp(b) > 0
    untrained = larger.control("untrained")
    assert untrained is not None and untrained.frame_size == (40, 40)
    assert fitted(small, 40).frame_size == (40, 40) and fitted(small, 24) is small


def test_what_has_weights_at_every_site_is_not_enlarged() -> None:
    """Oracle: the subject itself, which the phenomenon then says is too small."""
    unshared = rate(shared=False)
    assert unshared.enlarged(16) is None and fitted(unshared, 16) is unshared
    subject = circuit()
    assert fitted(subject, 16) is subject


def test_exposure_goes_through_the_whole_movie() -> None:
    """Oracle: Adam by hand, one update for every 10 frames, with activity that goes on and no gradient through it."""
    subject, movie = rate(), random_walk(23, SIDE, SIDE, seed=1)
    subject.noise = 0.0
    found = subject.expose(movie, 1).model
    model = rate_model(subject.model.spec, 7)
    adam, memory = torch.optim.Adam(model.parameters(), lr=1e-3), None
    clips = torch.from_numpy(movie.frames.astype(np.float32))[None, :, None]
    for start, stop in ((0, 10), (10, 20), (20, 23)):
        adam.zero_grad()
        trajectory = model(clips[:, start:stop], memory)
        model.loss(trajectory, clips[:, start:stop], 0 if start else 1).backward()
        adam.step()
        model.project_()
        memory = type(trajectory.memory)(*(tuple(x.detach() for x in part) for part in trajectory.memory))
    for a, b in zip(found.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_a_table_gives_back_what_was_recorded() -> None:
    """Oracle: the response that was put in."""
    subject, movie = AdaptationOnly((SIDE, SIDE)), random_walk(4, SIDE, SIDE, seed=0)
    names = [s.name for s in subject.sites]
    told = subject.respond(movie, names, trials=3, seed=2)
    table = TableResponder({movie_key(movie): told}, subject.sites, subject.frame_size)
    assert np.array_equal(table.respond(movie, names, trials=2).activity[names[0]], told.activity[names[0]][:2])
    with pytest.raises(SubjectError, match="not in the table"):
        table.respond(movie.reversed(), names)
    with pytest.raises(SubjectError, match="less often"):
        table.respond(movie, names, trials=4)


def test_sites_by_role() -> None:
    found = sites_of(circuit(), "error_pos")
    assert [s.level for s in found] == [0, 1] and found[0].shape == (SIDE, SIDE, 1) and found[0].spiking
    assert sites_of(rate(), "representation", 1)[0].shape == (SIDE // 2, SIDE // 2, 5)


def test_adaptation_only_is_vinken_s_equation() -> None:
    """Oracle: the closed form for a still pixel, r_t = c (1 - beta s_t) stepped by hand."""
    frames = np.full((6, SIDE, SIDE), 0.5)
    frames[1:, 4, 4] = 1.0
    subject = AdaptationOnly((SIDE, SIDE), noise=0.0)
    told = subject.respond(Movie(frames), ["level0.target"]).activity["level0.target"][0, :, 4, 4, 0]
    c, s, expected = 0.5 * (1 - 1 / 25), 0.0, [0.0]
    for _ in range(5):
        r = max(0.0, c - subject.beta * s)
        s = subject.alpha * s + (1 - subject.alpha) * r
        expected.append(r)
    np.testing.assert_allclose(told, expected, atol=1e-12)
