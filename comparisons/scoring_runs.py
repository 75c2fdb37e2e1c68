"""The work behind ``evaluate``: a run, or a file of a rate model, is shown frames and scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comparisons.bars import GatedShift, OneFrame, load_bars
from comparisons.evaluation import evaluate
from comparisons.forecasters import Forecaster, RateForecaster
from comparisons.inspection import load_run
from comparisons.movies import PHOTOGRAPHS
from snn.errors import StateError, sentence
from snn.stimuli.drift import drifting_movies, photographs
from snn.stimuli.movie import Movie
from snn.stimuli.reading import read_movies


@dataclass(frozen=True)
class Frames:
    """Which frames to show.

    Attributes
    ----------
    frames : str
        As in `Source`.
    clips : tuple of str
        Names; empty means all.
    only : {'all', 'held-out'}
        Whether to leave out what a run has learned from.
    backwards : bool
        Play every movie backwards.
    n_movies : int
        For photographs: number of drifts.
    speed_px : (float, float)
        For photographs: slowest and fastest drift.
    direction_deg : (float, float)
        For photographs: range of directions.
    seed : int
        For photographs: seed of the drifts.
    """

    frames: str
    clips: tuple[str, ...] = ()
    only: str = "all"
    backwards: bool = False
    n_movies: int = 60
    speed_px: tuple[float, float] = (1.0, 1.0)
    direction_deg: tuple[float, float] = (-180.0, 180.0)
    seed: int = 999


def score_path(path: Path, wanted: Frames, after: Callable[[int, int], None] | None = None) -> dict[str, dict[str, Any]]:
    """Score a run folder, a shipped model or a file of a rate model.

    Parameters
    ----------
    path : Path
        A file ending in ``.safetensors`` is a rate model of unknown training: there are no bars for it.
    wanted : Frames
    after : callable, optional
        Called with the number of movies done and their total.

    Returns
    -------
    dict of str to dict
        Per clip, what `evaluate` gives.

    Raises
    ------
    StateError
        If held-out frames are asked of a model of which nobody knows what it has learned from.
    """
    if path.suffix == ".safetensors":
        forecaster, movies, bars = _model_file(path, wanted)
    else:
        forecaster, movies, bars = _run(path, wanted)
    if wanted.backwards:
        movies = tuple(m.reversed() for m in movies)
    return evaluate(forecaster, movies, *bars, after=None if after is None else lambda done: after(done, len(movies)))


Subject = tuple[Forecaster, tuple[Movie, ...], tuple[GatedShift | None, OneFrame | None]]


def _run(path: Path, wanted: Frames) -> Subject:
    run = load_run(path)
    slow, fast = wanted.speed_px
    low, high = wanted.direction_deg
    source = run.job.source.model_copy(
        update={
            "frames": wanted.frames,
            "clips": wanted.clips,
            "n_movies": wanted.n_movies,
            "speed_min_px": slow,
            "speed_max_px": fast,
            "direction_min_deg": low,
            "direction_max_deg": high,
        }
    )
    fresh = wanted.only == "held-out" or wanted.frames == PHOTOGRAPHS
    return run.forecaster, source.held_out(run.clips, wanted.seed) if fresh else source.read(), load_bars(run.path)


def _model_file(path: Path, wanted: Frames) -> Subject:
    from conversion.model_files import load_model

    model, _ = load_model(path)
    size = model.spec.size(0)
    if wanted.frames == PHOTOGRAPHS:
        images = photographs(held_out=True)
        movies = drifting_movies(
            images, wanted.n_movies, 10, size, speed_px=wanted.speed_px, direction_deg=wanted.direction_deg, seed=wanted.seed
        )
    elif wanted.only == "held-out":
        cure = "leave out --only, or give a run folder"
        raise StateError(
            sentence(str(path), "does not tell what the model has learned from, so nothing is known to be held out", cure=cure)
        )
    else:
        movies = read_movies(wanted.frames, size=size, clips=wanted.clips or None)
    return RateForecaster(model), movies, (None, None)
