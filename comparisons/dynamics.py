"""Two models side by side on the same movies: what every population did, in time and in its code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from comparisons.representation import correlation, lag_of, linear_cka, participation_ratio, readout_nrmse, rsa
from comparisons.responder import FloatArray, Responder, Site
from comparisons.statistics import Interval, t_interval
from snn.errors import SubjectError, sentence
from snn.stimuli.movie import Movie
from snn.stimuli.splitting import FIRST_SCORED

MOST_LAG = 3
"""Frames by which a population may lead or lag."""
CLEAR = 0.5
"""Correlation at the best lag below which a lag says nothing."""
FORECAST_ROW = "forecast"
MEASURES = ("correlation", "lag_frames", "nrmse", "cka", "rsa", "dimensions", "other_dimensions")


@dataclass(frozen=True, eq=False)
class SideBySide:
    """One population of two models.

    Attributes
    ----------
    site : str
        Its name in both.
    numbers : mapping of str to Interval
        Over pairs of seeds: ``correlation`` and ``lag_frames`` of the mean activity over time within clips (the second behind the
        first; NaN where they are unlike at every lag), ``nrmse`` of reading the first from the second place by place, ``cka``
        and ``rsa`` of frames, ``dimensions`` of the first and ``other_dimensions`` of the second.
    trajectory, other_trajectory : ndarray, shape (n_seeds, n_bins)
        Mean activity over cells and movies, in units of each.
    """

    site: str
    numbers: dict[str, Interval]
    trajectory: FloatArray
    other_trajectory: FloatArray


def side_by_side(
    models: Sequence[Responder], others: Sequence[Responder], movies: Sequence[Movie], *, trials: int = 1, seed: int = 0
) -> list[SideBySide]:
    """Show the same movies to two models and compare every population that both have.

    Parameters
    ----------
    models, others : sequence of Responder
        One a seed; the k-th of one is compared with the k-th of the other.
    movies : sequence of Movie
        Of equal length. The first frames, which are not scored elsewhere, do not count here.
    trials : int
        How often each is shown; answers are averaged.
    seed : int
        Of the noise.

    Returns
    -------
    list of SideBySide
        From the lowest level up.

    Raises
    ------
    SubjectError
        If the numbers of seeds differ, the models see frames of different sizes, or the movies differ in length.
    """
    if len(models) != len(others) or not models:
        raise SubjectError(sentence("compare", "both models need the same number of runs", got=(len(models), len(others))))
    if models[0].frame_size != others[0].frame_size:
        got = (models[0].frame_size, others[0].frame_size)
        raise SubjectError(sentence("compare", "the two models see frames of different sizes", got=got, cure="train them at one size"))
    if len({m.n_frames for m in movies}) != 1 or movies[0].n_frames <= FIRST_SCORED + 2 * MOST_LAG or len(movies) < 2:
        allowed = f"2 or more movies of one length above {FIRST_SCORED + 2 * MOST_LAG} frames"
        raise SubjectError(
            sentence("compare.movies", "are too few, too short or unlike", got=[m.n_frames for m in movies], allowed=allowed)
        )
    known = {s.name: s for s in others[0].sites}
    sites = [s for s in models[0].sites if s.name in known]
    pixels = Site(FORECAST_ROW, "prediction", 0, (*models[0].frame_size, 1), False)
    both = [[_activity(r, sites, movies, trials, seed + k) for k, r in enumerate(responders)] for responders in (models, others)]
    told = all(FORECAST_ROW in a for one in both for a in one)
    rows = [*([(pixels, pixels)] if told else []), *((site, known[site.name]) for site in sites)]
    return [_one(site, other, [(a[site.name], b[site.name]) for a, b in zip(*both, strict=True)]) for site, other in rows]


def _activity(responder: Responder, sites: Sequence[Site], movies: Sequence[Movie], trials: int, seed: int) -> dict[str, FloatArray]:
    """Activity without the first frames, shape (n_movies, n_frames, rows, cols, features) per site."""
    names = [s.name for s in sites]
    told = [responder.respond(m, names, trials=trials, seed=1000 * seed + k) for k, m in enumerate(movies)]
    found = {name: np.stack([t.activity[name].mean(0)[FIRST_SCORED:] for t in told]) for name in names}
    forecasts = [t.forecast.mean(0)[FIRST_SCORED:, ..., None] for t in told if t.forecast is not None]
    return found | ({FORECAST_ROW: np.stack(forecasts)} if len(forecasts) == len(told) else {})


def _one(site: Site, other: Site, pairs: Sequence[tuple[FloatArray, FloatArray]]) -> SideBySide:
    numbers: dict[str, list[float]] = {name: [] for name in MEASURES}
    for a, b in pairs:
        flat = [v.reshape(v.shape[0] * v.shape[1], -1) for v in (a, b)]
        # What a clip is like as a whole is no dynamics.
        mean = [m - m.mean(1, keepdims=True) for m in (v.mean((2, 3, 4)) for v in (a, b))]
        numbers["correlation"].append(correlation(*mean))
        lag, best = lag_of(mean[0], mean[1], MOST_LAG)
        numbers["lag_frames"].append(float(lag) if best >= CLEAR else float("nan"))
        numbers["nrmse"].append(readout_nrmse(a, b) if site.shape[:2] == other.shape[:2] else float("nan"))
        numbers["cka"].append(linear_cka(*flat))
        numbers["rsa"].append(rsa(*flat))
        numbers["dimensions"].append(participation_ratio(flat[0]))
        numbers["other_dimensions"].append(participation_ratio(flat[1]))
    trajectories = [np.stack([pair[k].mean((0, 2, 3, 4)) for pair in pairs]) for k in (0, 1)]
    return SideBySide(site.name, {name: t_interval(values) for name, values in numbers.items()}, *trajectories)


def dynamics_table(found: Sequence[SideBySide], model: str, other: str) -> str:
    """Print the comparison as a plain table.

    Parameters
    ----------
    found : sequence of SideBySide
    model, other : str
        Names of the two.

    Returns
    -------
    str
    """
    heads = {
        "correlation": "r",
        "lag_frames": "lag",
        "nrmse": "NRMSE",
        "cka": "CKA",
        "rsa": "RSA",
        "dimensions": "dim",
        "other_dimensions": "dim",
    }
    cells = [[row.site, *(_interval(row.numbers[name]) for name in MEASURES)] for row in found]
    rows = [["population", *(heads[name] for name in MEASURES)], *cells]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = [f"{other} beside {model}", ""]
    lines += ["  ".join([row[0].ljust(widths[0]), *(text.rjust(w) for text, w in zip(row[1:], widths[1:], strict=True))]) for row in rows]
    lines += [
        "",
        "r, lag (frames, positive: it comes later): mean activity over time.  NRMSE: the first model read from the second, place by",
        "place, 1 is a guess.  CKA, RSA: alike in how frames differ, 1 is equal.  dim: dimensions of the first, then of the second.",
    ]
    return "\n".join(lines)


def _interval(value: Interval) -> str:
    if np.isnan(value.mean):
        return "-"
    return f"{value.mean:.3g}" if np.isnan(value.low) else f"{value.mean:.3g} [{value.low:.3g}, {value.high:.3g}]"
