"""Scores of a network with frozen weights, per clip, beside the bars."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from comparisons.bars import GatedShift, OneFrame, copy_last_mse, score
from comparisons.forecasters import Forecaster
from comparisons.movies import clip_of
from snn.errors import MovieError, sentence
from snn.stimuli.movie import Movie
from snn.stimuli.splitting import FIRST_SCORED


@dataclass
class _Sums:
    """Running sums over the movies of one clip."""

    n_scored: int = 0
    n_frames: int = 0
    squares: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    spikes: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    activity: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    events: float | None = None


def evaluate(
    forecaster: Forecaster,
    movies: Sequence[Movie],
    gated_shift: GatedShift | None,
    one_frame: OneFrame | None,
    after: Callable[[int], None] | None = None,
) -> dict[str, dict[str, Any]]:
    """Score forecasts of a model whose weights do not change.

    Parameters
    ----------
    forecaster : Forecaster
    movies : sequence of Movie
        Each begins at rest.
    gated_shift : GatedShift or None
    one_frame : OneFrame or None
        Bars, fitted on the learning frames; None where those are not known.
    after : callable, optional
        Called with the number of movies done.

    Returns
    -------
    dict of str to dict
        Per clip: ``mse_model``, ``mse_copy_last``, ``mse_gated_shift``, ``mse_one_frame``, ``ratio``,
        ``mean_rate_Hz`` and ``spikes_per_frame`` (of spiking populations), ``mean_activity`` (of the others),
        ``synaptic_events_per_frame``, ``multiply_adds_per_frame``, ``frames_scored``; None for what a model has not.

    Raises
    ------
    MovieError
        If a movie has too few frames to be scored.
    """
    all_sums: dict[str, _Sums] = defaultdict(_Sums)
    for done, movie in enumerate(movies, start=1):
        refuse_short(movie)
        shown = forecaster.show(movie)
        sums, n = all_sums[clip_of(movie)], movie.n_frames - FIRST_SCORED
        sums.n_scored += n
        sums.n_frames += movie.n_frames
        for name, mse in (
            ("model", score(shown.forecast, movie.frames)),
            ("copy_last", copy_last_mse(movie)),
            ("gated_shift", score(gated_shift.forecast(movie.frames), movie.frames) if gated_shift else float("nan")),
            ("one_frame", score(one_frame.forecast(movie.frames), movie.frames) if one_frame else float("nan")),
        ):
            sums.squares[name] += mse * n
        for name, value in shown.spikes.items():
            sums.spikes[name] += value
        for name, value in shown.activity.items():
            sums.activity[name] += value
        if shown.synaptic_events is not None:
            sums.events = (sums.events or 0.0) + shown.synaptic_events
        if after is not None:
            after(done)
    return {clip: _row(forecaster, sums, movies[0].frame_ms) for clip, sums in all_sums.items()}


def refuse_short(movie: Movie) -> None:
    """Raise when a movie has too few frames to be scored.

    Parameters
    ----------
    movie : Movie

    Raises
    ------
    MovieError
        Naming the clip.
    """
    if movie.n_frames <= FIRST_SCORED:
        problem, cure = "has too few frames to be scored", "give longer clips, or keep more frames"
        raise MovieError(sentence(f"clip {movie.name!r}", problem, got=movie.n_frames, allowed=f"> {FIRST_SCORED}", cure=cure))


def _row(forecaster: Forecaster, sums: _Sums, frame_ms: float) -> dict[str, Any]:
    mse = {f"mse_{name}": total / sums.n_scored for name, total in sums.squares.items()}
    seconds, cells = sums.n_frames * frame_ms / 1000.0, forecaster.cells
    copy = mse["mse_copy_last"]
    return {
        **mse,
        "ratio": mse["mse_model"] / copy if copy > 0 else float("nan"),
        "mean_rate_Hz": {name: total / (cells[name] * seconds) for name, total in sums.spikes.items()},
        "mean_activity": {name: total / (cells[name] * sums.n_frames) for name, total in sums.activity.items()},
        "spikes_per_frame": sum(sums.spikes.values()) / sums.n_frames if sums.spikes else None,
        "synaptic_events_per_frame": None if sums.events is None else sums.events / sums.n_frames,
        "multiply_adds_per_frame": forecaster.multiply_adds,
        "frames_scored": sums.n_scored,
    }


def pooled_ratio(clips: dict[str, Any], key: str = "mse_model") -> float:
    """Error over that of copying the last frame, over all clips of a test.

    Parameters
    ----------
    clips : dict
        Per clip, what `evaluate` gives.
    key : str
        Which error.

    Returns
    -------
    float
    """
    total = sum(c[key] * c["frames_scored"] for c in clips.values())
    return float(total / sum(c["mse_copy_last"] * c["frames_scored"] for c in clips.values()))


def table(clips: dict[str, dict[str, Any]]) -> str:
    """Print scores as a plain table; errors as ratios to copying the last frame.

    Operations a frame are synaptic events of a model that spikes, and dense multiply-adds of one that does not.

    Parameters
    ----------
    clips : dict
        What `evaluate` returned.

    Returns
    -------
    str
    """
    head = f"{'clip':<24}{'frames':>8}{'copy-last':>11}{'model':>8}{'gated shift':>13}{'one frame':>11}"
    head += f"{'spikes/frame':>14}{'operations':>14}"
    rows = [head]
    for name, c in clips.items():
        copy = c["mse_copy_last"] or float("nan")
        spikes = "-" if c["spikes_per_frame"] is None else f"{c['spikes_per_frame']:.0f}"
        operations = c["synaptic_events_per_frame"] if c["multiply_adds_per_frame"] is None else c["multiply_adds_per_frame"]
        rows.append(
            f"{name:<24}{c['frames_scored']:>8}{copy:>11.5f}{c['ratio']:>8.3f}{c['mse_gated_shift'] / copy:>13.3f}"
            f"{c['mse_one_frame'] / copy:>11.3f}{spikes:>14}{operations:>14.0f}"
        )
    return "\n".join(rows)
