"""The tasks: what is shown, what is asked, and when an output is right. Oracle: the published protocol, written out here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conversion.tasks import TASKS, ContextIntegration, GoNoGo, Trials, Xor, correct, score
from snn.errors import ConversionError

# Steps of 5 ms, from rate/main.py and rate/model.py of rkim35/spikeRNN; half of them in the last, whose published form follows.
N_STEPS = {"go_nogo": 200, "xor": 300, "context_integration": 250}
PUBLISHED = {"trial_ms": 2500.0, "onset_ms": 250.0, "stimulus_ms": 1000.0, "grace_ms": 250.0}


def made(name: str, n: int = 400, seed: int = 1, **more: Any) -> Trials:
    return TASKS[name](**more).trials(n, seed)


@pytest.mark.parametrize("name", TASKS)
def test_trials_have_the_shapes_that_they_say_and_repeat_themselves(name: str) -> None:
    task = TASKS[name]()
    trials, again, other = task.trials(50, 1), task.trials(50, 1), task.trials(50, 2)
    assert trials.inputs.shape == (50, N_STEPS[name], task.n_inputs) and len(trials) == 50
    assert trials.targets.shape == (50, N_STEPS[name], task.n_outputs) and trials.mask.shape == (50, N_STEPS[name])
    assert trials.inputs.min() >= 0 and trials.inputs.max() <= 1
    np.testing.assert_array_equal(trials.inputs, again.inputs)
    assert not np.array_equal(trials.inputs, other.inputs)
    assert task.kind == name


@pytest.mark.parametrize("name", TASKS)
def test_movies_are_the_inputs(name: str) -> None:
    trials = made(name, 3)
    for movie, shown in zip(trials.movies(), trials.inputs, strict=True):
        assert movie.frame_ms == 5.0 and movie.size == (1, shown.shape[1])
        np.testing.assert_array_equal(movie.frames[:, 0], shown)


def test_go_nogo() -> None:
    trials = made("go_nogo")
    go = trials.answers == 1
    assert 0.4 < go.mean() < 0.6 and set(trials.answers) == {0, 1}
    expected = np.zeros(200)
    expected[50:75] = 1
    np.testing.assert_array_equal(trials.inputs[go, :, 0], np.tile(expected, (go.sum(), 1)))
    assert not trials.inputs[~go].any() and not trials.targets[~go].any()
    np.testing.assert_array_equal(trials.targets[go, :, 0], np.tile(np.arange(200) >= 75, (go.sum(), 1)))
    np.testing.assert_array_equal(trials.mask[0], np.arange(200) >= 75)


def test_xor() -> None:
    trials = made("xor")
    signed = trials.inputs[..., 0::2] - trials.inputs[..., 1::2]
    assert not (trials.inputs[..., 0::2] * trials.inputs[..., 1::2]).any()
    first, second = signed[:, 50, 0], signed[:, 110, 1]
    for pulse, sign, (a, b) in ((0, first, (50, 100)), (1, second, (110, 160))):
        expected = np.zeros((400, 300))
        expected[:, a:b] = sign[:, None]
        np.testing.assert_array_equal(signed[..., pulse], expected)
    assert {(x, y) for x, y in zip(first, second, strict=True)} == {(1, 1), (1, -1), (-1, 1), (-1, -1)}
    np.testing.assert_array_equal(trials.answers, first * second)
    time = np.arange(300)
    np.testing.assert_array_equal(trials.targets[..., 0], trials.answers[:, None] * ((time >= 170) & (time < 270)))
    np.testing.assert_array_equal(trials.mask[0], (time >= 200) & (time < 270))


@pytest.mark.parametrize(("times", "onset", "end", "judged", "n"), [({}, 25, 125, 150, 250), (PUBLISHED, 50, 250, 300, 500)])
def test_context_integration(times: dict[str, float], onset: int, end: int, judged: int, n: int) -> None:
    trials = made("context_integration", 300, **times)
    x = trials.inputs
    assert x.shape[1] == n
    signed = 4.0 * (x[..., [0, 2]] - x[..., [1, 3]])
    assert not (x[..., 0] * x[..., 1]).any() and not x[:, :onset, :4].any() and not x[:, end:, :4].any()
    during = signed[:, onset:end]
    signs = np.sign(during.mean(axis=1))
    # A mean of 100 values of sd 1 and mean 0.5 has the right sign but for 3 in 10^7; cutting at 4 hardly changes it.
    residual = during - 0.5 * signs[:, None]
    assert abs(residual.mean()) < 0.02 and abs(residual.std() - 1.0) < 0.02
    assert abs(np.corrcoef(residual[:, :-1].ravel(), residual[:, 1:].ravel())[0, 1]) < 0.02
    context = x[..., 4:]
    assert (context.sum(axis=2) == 1).all() and (context == context[:, :1]).all()
    chosen = context[:, 0].argmax(axis=1)
    np.testing.assert_array_equal(trials.answers, signs[np.arange(300), chosen])
    assert {(c, *s) for c, s in zip(chosen, signs.astype(int).tolist(), strict=True)} == {
        (c, a, b) for c in (0, 1) for a in (-1, 1) for b in (-1, 1)
    }
    time = np.arange(n)
    np.testing.assert_array_equal(trials.targets[..., 0], trials.answers[:, None] * (time >= end))
    np.testing.assert_array_equal(trials.mask[0], time >= judged)


def test_signals_are_cut_where_a_channel_is_full() -> None:
    x = made("context_integration", 20, full=1.0).inputs
    cut = (x[:, 25:125, :4] == 1).any(axis=2).mean()
    assert 0.2 < cut < 0.9


# ---- judging


def outputs(trials: Trials, within: float, outside: float = 0.0) -> np.ndarray[Any, np.dtype[np.float64]]:
    """An output of one value while it is judged, and of another before and after."""
    return np.where(trials.mask, within, outside)[..., None]


@pytest.mark.parametrize("name", TASKS)
def test_targets_are_correct_and_their_opposite_is_not(name: str) -> None:
    trials = made(name, 40)
    for criterion in ("peak", "mean"):
        assert score(trials.targets, trials, criterion) == 1.0  # type: ignore[arg-type]
        assert score(-trials.targets, trials, criterion) == (trials.answers == 0).mean()  # type: ignore[arg-type]
    assert score(np.zeros_like(trials.targets), trials) == (trials.answers == 0).mean()
    assert score(np.full_like(trials.targets, np.nan), trials) == 0.0
    assert score(np.full_like(trials.targets, np.nan), trials, "mean") == 0.0


@pytest.mark.parametrize(
    ("within", "peak", "mean"),
    [
        (0.71, {1}, {1}),
        (0.69, set(), {1}),
        (0.51, set(), {1}),
        (0.49, set(), {0}),
        (0.31, set(), {0}),
        (0.29, {0}, {0}),
        (-0.29, {0}, {0}),
        (-0.31, set(), {0}),
        (-0.69, set(), {-1}),
        (-0.71, {-1}, {-1}),
        (3.0, {1}, {1}),
    ],
)
def test_thresholds(within: float, peak: set[int], mean: set[int]) -> None:
    """Which answers an output makes right; what happens outside the window does not count."""
    for name in TASKS:
        trials = made(name, 40)
        for outside in (0.0, 1.0, -1.0) if name != "go_nogo" else (0.0, 1.0):
            shown = outputs(trials, within, outside)
            np.testing.assert_array_equal(correct(shown, trials, "peak"), np.isin(trials.answers, list(peak)))
            np.testing.assert_array_equal(correct(shown, trials, "mean"), np.isin(trials.answers, list(mean)))


def test_one_peak_is_enough_for_the_published_criterion_only() -> None:
    trials = made("xor", 40)
    shown = outputs(trials, 0.0)
    shown[:, 220] = trials.answers[:, None]
    assert score(shown, trials) == 1.0 and score(shown, trials, "mean") == 0.0


# ---- refusals


def test_what_does_not_fit_is_refused() -> None:
    trials = made("go_nogo", 3)
    with pytest.raises(ConversionError, match=r"outputs: do not fit the trials; got \(3, 200\); allowed: \(3, 200, 1\)"):
        score(np.zeros((3, 200)), trials)
    with pytest.raises(ConversionError, match="criterion: there is no such criterion; got 'best'; allowed: 'peak' or 'mean'"):
        score(trials.targets, trials, "best")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"stimulus_ms must be a whole number of steps of 5.0 ms; got 12.0"):
        GoNoGo(stimulus_ms=12.0)
    with pytest.raises(ValueError, match=r"trial_ms must leave time to respond after 375.0 ms; got 300.0"):
        GoNoGo(trial_ms=300.0)
    with pytest.raises(ValueError, match=r"the response must end within the trial, at 1300.0 ms, .* got 1350.0"):
        Xor(trial_ms=1300.0)
    with pytest.raises(ValueError, match=r"outlast grace_ms"):
        Xor(grace_ms=500.0)
    with pytest.raises(ValueError, match=r"trial_ms must leave time"):
        ContextIntegration(trial_ms=750.0)
