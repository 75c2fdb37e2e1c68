"""Training by backprop: it learns, it goes on byte for byte, it stops at what is not a number, and it shows every window."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from scipy.stats import chisquare
from torch import Tensor

from conversion.backprop_plan import BackpropPlan
from conversion.rate_prednet import RatePredNet
from conversion.rate_spec import RatePredNetSpec
from conversion.rate_trainable import RateTrainable
from conversion.rate_training import Trainer, forecast, one_thread, window
from snn.errors import BlowUpError, MovieError, StateError
from snn.seeding import stream
from snn.stimuli.movie import Movie

TINY: dict[str, Any] = {"rows": 8, "cols": 8, "channels": (1, 4), "r_channels": (4, 4)}
CELLS: dict[str, dict[str, Any]] = {
    "convlstm": {"cell": "convlstm"},
    "sublstm": {"cell": "sublstm", "fixed_forget": True},
    "leaky": {"cell": "leaky", "dale": True},
}
PLAN = BackpropPlan(updates=9, batch=4, n_frames=5, lr=5e-3)


def drift(n_movies: int = 3, n_frames: int = 12, side: int = 8, seed: int = 0) -> list[Movie]:
    """A smooth texture on a torus that moves on by one pixel a frame."""
    rng, found = np.random.default_rng(seed), []
    for i in range(n_movies):
        texture = gaussian_filter(rng.normal(size=(32, 32)), 1.0, mode="wrap")
        texture = np.clip(0.5 + 0.25 * texture / texture.std(), 0.0, 1.0)
        found.append(Movie(np.array([np.roll(texture, (t, 0), (1, 0))[:side, :side] for t in range(n_frames)]), name=f"drift {i}"))
    return found


def trainer(plan: BackpropPlan = PLAN, seed: int = 1, **more: Any) -> Trainer:
    return Trainer(RateTrainable(RatePredNet(RatePredNetSpec(**{**TINY, **more}), seed)), plan, seed)


def numbers(t: Trainer) -> dict[str, Tensor]:
    """Parameters and moments, as copies."""
    found = {name: p.detach().clone() for name, p in zip(t.names, t.parameters, strict=True)}
    for name, p in zip(t.names, t.parameters, strict=True):
        found |= {f"{name}/{key}": torch.as_tensor(value).clone() for key, value in t.optimizer.state.get(p, {}).items()}
    return found


def assert_same(a: dict[str, Tensor], b: dict[str, Tensor]) -> None:
    """Equal names, equal bytes."""
    assert set(a) == set(b)
    for name, x in a.items():
        assert x.numpy().tobytes() == b[name].numpy().tobytes(), name


# ---- learning


@pytest.mark.parametrize("cell", CELLS)
def test_a_drifting_texture_is_learned(cell: str) -> None:
    """Oracle: on textures never seen, the same network before it learned, and copying the last frame: motion is learned."""
    learner, unseen = trainer(BackpropPlan(updates=60, batch=6, n_frames=6, lr=1e-2), **CELLS[cell]), drift(3, 10, seed=7)
    model: Any = learner.trainable.module

    def error() -> float:
        return float(np.mean([(forecast(model, movie)[0][3:] - movie.frames[3:]) ** 2 for movie in unseen]))

    before, copy = error(), np.mean([(movie.frames[2:-1] - movie.frames[3:]) ** 2 for movie in unseen])
    curve = learner.train(drift(6, 20))
    assert error() < 0.2 * before and error() < 0.9 * copy
    assert np.mean([p.mse_model for p in curve.points[-10:]]) < 0.3 * np.mean([p.mse_model for p in curve.points[:3]])
    assert [p.done for p in curve.points] == list(range(1, 61)) and {p.total for p in curve.points} == {60}
    learner.refuse_bad()


def test_the_curve_tells_the_errors_of_scored_frames() -> None:
    """Oracle: both errors by hand, from the fourth frame on, of the windows that the seed draws; fewer frames have none."""
    learner, movies = trainer(), drift()
    batch = window([m.frames.astype(np.float32) for m in movies], PLAN, stream(1, "batch", 0))
    told = np.array([forecast(learner.trainable.module, Movie(w))[0] for w in batch])
    point = learner.train(movies).points[0]
    assert point.mse_model == pytest.approx(np.mean((told[:, 3:] - batch[:, 3:]) ** 2), rel=1e-5)
    assert point.mse_copy_last == pytest.approx(np.mean((batch[:, 2:-1] - batch[:, 3:]) ** 2), rel=1e-5)
    assert point.n_scored == 4 * 2
    short = trainer(PLAN.model_copy(update={"n_frames": 3})).train(movies).points[0]
    assert math.isnan(short.mse_model) and math.isnan(short.mse_copy_last) and short.n_scored == 0


def test_gradients_of_batches_add_up() -> None:
    """Oracle: autograd of the model's own loss on both batches; the loss and the forecast are those of the model."""
    learner = trainer()
    one, two = (torch.from_numpy(np.array([m.frames[:5] for m in drift(seed=s)])).float() for s in (1, 2))
    model: Any = learner.trainable.module
    wanted = [torch.zeros_like(p) for p in learner.parameters]
    for clips in (one, two):
        shown = clips[:, :, None]
        trajectory = model(shown)
        loss = model.loss(trajectory, shown)
        wanted = [a + b for a, b in zip(wanted, torch.autograd.grad(loss, learner.parameters), strict=True)]
        told, seen = learner.trainable.accumulate(clips)
        assert told == pytest.approx(float(loss.detach()), rel=1e-6)
        torch.testing.assert_close(seen, trajectory.forecast.detach()[:, :, 0])
    for p, g in zip(learner.parameters, wanted, strict=True):
        assert p.grad is not None
        torch.testing.assert_close(p.grad, g)


def test_a_first_step_of_adam() -> None:
    """Oracle: Adam's first step is the learning rate against the sign of each gradient; a long gradient is cut to its norm."""
    free, cut = (trainer(BackpropPlan(updates=1, batch=4, n_frames=5, lr=0.01, clip_norm=norm)) for norm in (None, 1e-3))
    lengths = []
    for learner in (free, cut):
        before = numbers(learner)
        learner.train(drift())
        for name, p in zip(learner.names, learner.parameters, strict=True):
            grad = learner.optimizer.state[p]["exp_avg"] / 0.1
            expected = before[name] - 0.01 * grad / (grad.abs() + 1e-8)
            torch.testing.assert_close(p.detach(), expected, rtol=0, atol=1e-6)
        lengths.append(sum(float((learner.optimizer.state[p]["exp_avg"] / 0.1).square().sum()) for p in learner.parameters) ** 0.5)
    assert lengths[0] > 1e-2 and lengths[1] == pytest.approx(1e-3, rel=1e-3)


def test_training_keeps_the_law_of_dale() -> None:
    """Oracle: the signs at birth of the columns that R sends through; steps are so long that weights would cross 0."""
    learner = trainer(BackpropPlan(updates=10, batch=4, n_frames=5, lr=0.1), **CELLS["leaky"])
    model: Any = learner.trainable.module
    weights = [(model.predict[i].weight, slice(None)) for i in (0, 1)] + [(model.cells[i].conv.weight, slice(0, 4)) for i in (0, 1)]
    born = [w[:, columns].detach().sign() for w, columns in weights]
    learner.train(drift())
    for (w, columns), sign in zip(weights, born, strict=True):
        assert bool((w[:, columns] * sign >= 0).all())
    assert sum(int((w[:, columns] == 0).sum()) for w, columns in weights) > 0


# ---- being put down and taken up


class Stop(Exception):
    """Someone pulls the plug."""


@pytest.mark.parametrize(("cell", "at"), [("convlstm", 1), ("convlstm", 4), ("sublstm", 4), ("leaky", 4)])
def test_a_trainer_goes_on_where_it_was_saved(tmp_path: Path, cell: str, at: int) -> None:
    """Oracle: the run that nobody stopped, byte for byte: parameters, moments of Adam, curve."""
    whole, first, path = trainer(**CELLS[cell]), trainer(**CELLS[cell]), tmp_path / "training.safetensors"
    whole.train(drift())

    def stop() -> None:
        if len(first.curve.points) == at:
            first.save(path)
            raise Stop

    with pytest.raises(Stop):
        first.train(drift(), after=stop)
    rest = Trainer(RateTrainable(RatePredNet(RatePredNetSpec(**TINY, **CELLS[cell]), seed=99)), PLAN, seed=1)
    rest.load(path)
    assert_same(numbers(rest), numbers(first))
    assert len(rest.train(drift()).points) == PLAN.updates
    assert_same(numbers(rest), numbers(whole))
    assert rest.curve.to_array().tobytes() == whole.curve.to_array().tobytes()


def test_loading_a_beginning_into_a_trainer_that_has_learned(tmp_path: Path) -> None:
    """Oracle: a fresh trainer; nothing of what was learned before the file was read is left, moments of Adam included."""
    fresh, used, path = trainer(), trainer(), tmp_path / "training.safetensors"
    fresh.save(path)
    used.train(drift())
    used.load(path)
    assert used.curve.points == []
    assert_same(numbers(used), numbers(fresh))
    used.train(drift())
    fresh.train(drift())
    assert_same(numbers(used), numbers(fresh))


def test_a_trainer_that_is_done_does_nothing() -> None:
    """Oracle: its own numbers."""
    learner, calls = trainer(), []
    learner.train(drift(), after=lambda: calls.append(len(learner.curve.points)))
    done = numbers(learner)
    learner.train(drift(), after=lambda: calls.append(-1))
    assert calls == list(range(1, 10))
    assert_same(numbers(learner), done)


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    """Oracle: the sentence names the file and the tensor that does not fit."""
    path = tmp_path / "training.safetensors"
    trainer().save(path)
    with pytest.raises(
        StateError, match=r"training.safetensors parameter/cells.0.conv.weight: does not fit the model; got \(16, 10, 3, 3\)"
    ):
        trainer(r_channels=(6, 4)).load(path)
    with pytest.raises(StateError, match=r"training.safetensors parameter/\S+: does not fit the model: it has no such parameter"):
        trainer(channels=(1,), r_channels=(4,)).load(path)
    with pytest.raises(StateError, match=r"training.safetensors parameter/read.weight: does not fit the model; got 'nothing'"):
        trainer(loss="direct").load(path)


# ---- what is not a number


def test_a_loss_that_is_not_a_number_changes_nothing() -> None:
    """Oracle: all numbers of the trainer before the update; the sentence says which update it was."""
    learner = trainer()

    def plant() -> None:
        if len(learner.curve.points) == 4:
            with torch.no_grad():
                learner.parameters[0].view(-1)[5] = float("nan")
            before.update(numbers(learner))

    before: dict[str, Tensor] = {}
    with pytest.raises(BlowUpError, match=r"training: the loss or its gradient is not a number in update 5 of 9; got \(nan, nan\)"):
        learner.train(drift(), after=plant)
    assert len(learner.curve.points) == 4
    assert_same(numbers(learner), before)
    with pytest.raises(BlowUpError, match=rf"{learner.names[0]}: is not finite after update 4; .*learning rate"):
        learner.refuse_bad()


def test_a_learning_rate_that_is_far_too_large_is_found() -> None:
    """Oracle: the numbers after the last good update, which stay."""
    learner = trainer(PLAN.model_copy(update={"lr": 1e30, "lr_end": 1e30}), cell="leaky")
    last: list[dict[str, Tensor]] = [numbers(learner)]
    with pytest.raises(BlowUpError, match=r"lower.* learning rate"):
        learner.train(drift(), after=lambda: last.append(numbers(learner)))
    assert len(last) == len(learner.curve.points) + 1
    assert_same(numbers(learner), last[-1])


# ---- windows


@pytest.fixture
def clips() -> list[np.ndarray]:
    """Clips whose every pixel tells clip and frame."""
    return [
        np.full((n, 2, 2), 100.0 * i, dtype=np.float32) + np.arange(n, dtype=np.float32)[:, None, None] for i, n in enumerate((4, 9, 12))
    ]


def test_every_window_is_as_likely(clips: list[np.ndarray]) -> None:
    """Oracle: the list of all windows; their counts pass a chi-square test at 0.001, and clip by clip they would not."""
    plan = BackpropPlan(batch=3400, n_frames=4)
    drawn = window(clips, plan, stream(3, "batch", 0))
    assert drawn.shape == (3400, 4, 2, 2) and drawn.dtype == np.float32
    assert np.array_equal(drawn, drawn[:, :1, :1, :1] + np.arange(4)[None, :, None, None] + np.zeros((1, 1, 2, 2)))
    possible = [100.0 * i + t for i, n in enumerate((4, 9, 12)) for t in range(n - 3)]
    starts, counts = np.unique(drawn[:, 0, 0, 0], return_counts=True)
    assert starts.tolist() == possible
    assert chisquare(counts).pvalue > 1e-3
    by_clip = np.concatenate([np.full(n - 3, 3400 / 3 / (n - 3)) for n in (4, 9, 12)])
    assert chisquare(counts, by_clip).pvalue < 1e-3


def test_windows_follow_the_seed(clips: list[np.ndarray]) -> None:
    """Oracle: equal streams draw equal windows, others others."""
    plan = BackpropPlan(batch=50, n_frames=4)
    one, same, other = (window(clips, plan, stream(3, "batch", update)) for update in (0, 0, 1))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_a_clip_shorter_than_a_window_is_refused() -> None:
    """Oracle: the sentence; nothing was trained."""
    learner = trainer()
    with pytest.raises(MovieError, match=r"clip 'short': has fewer frames than a training window; got 4; allowed: >= 5; .*--window"):
        learner.train([*drift(), Movie(np.zeros((4, 8, 8)), name="short")])
    assert learner.curve.points == []


# ---- the plan


def test_the_published_schedule() -> None:
    """Oracle: 0.001 for the first half of 18,750 updates, 0.0001 for the second."""
    plan = BackpropPlan(updates=18750, batch=4, lr=1e-3, schedule="step")
    assert plan.n_frames == 10
    rates = [plan.lr_at(update / plan.updates) for update in range(plan.updates)]
    assert rates == [1e-3] * 9375 + [1e-4] * 9375


def test_the_cosine() -> None:
    """Oracle: both ends, the middle, the quarter by hand; it only falls."""
    plan = BackpropPlan(lr=2e-3, lr_end=1e-4)
    assert plan.lr_at(0.0) == pytest.approx(2e-3, rel=1e-12)
    assert plan.lr_at(1.0) == pytest.approx(1e-4, rel=1e-12)
    assert plan.lr_at(0.5) == pytest.approx(1.05e-3, rel=1e-12)
    assert plan.lr_at(0.25) == pytest.approx(1e-4 + 1.9e-3 * (2.0 + math.sqrt(2.0)) / 4.0, rel=1e-12)
    rates = [plan.lr_at(x) for x in np.linspace(0.0, 1.0, 50)]
    assert all(a > b for a, b in pairwise(rates))


@pytest.mark.parametrize("schedule", ["step", "cosine"])
def test_updates_use_the_schedule(schedule: str) -> None:
    """Oracle: the learning rate that the plan gives for each update."""
    learner, used = trainer(BackpropPlan.model_validate({**PLAN.model_dump(), "schedule": schedule})), []
    learner.train(drift(), after=lambda: used.append(learner.optimizer.param_groups[0]["lr"]))
    assert used == [learner.plan.lr_at(update / 9) for update in range(9)]
    assert used[0] == 5e-3 and used[-1] < 1e-3


# ---- showing


def test_a_forecast_is_what_the_model_says() -> None:
    """Oracle: the model itself on the same clip; populations have their features last."""
    model = RatePredNet(RatePredNetSpec(**TINY), seed=4)
    (movie,) = drift(1, 6)
    with torch.no_grad():
        found = model(torch.from_numpy(movie.frames.copy()).float()[None, :, None], record=True)
    told, populations = forecast(model, movie, record=True)
    assert told.shape == (6, 8, 8) and told.dtype == np.float64
    np.testing.assert_allclose(told, found.forecast[0, :, 0].numpy(), rtol=0, atol=1e-6)
    assert set(populations) == set(found.populations)
    for name, values in populations.items():
        np.testing.assert_allclose(values, found.populations[name][0].permute(0, 2, 3, 1).numpy(), rtol=0, atol=1e-6)
    assert forecast(model, movie)[1] == {}


def test_a_model_of_colour_sees_grey_movies_and_averages() -> None:
    """Oracle: the model on three equal channels, averaged by hand; the channels differ."""
    model = RatePredNet(RatePredNetSpec(**{**TINY, "channels": (3, 4)}), seed=4)
    with torch.no_grad():
        model.predict[0].bias.copy_(torch.tensor([0.1, 0.4, 0.7]))
    (movie,) = drift(1, 6)
    shown = torch.from_numpy(np.repeat(movie.frames[:, None], 3, axis=1)).float()[None]
    with torch.no_grad():
        found = model(shown).forecast[0].numpy()
    assert np.abs(found[:, 0] - found[:, 2]).max() > 0.1
    np.testing.assert_allclose(forecast(model, movie)[0], found.mean(axis=1), rtol=0, atol=1e-6)
    learner = Trainer(RateTrainable(model), PLAN, seed=1)
    before = numbers(learner)
    assert all(math.isfinite(p.mse_model) for p in learner.train(drift()).points)
    assert not torch.equal(numbers(learner)["predict.0.weight"], before["predict.0.weight"])


@pytest.mark.parametrize("size", [(8, 9), (16, 16), (7, 8)])
def test_frames_of_another_size_are_refused(size: tuple[int, int]) -> None:
    """Oracle: the sentence, with both sizes and the cure."""
    model = RatePredNet(RatePredNetSpec(**TINY))
    words = rf"movie 'odd': has frames of another size than the model; got \({size[0]}, {size[1]}\); allowed: \(8, 8\); read it with size=8"
    with pytest.raises(MovieError, match=words):
        forecast(model, Movie(np.zeros((4, *size)), name="odd"))


# ---- threads


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
def test_one_thread_gives_the_others_back() -> None:
    """Oracle: torch's own count, inside and after, also after an error."""
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3
    with pytest.raises(Stop), one_thread():
        raise Stop
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_training_uses_one_thread() -> None:
    """Oracle: torch's own count while it trains, and after it was stopped."""
    seen = []

    def stop() -> None:
        seen.append(torch.get_num_threads())
        raise Stop

    with pytest.raises(Stop):
        trainer().train(drift(), after=stop)
    assert seen == [1] and torch.get_num_threads() == 3


def test_half_of_the_windows_are_mirrored() -> None:
    """Oracle: the same windows, drawn without mirrors; 400 of them, so that half is 200 within four standard errors."""
    clip = np.random.default_rng(0).random((30, 4, 5)).astype(np.float32)
    plan = BackpropPlan(batch=400, n_frames=6)
    plain = window([clip], plan, np.random.default_rng(1))
    turned = window([clip], plan.model_copy(update={"mirror": True}), np.random.default_rng(1))
    same = np.array([np.array_equal(a, b) for a, b in zip(plain, turned, strict=True)])
    assert all(np.array_equal(a[..., ::-1], b) for a, b in zip(plain[~same], turned[~same], strict=True))
    assert abs(same.sum() - 200) < 4 * 10
