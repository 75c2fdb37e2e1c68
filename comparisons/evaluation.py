"""Scores of a network with frozen weights, per clip, beside the bars."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from comparisons.bars import GatedShift, OneFrame
from comparisons.movies import clip_of
from plasticity.training import forecast_error
from snn.engines.driver import Simulation
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
    events: float = 0.0


def evaluate(
    simulation: Simulation,
    movies: Sequence[Movie],
    gated_shift: GatedShift,
    one_frame: OneFrame,
    after: Callable[[int], None] | None = None,
) -> dict[str, dict[str, Any]]:
    """Score forecasts of a network whose weights do not change.

    Parameters
    ----------
    simulation : Simulation
    movies : sequence of Movie
        Each begins at rest.
    gated_shift : GatedShift
    one_frame : OneFrame
        Bars, fitted on the learning frames.
    after : callable, optional
        Called with the number of movies done.

    Returns
    -------
    dict of str to dict
        Per clip: ``mse_model``, ``mse_copy_last``, ``mse_gated_shift``, ``mse_one_frame``, ``ratio``,
        ``mean_rate_Hz`` of each population, ``spikes_per_frame``, ``synaptic_events_per_frame``, ``frames_scored``.

    Raises
    ------
    MovieError
        If a movie has too few frames to be scored.
    """
    network, degree = simulation.network, simulation.layout.out_degree
    all_sums: dict[str, _Sums] = defaultdict(_Sums)
    for done, movie in enumerate(movies, start=1):
        refuse_short(movie)
        simulation.restart()
        recording = simulation.run(movie)
        model, copy, n = forecast_error(recording, movie)
        sums = all_sums[clip_of(movie)]
        sums.n_scored += n
        sums.n_frames += movie.n_frames
        scored = movie.frames[FIRST_SCORED:]
        for name, mse in (
            ("model", model),
            ("copy_last", copy),
            ("gated_shift", float(np.mean((gated_shift.forecast(movie.frames)[FIRST_SCORED:] - scored) ** 2))),
            ("one_frame", float(np.mean((one_frame.forecast(movie.frames)[FIRST_SCORED:] - scored) ** 2))),
        ):
            sums.squares[name] += mse * n
        for p in network.populations:
            counts = recording.counts[p.name].sum(axis=0).ravel()
            start = simulation.layout.offsets[p.name]
            sums.spikes[p.name] += float(counts.sum())
            sums.events += float(counts @ degree[start : start + p.n])
        if after is not None:
            after(done)
    return {clip: _row(simulation, sums) for clip, sums in all_sums.items()}


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


def _row(simulation: Simulation, sums: _Sums) -> dict[str, Any]:
    mse = {f"mse_{name}": total / sums.n_scored for name, total in sums.squares.items()}
    seconds = sums.n_frames * simulation.network.frame_ms / 1000.0
    copy = mse["mse_copy_last"]
    return {
        **mse,
        "ratio": mse["mse_model"] / copy if copy > 0 else float("nan"),
        "mean_rate_Hz": {p.name: sums.spikes[p.name] / (p.n * seconds) for p in simulation.network.populations},
        "spikes_per_frame": sum(sums.spikes.values()) / sums.n_frames,
        "synaptic_events_per_frame": sums.events / sums.n_frames,
        "frames_scored": sums.n_scored,
    }


def table(clips: dict[str, dict[str, Any]]) -> str:
    """Print scores as a plain table; errors as ratios to copying the last frame.

    Parameters
    ----------
    clips : dict
        What `evaluate` returned.

    Returns
    -------
    str
    """
    head = f"{'clip':<24}{'frames':>8}{'copy-last':>11}{'model':>8}{'gated shift':>13}{'one frame':>11}"
    head += f"{'spikes/frame':>14}{'events/frame':>14}"
    rows = [head]
    for name, c in clips.items():
        copy = c["mse_copy_last"] or float("nan")
        rows.append(
            f"{name:<24}{c['frames_scored']:>8}{copy:>11.5f}{c['ratio']:>8.3f}{c['mse_gated_shift'] / copy:>13.3f}"
            f"{c['mse_one_frame'] / copy:>11.3f}{c['spikes_per_frame']:>14.0f}{c['synaptic_events_per_frame']:>14.0f}"
        )
    return "\n".join(rows)
