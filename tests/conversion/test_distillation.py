"""Distillation: what is compared, that only the student learns, where it begins, and what the report says.

Oracles: a student that is its teacher, plain NumPy, the scores of ``evaluate``, and the run that nobody stopped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from comparisons.evaluation import evaluate, pooled_ratio
from comparisons.forecasters import RateForecaster
from conversion.backprop_plan import BackpropPlan
from conversion.distil_plan import GATE, DistilPlan, populations_of, student_of
from conversion.distil_report import distillation_report, refuse_untaught
from conversion.distillation import DistilTrainable, inherit, mismatch, observe
from conversion.rate_prednet import RatePredNet
from conversion.rate_spec import RatePredNetSpec, Timing
from conversion.rate_trainable import RateTrainable
from conversion.rate_training import Trainer, forecast
from conversion.timed_prednet import TimedPredNet, rate_model, tau_of
from snn.errors import ConversionError, MovieError
from snn.stimuli.movie import Movie

SIDE = 8
TIMING = Timing(step_ms=25.0)
GATED = RatePredNetSpec(rows=SIDE, cols=SIDE, channels=(1, 4), r_channels=(4, 4), error_norm="rms")
LEAKY = RatePredNetSpec(rows=SIDE, cols=SIDE, channels=(1, 4), r_channels=(6, 6), cell="leaky", error_norm="rms")
TIMED = student_of(LEAKY, TIMING)
INSIDE = DistilPlan(frame=0.0)


def drift(n_movies: int = 4, n_frames: int = 8, seed: int = 0) -> list[Movie]:
    """A smooth texture on a torus that moves on by one pixel a frame."""
    rng, found = np.random.default_rng(seed), []
    for i in range(n_movies):
        texture = gaussian_filter(rng.normal(size=(32, 32)), 1.0, mode="wrap")
        texture = np.clip(0.5 + 0.25 * texture / texture.std(), 0.0, 1.0)
        found.append(Movie(np.array([np.roll(texture, (t, 0), (1, 0))[:SIDE, :SIDE] for t in range(n_frames)]), name=f"drift {i}"))
    return found


def clips(n_frames: int = 5) -> torch.Tensor:
    return torch.tensor(np.stack([m.frames for m in drift(3, n_frames)]), dtype=torch.float32)


def busy(spec: RatePredNetSpec, seed: int = 3) -> RatePredNet:
    """A network whose every channel is alive: weights as drawn, biases above 0."""
    model = rate_model(spec, seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith("bias"):
                p.fill_(0.1)
    return model


@pytest.fixture(scope="module")
def teacher() -> RatePredNet:
    """A PredNet with the paper's cell that has learned to forecast drifts."""
    model = RatePredNet(GATED, seed=1)
    Trainer(RateTrainable(model), BackpropPlan(updates=40, batch=6, n_frames=6, lr=1e-2), 1).train(drift(6, 20))
    return model


def activity(model: RatePredNet, shown: torch.Tensor) -> dict[str, np.ndarray]:
    """What is compared, by hand: of a network in milliseconds from its sub-steps, with synapses as plain recursions."""
    if not isinstance(model, TimedPredNet):
        with torch.no_grad():
            return {name: a.double().numpy() for name, a in model(shown, record=True).populations.items()}
    timing, found, at_end, memory = model.timing, {}, {}, model.at_rest(len(shown))
    h, n = timing.step_ms, timing.n_steps
    assert n == 2, "the second half is the second sub-step"
    for t in range(shown.shape[1]):
        with torch.no_grad():
            _, memory, moments = model.moments(shown[:, t], memory)
        for name, x in moments.items():
            level, what = int(name[5]), name.partition(".")[2]
            a = x.double().numpy()
            value, s = a[:, -1], at_end.get(name, 0.0)
            if what == "representation":
                tau = tau_of(a.shape[2], model.spec).numpy()[:, None, None]
                since = h / 2 + timing.hop_ms
                for k in range(n):
                    value = s * np.exp(-since / tau) + a[:, k] * (1 - np.exp(-since / tau))
                    s = s * np.exp(-h / tau) + a[:, k] * (1 - np.exp(-h / tau))
                at_end[name] = s
            if what == "target" and level:
                b, c, rows, cols = value.shape
                value = value.reshape(b, c, rows // 2, 2, cols // 2, 2).mean(axis=(3, 5))
            found.setdefault(name, []).append(value)
    return {name: np.stack(values, axis=1) for name, values in found.items()}


def apart(told: np.ndarray, asked: np.ndarray) -> float:
    """The term of the loss in NumPy."""
    told, asked = told[:, 1:], asked[:, 1:]
    variance = np.mean([np.var(asked[:, :, c]) for c in range(asked.shape[2])])
    squares = ((told - asked) ** 2).mean(axis=(2, 3, 4))
    return float(np.mean(np.sqrt(squares / variance + 1e-6)))


# ---- what is compared


def test_a_student_that_is_its_teacher_has_nothing_to_learn() -> None:
    """Oracle: the floor under the root of each term, 0.001; in the report no error and full correlation."""
    model = busy(TIMED)
    pair = DistilTrainable(model, TimedPredNet(TIMED, seed=9), INSIDE)
    terms, _ = pair.terms(clips())
    assert set(terms) == {"forecast", "prediction", "target", "error", "representation"}
    assert {kind: float(x.detach()) for kind, x in terms.items()} == pytest.approx(dict.fromkeys(terms, 1e-3), rel=1e-2)
    assert len(pair.readouts) == 0 and set(pair.inherited) == {name for name, _ in model.named_parameters()}
    report = distillation_report(model, pair.student, drift())
    for name, row in report["populations"].items():
        assert row["compared"] == "directly", name
        assert row["nrmse"] < 1e-3 and row["correlation"] > 1 - 1e-6, name
    assert report["teacher"] == report["student"]


@pytest.mark.parametrize(
    "changes",
    [
        {"tau_frames": (3.0, 0.0, 1.0)},
        {"shared": False},
        {"tau_frames": (1.0, 0.0), "shared": False},
    ],
)
@pytest.mark.parametrize("dale", [False, True])
def test_where_a_student_of_a_leaky_teacher_begins(changes: dict[str, Any], dale: bool) -> None:
    """Oracle: the teacher itself. Blocks of time constants in another order, or a kernel at each site, change nothing."""
    taus = sorted(changes.get("tau_frames", (0.0, 1.0, 3.0)))
    if dale:  # excitatory and inhibitory channels have the same constants only where there is one
        taus, changes = [1.0], {**changes, "tau_frames": (1.0,)}
    born = student_of(LEAKY.model_copy(update={"dale": dale}), TIMING, tau_frames=tuple(taus))
    model, other = busy(born), student_of(born, TIMING, **changes)
    student = TimedPredNet(other, seed=9)
    pair = DistilTrainable(model, student, INSIDE)
    terms, told = pair.terms(clips())
    assert {kind: float(x.detach()) for kind, x in terms.items()} == pytest.approx(dict.fromkeys(terms, 1e-3), rel=2e-2)
    with torch.no_grad():
        torch.testing.assert_close(told.detach(), model(clips()[:, :, None]).forecast, atol=1e-5, rtol=0)
    assert set(pair.inherited) == {name for name, _ in student.named_parameters()}


def test_a_network_of_one_step_a_frame_lends_its_weights() -> None:
    """Oracle: R that has no memory and errors that stand still: of a still frame, both end up with the same forecast."""
    spec = LEAKY.model_copy(update={"channels": (1,), "r_channels": (6,), "tau_frames": (0.0, 0.5)})
    model: Any = busy(spec)
    student = TimedPredNet(student_of(spec, TIMING), seed=9)
    with torch.no_grad():
        model.cells[0].conv.weight.mul_(0.5)  # so that it comes to rest
    assert set(inherit(student, model)) == {name for name, _ in student.named_parameters()}
    still = clips(1).expand(-1, 60, -1, -1)[:, :, None]
    with torch.no_grad():
        torch.testing.assert_close(student(still).forecast[:, -1], model(still).forecast[:, -1], atol=1e-4, rtol=0)
        assert float(model(still).forecast[:, -1].std()) > 1e-3


@pytest.mark.parametrize(
    ("spec", "changes", "copied"),
    [
        (GATED, {}, set()),
        (LEAKY, {"dale": True}, set()),
        (LEAKY, {"r_channels": (5, 6)}, {"predict.1.weight", "predict.1.bias", "predict.0.bias", "ascend.0.weight", "ascend.0.bias"}),
        (LEAKY.model_copy(update={"shared": False}), {"shared": True}, set()),
    ],
)
def test_what_does_not_fit_is_not_copied(spec: RatePredNetSpec, changes: dict[str, Any], copied: set[str]) -> None:
    """Oracle: parameters of equal shape, listed by hand; the others stay as they were drawn."""
    student = TimedPredNet(student_of(spec, TIMING, **changes), seed=9)
    before = {name: p.detach().clone() for name, p in student.named_parameters()}
    found = set(inherit(student, busy(spec)))
    assert copied <= found <= copied | {"cells.1.conv.weight", "cells.1.conv.bias"}
    for name, p in student.named_parameters():
        assert name in found or torch.equal(p.detach(), before[name]), name


@pytest.mark.parametrize("spec", [GATED, LEAKY])
def test_the_terms_are_what_they_say(spec: RatePredNetSpec) -> None:
    """Oracle: NumPy on both networks' own records; narrow students through their read-outs, weights and sum by hand."""
    model, student = busy(spec), TimedPredNet(student_of(spec, TIMING, channels=(1, 3), r_channels=(6, 5)), seed=9)
    plan = DistilPlan(forecast=2.0, frame=0.5, prediction=0.3, target=0.2, error=0.7, representation=0.4, from_teacher=False)
    pair, shown = DistilTrainable(model, student, plan, seed=4), clips()
    taught, learned = (activity(m, shown[:, :, None]) for m in (model, student))
    kinds = populations_of(2)
    assert len(kinds) == 9 and set(kinds) == set(taught) - {"level0.target"}
    found: dict[str, list[float]] = {}
    for name, kind in kinds.items():
        told, asked = learned[name], taught[name]
        direct = name.startswith("level0") and not name.endswith("representation")
        if name == "level0.representation" and spec is LEAKY:
            direct, asked = True, asked[:, :, [0, 3, 1, 4, 2, 5]]  # dealt out in turn, and in blocks
        key = name.replace(".", "_")
        assert (key in pair.readouts) != direct
        if not direct:
            readout: Any = pair.readouts[key]
            told = np.einsum("oi,btixy->btoxy", readout.weight.detach().numpy(), told) + readout.bias.detach().numpy()[:, None, None]
        found.setdefault(kind, []).append(apart(told, asked))
    terms, said = pair.terms(shown)
    frames = shown[:, 1:, None].numpy()
    scale = np.var(taught["level0.prediction"][:, 1:])
    squares = ((said.detach().numpy()[:, 1:] - frames) ** 2).mean(axis=(2, 3, 4))
    found["frame"] = [float(np.mean(np.sqrt(squares / scale + 1e-6)))]
    assert {kind: float(x.detach()) for kind, x in terms.items()} == pytest.approx({k: np.mean(v) for k, v in found.items()}, rel=1e-4)
    loss, told_frames = pair.accumulate(shown)
    assert loss == pytest.approx(sum(getattr(plan, kind) * np.mean(v) for kind, v in found.items()), rel=1e-4)
    torch.testing.assert_close(told_frames, said.detach()[:, :, 0])


def test_a_population_that_is_silent_teaches_nothing() -> None:
    """Oracle: by hand; a variance below one in a million is no lesson, one above is, and what varies can be another."""
    x = torch.rand(2, 3, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    assert float(mismatch(x, 0.5 + 1e-4 * x)) == 0.0
    mean = x.mean(dim=(0, 1, 3, 4), keepdim=True).expand_as(x)
    assert float(mismatch(mean, x)) == pytest.approx(1.0, rel=0.05)
    assert float(mismatch(x + 0.1, x, 2 * x)) == pytest.approx(0.05 / float(x.var(dim=(0, 1, 3, 4), correction=0).mean() ** 0.5), rel=1e-3)


# ---- what learns


def test_gradients_reach_the_student_and_not_the_teacher() -> None:
    """Oracle: every parameter by name; the teacher's bytes and flags stay as they were."""
    teacher = busy(GATED)
    born = {name: p.detach().clone() for name, p in teacher.named_parameters()}
    student = busy(student_of(GATED, TIMING, channels=(1, 3)), seed=2)
    pair = DistilTrainable(teacher, student, DistilPlan())
    pair.accumulate(clips())
    names = dict(pair.module.named_parameters())
    assert {name.removeprefix("student.") for name in names if name.startswith("student.")} == {n for n, _ in student.named_parameters()}
    assert {name.split(".")[1] for name in names if name.startswith("readouts.")} == {
        "level0_representation",
        *(f"level1_{kind}" for kind in ("representation", "prediction", "target", "error_pos", "error_neg")),
    }
    for name, p in names.items():
        assert p.grad is not None and float(p.grad.abs().sum()) > 0, name
    Trainer(pair, BackpropPlan(updates=2, batch=2, n_frames=5), 0).train(drift())
    for held in (teacher, pair.teacher):
        for name, p in held.named_parameters():
            assert torch.equal(p, born[name]) and p.grad is None, name
    assert all(p.requires_grad for p in teacher.parameters()) and not any(p.requires_grad for p in pair.teacher.parameters())


def test_a_student_learns_from_its_teacher(teacher: RatePredNet) -> None:
    """Oracle: on drifts never seen, the same student before it learned, in every population, and copying the last frame."""
    student = TimedPredNet(student_of(GATED, TIMING, channels=(1, 3), r_channels=(6, 6)), seed=2)
    pair, unseen = DistilTrainable(teacher, student, DistilPlan()), drift(3, 8, seed=7)
    before = distillation_report(teacher, student, unseen)
    Trainer(pair, BackpropPlan(updates=40, batch=4, n_frames=5, lr=1e-2), 1).train(drift(6, 20))
    after = distillation_report(teacher, student, unseen)
    assert after["student"]["ratio"] < 0.3 * before["student"]["ratio"]
    for name in ("level0.prediction", "level0.error_pos", "level0.error_neg", "level0.representation"):
        assert after["populations"][name]["nrmse"] < 0.95 * before["populations"][name]["nrmse"], name


def test_a_student_under_dales_law_keeps_its_signs(teacher: RatePredNet) -> None:
    """Oracle: the signs at birth of the columns through which R sends, after steps so long that weights would cross 0."""
    student = TimedPredNet(student_of(GATED, TIMING, dale=True), seed=2)
    weights: list[Any] = [student.predict[i].weight for i in (0, 1)]
    born = [w.detach().sign() for w in weights]
    Trainer(DistilTrainable(teacher, student, DistilPlan()), BackpropPlan(updates=5, batch=4, n_frames=5, lr=0.1), 1).train(drift())
    assert all(bool((w.detach() * sign >= 0).all()) for w, sign in zip(weights, born, strict=True))


def test_a_trainer_goes_on_where_it_was_saved(teacher: RatePredNet, tmp_path: Path) -> None:
    """Oracle: the run that nobody stopped, byte for byte, read-outs and moments of Adam included."""

    def trainer(seed: int) -> Trainer:
        student = TimedPredNet(student_of(GATED, TIMING, channels=(1, 3)), seed)
        return Trainer(DistilTrainable(teacher, student, DistilPlan(), seed), BackpropPlan(updates=6, batch=3, n_frames=5), 1)

    whole, first, path = trainer(0), trainer(0), tmp_path / "training.safetensors"
    whole.train(drift())

    def stop() -> None:
        if len(first.curve.points) == 3:
            first.save(path)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        first.train(drift(), after=stop)
    rest = trainer(5)
    rest.load(path)
    rest.train(drift())
    whole.save(tmp_path / "whole.safetensors")
    rest.save(tmp_path / "rest.safetensors")
    assert (tmp_path / "rest.safetensors").read_bytes() == (tmp_path / "whole.safetensors").read_bytes()


# ---- the report


def collected(model: RatePredNet, movies: list[Movie]) -> dict[str, list[np.ndarray]]:
    """Activity of the scored frames, one array of (frames * sites, channels) a movie."""
    found: dict[str, list[np.ndarray]] = {}
    for movie in movies:
        shown = torch.tensor(movie.frames[None, :, None], dtype=torch.float32)
        for name, a in activity(model, shown).items():
            found.setdefault(name, []).append(np.moveaxis(a[0, 3:], 1, -1).reshape(-1, a.shape[2]))
    return found


@pytest.mark.parametrize("n_movies", [1, 4])
def test_the_report_in_numpy(n_movies: int) -> None:
    """Oracle: whole arrays and ``numpy.linalg.lstsq`` on them; ratios are those of ``evaluate``."""
    teacher = busy(GATED)
    student = busy(student_of(GATED, TIMING, channels=(1, 3)), seed=2)
    movies = drift(n_movies, 9, seed=5)
    report = distillation_report(teacher, student, movies, lambda movie: movie.name[-1])
    taught, learned = collected(teacher, movies), collected(student, movies)
    assert set(report["populations"]) == set(populations_of(2))
    for name, row in report["populations"].items():
        a, s = taught[name], learned[name]
        if n_movies == 1:  # halves of the scored frames
            a, s = (np.split(x[0], 2) for x in (a, s))
        folds = [(np.concatenate(a[i::2]), np.concatenate(s[i::2])) for i in (0, 1)]
        linear = name.startswith("level1") or name.endswith("representation")
        assert row["compared"] == ("linear" if linear else "directly")
        told, asked = [], []
        for i in (0, 1):
            wide = [np.column_stack([np.ones(len(x)), x]) for _, x in folds]
            told.append(wide[i] @ np.linalg.lstsq(wide[1 - i], folds[1 - i][0], rcond=None)[0] if linear else folds[i][1])
            asked.append(folds[i][0])
        x, y = np.concatenate(told), np.concatenate(asked)
        dx, dy = x - x.mean(axis=0), y - y.mean(axis=0)
        assert row["nrmse"] == pytest.approx(np.sqrt(((x - y) ** 2).sum() / (dy**2).sum()), rel=1e-3), name
        assert row["correlation"] == pytest.approx((dx * dy).sum() / np.sqrt((dx**2).sum() * (dy**2).sum()), rel=1e-3), name
    for who, model in (("teacher", teacher), ("student", student)):
        scores = evaluate(RateForecaster(model), movies, None, None)
        assert report[who]["ratio"] == pytest.approx(pooled_ratio(scores), rel=1e-5)
        assert report[who]["clips"] == pytest.approx({name[-1]: row["ratio"] for name, row in scores.items()}, rel=1e-5)
        assert report[who]["gate_passed"] == (report[who]["ratio"] <= GATE)
    assert report["frames_scored"] == n_movies * 6 and report["gate"] == 0.8
    assert report["mse_copy_last"] == pytest.approx(np.mean([np.mean(np.diff(m.frames, axis=0)[2:] ** 2) for m in movies]))


def test_the_gate() -> None:
    """Oracle: networks that say nothing but a constant: against flicker they pass the gate, against stillness they do not."""
    mute = rate_model(TIMED)
    with torch.no_grad():
        for p in mute.parameters():
            p.zero_()
        dict(mute.named_parameters())["predict.0.bias"].fill_(0.5)
    flicker = Movie(np.tile(np.array([0.2, 0.8])[:, None, None], (5, SIDE, SIDE)))
    report = distillation_report(mute, mute, [flicker])
    assert report["student"]["ratio"] == pytest.approx(0.25, abs=1e-6) and report["student"]["gate_passed"] is True
    assert np.isnan(report["populations"]["level0.prediction"]["nrmse"])
    assert np.isnan(report["populations"]["level0.prediction"]["correlation"])
    slow = Movie(np.linspace(0.0, 0.2, 10)[:, None, None] * np.ones((1, SIDE, SIDE)))
    assert distillation_report(mute, mute, [slow])["student"]["gate_passed"] is False
    still = distillation_report(mute, mute, [Movie(np.full((6, SIDE, SIDE), 0.3))])["student"]
    assert np.isnan(still["ratio"]) and still["gate_passed"] is False


def test_observing_is_what_forecasting_shows() -> None:
    """Oracle: `forecast`, which shows a movie without looking inside."""
    model, (movie,) = busy(TIMED), drift(1)
    with torch.no_grad():
        told = [x[0, 0].double().numpy() for x, _ in observe(model, torch.tensor(movie.frames, dtype=torch.float32)[None, :, None])]
    np.testing.assert_allclose(np.stack(told), forecast(model, movie)[0], atol=1e-6)


# ---- what is refused


def test_a_teacher_that_says_always_the_same_is_refused(teacher: RatePredNet) -> None:
    """Oracle: the trained teacher, which passes, and the same with its forecast cut off from R."""
    refuse_untaught(teacher, drift())
    mute = RatePredNet(GATED, seed=1)
    with torch.no_grad():
        dict(mute.named_parameters())["predict.0.weight"].zero_()
        dict(mute.named_parameters())["predict.0.bias"].fill_(0.4)
    with pytest.raises(ConversionError, match=r"teacher: has nothing to teach: its forecasts do not vary; got 'variance 0'; .*untrained"):
        refuse_untaught(mute, drift())


def test_movies_that_do_not_fit_are_refused(teacher: RatePredNet) -> None:
    """Oracle: the sentences."""
    student = TimedPredNet(student_of(GATED, TIMING))
    for movie, words in (
        (Movie(np.zeros((9, 4, 4)), name="m"), r"movie 'm': has frames of another size than the model; got \(4, 4\); allowed: \(8, 8\)"),
        (Movie(np.zeros((9, 8, 8)), frame_ms=40.0), "movie 'movie': has frames of another length than the model; got 40.0; .*frame_ms=50"),
        (Movie(np.zeros((3, 8, 8))), "movie 'movie': has too few frames to be scored; got 3; allowed: > 3"),
    ):
        with pytest.raises(MovieError, match=words):
            distillation_report(teacher, student, [*drift(1), movie])
    with pytest.raises(ConversionError, match=r"distillation_report.movies: there is no movie"):
        distillation_report(teacher, student, [])
