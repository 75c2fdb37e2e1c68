"""Models side by side on the same movies: what every population did, in time and in its code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from comparisons.beside import CHANGE, PIXELS, Band, Row, lay_beside, untrained
from comparisons.representation import cka_of_grams, correlation, dissimilarities, gram, lag_of, participation_ratio, readout_nrmse, rsa_of
from comparisons.responder import ROLES, FloatArray, Responder
from snn.errors import SubjectError, sentence
from snn.stimuli.movie import Movie
from snn.stimuli.splitting import FIRST_SCORED

MOST_LAG = 3
"""Frames by which a population may lead or lag."""
CLEAR = 0.5
"""Correlation at the best lag below which a lag says nothing."""
FORECAST_ROW = "forecast"
MEASURES = ("correlation", "lag_frames", "nrmse", "cka", "rsa", "dimensions", "other_dimensions")
HEADS = {"correlation": "r", "lag_frames": "lag", "nrmse": "NRMSE", "cka": "CKA", "rsa": "RSA", "dimensions": "dim"}
LEGEND = (
    "r, lag (frames, positive: the second comes later): mean activity over time, without what a clip is like as a whole. NRMSE: "
    "the first read from the second, place by place; 1 is a guess. CKA, RSA: alike in how frames differ; 1 is equal."
)


@dataclass(frozen=True, eq=False)
class Watched:
    """What is kept of a population that saw some movies.

    Attributes
    ----------
    activity : ndarray, shape (n_movies, n_bins, rows, cols, features), or None
        None where it is not to be read from others.
    gram : ndarray, shape (n_movies n_bins, n_movies n_bins)
        As `representation.gram`.
    rdm : ndarray, shape (n_pairs,)
        Dissimilarities of all frames.
    dimensions : float
    trace : ndarray, shape (n_movies, n_bins)
        Mean activity over cells.
    """

    activity: FloatArray | None
    gram: FloatArray
    rdm: FloatArray
    dimensions: float
    trace: FloatArray


@dataclass(frozen=True, eq=False)
class Dynamics:
    """Models on the same movies.

    Attributes
    ----------
    rows : list of Row
        With the measures of `MEASURES`.
    traces : mapping of str to mapping of str to ndarray, shape (n_seeds, n_movies, n_bins)
        Mean activity over cells, per model and site.
    """

    rows: list[Row]
    traces: Mapping[str, Mapping[str, FloatArray]]


def check_models(models: Mapping[str, Sequence[Responder]]) -> None:
    """Refuse models that cannot be laid side by side.

    Parameters
    ----------
    models : mapping of str to sequence of Responder

    Raises
    ------
    SubjectError
        If the numbers of seeds differ, the models see frames of different sizes or for different times, or have no site in
        common with the first.
    """
    counts = {name: len(runs) for name, runs in models.items()}
    if len(set(counts.values())) != 1 or 0 in counts.values():
        raise SubjectError(sentence("compare", "all models need the same number of runs", got=counts))
    first = next(iter(models))
    for name, runs in models.items():
        for run in runs:
            seen = models[first][0]
            if run.frame_size != seen.frame_size:
                got = (seen.frame_size, run.frame_size)
                raise SubjectError(sentence("compare", "the models see frames of different sizes", got=got, cure="train them at one size"))
            if run.frame_ms != seen.frame_ms:
                raise SubjectError(sentence("compare", "the models see frames for different times", got=(seen.frame_ms, run.frame_ms)))
            if not {s.name for s in seen.sites} & {s.name for s in run.sites}:
                raise SubjectError(sentence("compare", f"{first} and {name} have no population in common"))


def dynamics(
    models: Mapping[str, Sequence[Responder]], movies: Sequence[Movie], *, trials: int = 1, seed: int = 0, controls: bool = True
) -> Dynamics:
    """Show the same movies to models and compare every population with that of the first model, and with what it is built of.

    Every run sees the movies with noise of its own, so that noise makes nothing alike.

    Parameters
    ----------
    models : mapping of str to sequence of Responder
        One a seed; the k-th of one is compared with the k-th of the first.
    movies : sequence of Movie
        Of equal length. The first frames, which are not scored elsewhere, do not count here.
    trials : int
        How often each is shown; answers are averaged.
    seed : int
        Of the noise.
    controls : bool
        Whether untrained networks are shown the movies too.

    Returns
    -------
    Dynamics

    Raises
    ------
    SubjectError
        If models cannot be laid side by side, or movies are too few, too short or of different lengths.
    """
    check_models(models)
    least = FIRST_SCORED + 2 * MOST_LAG
    if len({m.n_frames for m in movies}) != 1 or movies[0].n_frames <= least or len(movies) < 2:
        allowed = f"2 or more movies of one length above {least} frames"
        raise SubjectError(
            sentence("compare.movies", "are too few, too short or unlike", got=[m.n_frames for m in movies], allowed=allowed)
        )
    learned: dict[str, list[dict[str, Watched]]] = {name: [] for name in models}
    born: dict[str, list[dict[str, Watched]]] = {name: [] for name in models}
    for name, run, is_born, own in subjects(models, seed, controls):
        told = watch(run, movies, trials, own)
        (born if is_born else learned)[name].append({site: _kept(values, whole=not is_born) for site, values in told.items()})
    pixels = {name: _kept(values, whole=True) for name, values in references(movies, FIRST_SCORED).items()}
    order = sorted_sites(models)
    learned = {name: [{s: run[s] for s in (FORECAST_ROW, *order) if s in run} for run in runs] for name, runs in learned.items()}
    traces = {name: {site: np.stack([run[site].trace for run in runs]) for site in runs[0]} for name, runs in learned.items()}
    return Dynamics(lay_beside(learned, born, pixels, _alike), traces)


def sorted_sites(models: Mapping[str, Sequence[Responder]]) -> list[str]:
    """List the populations that any model has, by level and role.

    Parameters
    ----------
    models : mapping of str to sequence of Responder

    Returns
    -------
    list of str
    """
    places = {site.name: (site.level, ROLES.index(site.role)) for runs in models.values() for site in runs[0].sites}
    return sorted(places, key=lambda name: places[name])


def subjects(models: Mapping[str, Sequence[Responder]], seed: int, controls: bool) -> list[tuple[str, Responder, bool, int]]:
    """List all that is shown something: every run, and what it was before it learned.

    Parameters
    ----------
    models : mapping of str to sequence of Responder
    seed : int
        Of the noise of the first.
    controls : bool
        Whether there are untrained networks among them.

    Returns
    -------
    list of (str, Responder, bool, int)
        Model, subject, whether it is untrained, and a seed of its noise that no other has. Untrained ones are left out where
        not every run of a model has one.
    """
    found: list[tuple[str, Responder, bool, int]] = []
    for name, runs in models.items():
        before = [run.control("untrained") for run in runs] if controls else [None]
        known = [b for b in before if b is not None]
        everyone = [(run, False) for run in runs] + ([(run, True) for run in known] if len(known) == len(runs) else [])
        for run, is_born in everyone:
            found.append((name, run, is_born, seed + len(found)))
    return found


def watch(responder: Responder, movies: Sequence[Movie], trials: int, seed: int, first: int = FIRST_SCORED) -> dict[str, FloatArray]:
    """Show movies of one length.

    Parameters
    ----------
    responder : Responder
    movies : sequence of Movie
    trials : int
        How often each is shown; answers are averaged.
    seed : int
        Of the noise.
    first : int
        Frames that are left out.

    Returns
    -------
    dict of str to ndarray, shape (n_movies, n_frames - first, rows, cols, features)
        Per site, and the forecast where there is one.
    """
    names = [s.name for s in responder.sites]
    found: dict[str, list[FloatArray]] = {name: [] for name in (FORECAST_ROW, *names)}
    for k, movie in enumerate(movies):
        told = responder.respond(movie, names, trials=trials, seed=10_000 * seed + k)
        for name in names:
            found[name].append(told.activity[name].mean(0)[first:].astype(np.float32))
        if told.forecast is not None:
            found[FORECAST_ROW].append(told.forecast.mean(0)[first:, ..., None].astype(np.float32))
    return {name: np.stack(values) for name, values in found.items() if values}


def references(movies: Sequence[Movie], first: int) -> dict[str, FloatArray]:
    """Give what is in the movies themselves: their frames, and how these differ from the frames before.

    Parameters
    ----------
    movies : sequence of Movie
        Of one length.
    first : int
        Frames that are left out.

    Returns
    -------
    dict of str to ndarray, shape (n_movies, n_frames - first, rows, cols, 1)
    """
    frames = np.stack([m.frames[..., None] for m in movies])
    return {PIXELS: frames[:, first:], CHANGE: np.diff(frames, axis=1, prepend=frames[:, :1])[:, first:]}


def _kept(activity: FloatArray, *, whole: bool) -> Watched:
    flat = activity.reshape(activity.shape[0] * activity.shape[1], -1).astype(np.float64)
    trace = activity.mean((2, 3, 4), dtype=np.float64)
    return Watched(activity if whole else None, gram(flat), dissimilarities(flat), participation_ratio(flat), trace)


def _alike(a: Watched, b: Watched) -> dict[str, float]:
    # What a clip is like as a whole is no dynamics.
    mean = [v.trace - v.trace.mean(1, keepdims=True) for v in (a, b)]
    lag, best = lag_of(mean[0], mean[1], MOST_LAG)
    readable = a.activity is not None and b.activity is not None and a.activity.shape[:4] == b.activity.shape[:4]
    return {
        "correlation": correlation(*mean),
        "lag_frames": float(lag) if best >= CLEAR else float("nan"),
        "nrmse": readout_nrmse(a.activity, b.activity) if readable else float("nan"),  # type: ignore[arg-type]
        "cka": cka_of_grams(a.gram, b.gram),
        "rsa": float(rsa_of(a.rdm[None], b.rdm[None])[0]),
        "dimensions": a.dimensions,
        "other_dimensions": b.dimensions,
    }


def dynamics_table(rows: Sequence[Row], model: str, other: str) -> str:
    """Print the comparison of two models as a plain table.

    Parameters
    ----------
    rows : sequence of Row
        Of all models.
    model, other : str
        Names of the two.

    Returns
    -------
    str
    """
    wanted = {(model, other): "", (untrained(model), untrained(other)): "  both untrained"}
    cells = []
    for row in rows:
        if (row.one, row.other) in wanted and row.relation in ("models", "untrained"):
            label = wanted[row.one, row.other] or row.site
            cells.append([label, *(in_brackets(row.numbers[name]) for name in MEASURES)])
    shown = [["population", *HEADS.values(), "dim"], *cells]
    return "\n".join(
        [f"{other} beside {model}", "", *aligned(shown), "", *_folded(f"{LEGEND} dim: dimensions of the first, then of the second.")]
    )


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay a table out in columns, the first to the left.

    Parameters
    ----------
    rows : sequence of sequence of str

    Returns
    -------
    list of str
        Lines.
    """
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return ["  ".join([row[0].ljust(widths[0]), *(t.rjust(w) for t, w in zip(row[1:], widths[1:], strict=True))]).rstrip() for row in rows]


def in_brackets(value: Band) -> str:
    """Print a number with its interval.

    Parameters
    ----------
    value : Band
        Of a number.

    Returns
    -------
    str
        A dash where it is not defined.
    """
    mean, low, high = (float(v) for v in value)
    if np.isnan(mean):
        return "-"
    return f"{mean:.3g}" if np.isnan(low) else f"{mean:.3g} [{low:.3g}, {high:.3g}]"


def _folded(text: str, width: int = 120) -> list[str]:
    from textwrap import wrap

    return wrap(text, width)
