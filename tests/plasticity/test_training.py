"""Training: what is shown when. Oracles: set algebra on frames that can be told apart, and closed forms."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plasticity import ErrorGated
from plasticity.training import (
    FIRST_SCORED,
    Curve,
    Plan,
    Progress,
    forecast_error,
    join,
    learn,
    order,
    refuse_bad_weights,
    refuse_blow_up,
    stretches,
)
from snn.engines import engine
from snn.errors import BlowUpError, MovieError
from snn.prednet import PredNetSpec, prednet
from snn.recording import Recording
from snn.state import State
from snn.stimuli.movie import Movie

GREYS = 4096


def numbered(lengths: list[int]) -> list[Movie]:
    """Clips of one pixel, in which every frame of every clip has a grey of its own."""
    starts = np.cumsum([0, *lengths])
    grey = (np.arange(starts[-1]) / GREYS).reshape(-1, 1, 1)
    return [Movie(grey[a:b], name=f"clip{i}") for i, (a, b) in enumerate(pairwise(starts))]


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.integers(5, 25))
def test_stretches_partition_the_clips(lengths: list[int], length: int) -> None:
    movies = numbered(lengths)
    found = stretches(movies, length)
    assert [round(GREYS * x) for m in found for x in m.frames.ravel()] == list(range(sum(lengths)))
    for movie in movies:
        mine = [m for m in found if m.name == movie.name]
        assert np.array_equal(np.concatenate([m.frames for m in mine]), movie.frames)
        assert all(m.n_frames == length for m in mine[:-1])
        assert mine[-1].n_frames <= length + FIRST_SCORED
        # Only a clip that is too short itself gives a stretch that cannot be scored.
        assert all(m.n_frames > FIRST_SCORED for m in mine) or movie.n_frames <= FIRST_SCORED


@given(st.integers(1, 40), st.integers(1, 4), st.integers(0, 2**31))
def test_order_shows_everything_once_a_pass(n: int, passes: int, seed: int) -> None:
    found = order(n, passes, seed)
    assert [sorted(found[p * n : (p + 1) * n]) for p in range(passes)] == [list(range(n))] * passes
    assert found == order(n, passes, seed)
    assert order(n, passes + 1, seed)[: n * passes] == found


def test_order_depends_on_seed_and_pass() -> None:
    one, other = order(30, 2, 0), order(30, 2, 1)
    assert one != other and one[:30] != one[30:]


@given(st.floats(1e-3, 10), st.floats(1e-3, 10), st.floats(0, 1))
def test_eta_falls_exponentially(start: float, end: float, progress: float) -> None:
    plan = Plan(eta_start=start, eta_end=end)
    assert plan.eta(0) == pytest.approx(start) and plan.eta(1) == pytest.approx(end)
    assert math.log(plan.eta(progress)) == pytest.approx((1 - progress) * math.log(start) + progress * math.log(end), abs=1e-9)


@given(st.floats(0, 10), st.floats(0, 1))
def test_eta_to_and_from_nothing_is_a_straight_line(value: float, progress: float) -> None:
    assert Plan(eta_start=value, eta_end=0).eta(progress) == pytest.approx(value * (1 - progress), abs=1e-12)
    assert Plan(eta_start=0, eta_end=value).eta(progress) == pytest.approx(value * progress, abs=1e-12)


POINT = st.tuples(st.floats(0, 1), st.floats(1e-6, 1), st.integers(0, 50))


@given(st.lists(POINT, max_size=12), st.integers(1, 15))
def test_curve_ratio_pools_over_frames(points: list[tuple[float, float, int]], last: int) -> None:
    """As if all scored frames of the latest stretches were one long stretch."""
    nan = float("nan")
    curve = Curve([Progress(i, 12, m if n else nan, c if n else nan, n) for i, (m, c, n) in enumerate(points)])
    model = [m for m, _, n in points[-last:] for _ in range(n)]
    copy = [c for _, c, n in points[-last:] for _ in range(n)]
    if not model:
        assert math.isnan(curve.ratio(last))
    else:
        assert curve.ratio(last) == pytest.approx(np.mean(model) / np.mean(copy))


def test_curve_ratio_of_clips_that_stand_still() -> None:
    assert math.isnan(Curve([Progress(1, 1, 0.1, 0.0, 5)]).ratio())


def recording(n_frames: int, seed: int = 0, rate_Hz: float | None = None) -> Recording:
    """A recording as an engine would give, of 50 ms frames."""
    rng = np.random.default_rng(seed)
    counts = rng.random((n_frames, 3, 3, 2)) if rate_Hz is None else np.full((n_frames, 3, 3, 2), rate_Hz / 20)
    return Recording(n_frames, 50, 1.0, {"level0.prediction": counts}, {"level0.forecast": rng.random((n_frames, 3, 3, 1))}, {})


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_join_puts_recordings_end_to_end(lengths: list[int]) -> None:
    parts = [recording(n, seed) for seed, n in enumerate(lengths)]
    whole = join(parts)
    assert (whole.n_frames, whole.frame_steps, whole.dt_ms) == (sum(lengths), 50, 1.0)
    at = 0
    for part in parts:
        now = slice(at, at + part.n_frames)
        assert np.array_equal(whole.counts["level0.prediction"][now], part.counts["level0.prediction"])
        assert np.array_equal(whole.readouts["level0.forecast"][now], part.readouts["level0.forecast"])
        at += part.n_frames


@given(st.integers(1, 9), st.integers(0, 99))
def test_forecast_error_by_a_plain_loop(n_frames: int, seed: int) -> None:
    shown = np.random.default_rng(seed + 1).random((n_frames, 3, 3))
    found = recording(n_frames, seed)
    model, copy, n = forecast_error(found, Movie(shown))
    squares: dict[str, list[float]] = {"model": [], "copy": []}
    for t in range(FIRST_SCORED, n_frames):
        for r in range(3):
            for c in range(3):
                squares["model"].append((found.readouts["level0.forecast"][t, r, c, 0] - shown[t, r, c]) ** 2)
                squares["copy"].append((shown[t - 1, r, c] - shown[t, r, c]) ** 2)
    assert n == max(0, n_frames - FIRST_SCORED)
    if n:
        assert (model, copy) == pytest.approx((np.mean(squares["model"]), np.mean(squares["copy"])))
    else:
        assert math.isnan(model) and math.isnan(copy)


@pytest.mark.parametrize(
    ("rate_Hz", "model", "copy", "blown"),
    [
        (50, 0.01, 0.01, False),
        (299, 0.2, 0.01, False),  # lost for now, but within every bound
        (301, 0.2, 0.01, True),
        (301, 0.03, 0.01, False),  # fast, but the forecasts are of use
        (50, 0.26, 0.01, True),
        (50, 0.9, 0.3, False),  # flicker: copying is no better
        (50, float("nan"), 0.01, True),
        (50, float("inf"), 0.01, True),
        (400, 0.001, 0.0, True),  # nothing moves, everything fires
        (1, 0.001, 0.0, False),
    ],
)
def test_what_counts_as_a_blow_up(rate_Hz: float, model: float, copy: float, blown: bool) -> None:
    given_ = (recording(6, rate_Hz=rate_Hz), Plan(), Progress(7, 9, model, copy, 3), "stretch 7 of 9 (clip 'x', 2100 ms)")
    if blown:
        with pytest.raises(BlowUpError, match=r"^level0\.prediction: .*stretch 7 of 9 \(clip 'x', 2100 ms\).*lower the learning rate"):
            refuse_blow_up(*given_)
    else:
        refuse_blow_up(*given_)


def test_a_stretch_without_scored_frames_is_not_judged() -> None:
    nan = float("nan")
    refuse_blow_up(recording(2, rate_Hz=900), Plan(), Progress(1, 1, nan, nan, 0), "stretch 1")


class Watched:
    """A simulation that only notes what it is told; its forecasts are perfect."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[int], bool, float]] = []

    def restart(self) -> None:
        self.calls.append(("restart", [], False, 0.0))

    def run(self, movie: Movie, *, learn: bool = False, modulator: float = 1.0) -> Recording:
        self.calls.append(("run", [round(GREYS * x) for x in movie.frames.ravel()], learn, modulator))
        counts = {"level0.prediction": np.zeros((movie.n_frames, 1, 1, 2))}
        return Recording(movie.n_frames, 50, 1.0, counts, {"level0.forecast": movie.frames[..., None]}, {})

    @property
    def network(self) -> object:
        return type("Nothing", (), {"projections": ()})

    def state(self) -> None:
        return None


@given(st.lists(st.integers(4, 40), min_size=1, max_size=4), st.integers(1, 3), st.integers(1, 4), st.integers(0, 5))
def test_learn_shows_every_frame_once_a_pass(lengths: list[int], passes: int, warm_up: int, seed: int) -> None:
    movies = numbered(lengths)
    plan = Plan(passes=passes, stretch=10, warm_up=warm_up)
    watched = Watched()
    curve = learn(watched, movies, plan, seed=seed)  # type: ignore[arg-type]
    shown = Counter(n for kind, frames, _, _ in watched.calls if kind == "run" for n in frames)
    assert shown == Counter(dict.fromkeys(range(sum(lengths)), passes))
    cut = stretches(movies, 10)
    assert [p.done for p in curve.points] == list(range(1, passes * len(cut) + 1))
    assert sum(kind == "restart" for kind, *_ in watched.calls) == len(curve.points)
    # Rules rest in the first frames of a stretch, and the modulator follows the plan.
    total, i = len(curve.points), -1
    for kind, frames, learns, modulator in watched.calls:
        if kind == "restart":
            i, left = i + 1, warm_up
        elif not learns:
            assert len(frames) <= left
            left -= len(frames)
        else:
            assert left == 0
            assert modulator == pytest.approx(plan.eta(i / max(1, total - 1)))


@given(st.integers(0, 12))
def test_learning_that_goes_on_shows_the_rest(start: int) -> None:
    movies, plan = numbered([12, 9, 14]), Plan(passes=2, stretch=6)
    whole = Watched()
    done = learn(whole, movies, plan, seed=3).points  # type: ignore[arg-type]
    rest = Watched()
    start = min(start, len(done))
    curve = learn(rest, movies, plan, seed=3, start=start, curve=Curve(done[:start]))  # type: ignore[arg-type]
    assert curve.points == done
    assert rest.calls == whole.calls[len(whole.calls) - len(rest.calls) :]
    assert sum(kind == "restart" for kind, *_ in rest.calls) == len(done) - start


def test_nothing_to_learn_from() -> None:
    with pytest.raises(MovieError, match=r"learn\.movies: .*longer clips"):
        learn(Watched(), numbered([3, 2]), Plan())  # type: ignore[arg-type]


def test_weights_that_are_no_numbers_are_named() -> None:
    spec = PredNetSpec(rows=5, cols=5)
    network = prednet(spec, ErrorGated(quantum_mV=spec.error_quantum_mV))
    simulation = engine("reference").build(network, seed=0)
    refuse_bad_weights(simulation)
    state = simulation.state()
    name = next(j.name for j in network.projections if j.rule)
    bad = {**state.arrays, f"weights/{name}": np.full_like(state.arrays[f"weights/{name}"], np.nan)}
    broken = engine("reference").build(network, state=State(bad, state.step, state.seed, state.dt_ms, state.digest))
    with pytest.raises(BlowUpError, match="not finite") as error:
        refuse_bad_weights(broken)
    assert name in str(error.value)
