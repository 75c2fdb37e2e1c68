"""What random defects in training have shown to be untested."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from plasticity.training import Plan, learn, order
from snn.errors import BlowUpError
from snn.recording import Recording
from snn.stimuli.movie import Movie


class Wild:
    """A simulation whose forecasts are lost, and whose cells fire in every step, from some run on."""

    network = type("Nothing", (), {"projections": ()})

    def __init__(self, good: int) -> None:
        self.good = good

    def restart(self) -> None:
        self.good -= 1

    def run(self, movie: Movie, **_: Any) -> Recording:
        wild = self.good < 0
        counts = {"level0.prediction": np.full((movie.n_frames, 1, 1, 2), 50.0 * wild)}
        forecast = movie.frames[..., None] + 3.0 * wild
        return Recording(movie.n_frames, 50, 1.0, counts, {"level0.forecast": forecast}, {})

    def state(self) -> None:
        return None


@pytest.mark.parametrize("good", [0, 1, 3])
@pytest.mark.parametrize("start", [0, 1])
def test_a_blow_up_names_its_time(good: int, start: int) -> None:
    """Oracle: the frames of all stretches shown so far, at 40 ms each, with those shown before a checkpoint."""
    movies = [Movie(np.linspace(0, 1, n)[:, None, None], 40.0, name=f"clip{n}") for n in (5, 7, 11)]
    plan, failing = Plan(passes=2), start + good
    shown = [movies[i] for i in order(3, 2, seed=0)][: failing + 1]
    words = rf"1000 Hz .* in stretch {failing + 1} of 6 \(clip '{shown[-1].name}', {40 * sum(m.n_frames for m in shown)} ms\)"
    with pytest.raises(BlowUpError, match=words):
        learn(Wild(good), movies, plan, seed=0, start=start)  # type: ignore[arg-type]
