"""Receptive fields by reverse correlation: what white noise looked like before a cell was active."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comparisons.cuts import GREY
from comparisons.responder import FloatArray, Responder, Site
from snn.seeding import stream
from snn.stimuli.movie import Movie
from snn.stimuli.splitting import FIRST_SCORED

CONTRAST = 0.6
"""Every pixel of every frame is brighter or darker than grey by this share of it."""
MOVIE_FRAMES = 16
"""Frames of a movie: short, since some rate networks run away on noise."""
LAGS = 4
"""Frames before an answer, that of the answer among them, in which a field is looked for."""
PARTS = 3
"""Parts of the movies that are kept apart, so that noise which a part brings to one factor is not in the other."""
N_SHUFFLES = 5
"""Times that movies are dealt anew to the answers."""
FALSE = 0.01
"""Share of cells without a field that are taken for cells with one."""
CLEAR = 4.0
"""Standard deviations above shuffled movies that a pixel of the mean field must reach to count for its size."""
MOST_CELLS = 256
MARGIN_PX, REACH_PX = 3, 4
"""Pixels between the border and the cells looked at, and around a cell's middle in which its field is looked for, at level 0; twice
as many at each level above."""
TIED = 0.9
"""Share of the largest energy that makes a lag as good as the best; of such lags the shortest counts."""
LEAST_SHARE = 0.05
"""Share of cells with a field that both populations need for their fields to be compared."""
FIELD_NUMBERS = ("share", "radius_px", "lag_frames", "on_share")


@dataclass(frozen=True, eq=False)
class Fields:
    """Receptive fields of some cells of a population.

    Attributes
    ----------
    parts : ndarray, shape (PARTS, n_places, n_features, LAGS, side, side)
        Correlation of a cell's activity with each pixel around it, in each part of the movies; 0 outside the frame.
    places : ndarray of int, shape (n_places, 2)
        Rows and columns of the cells.
    significant : ndarray of bool, shape (n_places, n_features)
        Whether the largest correlation is beyond those with shuffled movies.
    energy : ndarray, shape (LAGS, side, side)
        Squared correlation, averaged over cells, without what noise adds.
    noise : float
        Standard deviation of ``energy`` with shuffled movies.
    """

    parts: FloatArray
    places: NDArray[np.int64]
    significant: NDArray[np.bool_]
    energy: FloatArray
    noise: float


def noise_movies(frame_size: tuple[int, int], frame_ms: float, n_movies: int, seed: int = 0) -> list[Movie]:
    """Draw white noise: every pixel of every frame is bright or dark, whatever the others are.

    Parameters
    ----------
    frame_size : (int, int)
    frame_ms : float
    n_movies : int
    seed : int

    Returns
    -------
    list of Movie
    """
    rng = stream(seed, "fields", "noise")
    signs = rng.integers(0, 2, (n_movies, MOVIE_FRAMES, *frame_size)) * 2.0 - 1.0
    return [Movie(GREY * (1 + CONTRAST * s), frame_ms, f"noise {k}", "white noise") for k, s in enumerate(signs)]


def sampled_places(site: Site, frame_size: tuple[int, int], most_cells: int = MOST_CELLS) -> NDArray[np.int64]:
    """Choose places of a population that are not near the border; the same ones of populations of one size.

    Parameters
    ----------
    site : Site
    frame_size : (int, int)
    most_cells : int
        Of all features together; 4 places at least.

    Returns
    -------
    ndarray of int, shape (n_places, 2)
        Of fewer features there are more places, those of more features first among them.
    """
    rows, cols, features = site.shape
    scale = frame_size[0] / rows
    margin = min(int(np.ceil(MARGIN_PX * 2**site.level / scale)), (min(rows, cols) - 1) // 2)
    inside = np.stack(np.meshgrid(np.arange(margin, rows - margin), np.arange(margin, cols - margin), indexing="ij"), -1).reshape(-1, 2)
    order = stream(0, "places", rows, cols, margin).permutation(len(inside))
    return inside[order[: max(4, most_cells // features)]]


def measure_fields(responder: Responder, movies: Sequence[Movie], *, seed: int = 0) -> dict[str, Fields]:
    """Find the receptive fields of a subject.

    ``f(lag, pixel) = corr(activity(t), frame(t - lag, pixel))``, over all frames of all movies but the first ones, of the activity
    less its mean at that frame of a movie (a slow drift is no field). A cell has a field where its largest ``|f|`` is beyond the
    largest of all but `FALSE` of the cells when movies are dealt anew to answers.

    Parameters
    ----------
    responder : Responder
    movies : sequence of Movie
        From `noise_movies`.
    seed : int
        Of the noise of the subject.

    Returns
    -------
    dict of str to Fields
        Per site.
    """
    lead = max(FIRST_SCORED, LAGS - 1)
    chosen = {s.name: sampled_places(s, responder.frame_size) for s in responder.sites}
    seen: dict[str, list[FloatArray]] = {name: [] for name in chosen}
    for k, movie in enumerate(movies):
        told = responder.respond(movie, list(chosen), seed=10_000 * seed + k).activity
        for name, at in chosen.items():
            seen[name].append(told[name][0, lead:, at[:, 0], at[:, 1]].astype(np.float32))
    bright = np.stack([np.sign(m.frames - GREY) for m in movies]).astype(np.float32)
    past: Any = np.stack([bright[:, lead - lag : bright.shape[1] - lag] for lag in range(LAGS)], axis=2)
    # Indexing with arrays brought the places to the front.
    answers = {name: np.moveaxis(np.stack(values), 2, 1) for name, values in seen.items()}
    return {s.name: _fields(s, answers[s.name], past, chosen[s.name]) for s in responder.sites}


def _fields(site: Site, answers: FloatArray, past: FloatArray, places: NDArray[np.int64]) -> Fields:
    """From answers of shape (n_movies, n_frames, n_places, n_features) and frames of shape (n_movies, n_frames, LAGS, rows, cols)."""
    flat = answers.reshape(*answers.shape[:2], -1)
    flat = flat - flat.mean(0)
    spread = np.sqrt((flat**2).mean((0, 1)))
    flat = np.divide(flat, spread, out=np.zeros_like(flat), where=spread > 1e-9)
    window = _window(site, past.shape[-2:], places)
    parts = _correlated(flat, past, window, places)
    energy = _energy(parts)
    rng = stream(0, "fields", "shuffled")
    largest, shuffled = [], []
    for _ in range(N_SHUFFLES):
        dealt = _correlated(flat, past[_deranged(len(past), rng)], window, places)
        largest.append(_largest(dealt))
        shuffled.append(_energy(dealt))
    bound = np.quantile(np.stack(largest), 1 - FALSE)
    return Fields(parts, places, _largest(parts) > bound, energy, float(np.std(np.stack(shuffled))))


def _window(site: Site, frame_size: tuple[int, int], places: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Pixels around each place, shape (n_places, side^2), and which of them are in the frame."""
    rows, cols = frame_size
    reach = min(REACH_PX * 2**site.level, min(rows, cols) // 2)
    offsets = np.arange(-reach, reach + 1)
    down = (places[:, 0] * rows // site.shape[0] + rows // site.shape[0] // 2)[:, None] + offsets
    right = (places[:, 1] * cols // site.shape[1] + cols // site.shape[1] // 2)[:, None] + offsets
    inside = ((down >= 0) & (down < rows))[:, :, None] & ((right >= 0) & (right < cols))[:, None, :]
    pixels = (down.clip(0, rows - 1) * cols)[:, :, None] + right.clip(0, cols - 1)[:, None, :]
    return pixels.reshape(len(places), -1), inside.reshape(len(places), -1)


def _correlated(
    flat: FloatArray, past: FloatArray, window: tuple[NDArray[np.int64], NDArray[np.bool_]], places: NDArray[np.int64]
) -> FloatArray:
    """Fields in each part, shape (PARTS, n_places, n_features, LAGS, side, side)."""
    pixels, inside = window
    side, found = round(np.sqrt(pixels.shape[1])), []
    for part in range(PARTS):
        a, s = (v[part::PARTS].reshape(-1, *v.shape[2:]) for v in (flat, past))
        every = (a.T @ s.reshape(len(s), -1) / len(a)).reshape(len(places), -1, LAGS, s.shape[2] * s.shape[3])
        near = np.stack([every[k][..., pixels[k]] * inside[k] for k in range(len(places))])
        found.append(near.reshape(*near.shape[:3], side, side))
    return np.stack(found)


def _deranged(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """An order in which no movie stays in its place."""
    order = rng.permutation(n)
    found = np.empty(n, dtype=np.int64)
    found[order] = np.roll(order, 1)
    return found


def _largest(parts: FloatArray) -> FloatArray:
    """Largest correlation of each cell with any pixel at any lag, shape (n_places, n_features)."""
    found: FloatArray = np.abs(parts.mean(0)).max((2, 3, 4))
    return found


def _energy(parts: FloatArray) -> FloatArray:
    """Squared fields without bias: products of different parts, averaged over cells, shape (LAGS, side, side)."""
    total, squares = parts.sum(0), (parts**2).sum(0)
    found: FloatArray = ((total**2 - squares) / (PARTS * (PARTS - 1))).mean((0, 1)).astype(np.float64)
    return found


def numbers_of(fields: Fields) -> dict[str, float]:
    """Say how large and how late fields are.

    Parameters
    ----------
    fields : Fields

    Returns
    -------
    dict of str to float
        ``share`` of cells with a field; ``lag_frames`` at which the mean energy is largest (the shortest of those that are as
        good); ``radius_px``, root of the second moment of that energy around its middle over pixels clearly above noise (for a
        Gaussian field its standard deviation; 0 for a single pixel); ``on_share`` of the cells with a field that answer to light
        rather than to dark. NaN but for the share where no pixel is clear.
    """
    share = float(fields.significant.mean())
    above = np.where(fields.energy > CLEAR * fields.noise, fields.energy, 0.0)
    if not (above.any() and fields.significant.any()):
        return {"share": share, "radius_px": float("nan"), "lag_frames": float("nan"), "on_share": float("nan")}
    by_lag = above.sum((1, 2))
    lag = int(np.flatnonzero(by_lag >= TIED * by_lag.max())[0])
    weights = above[lag] / above[lag].sum()
    axes = [np.arange(n, dtype=float) for n in weights.shape]
    moments = [(m @ x**2) - (m @ x) ** 2 for m, x in zip((weights.sum(1), weights.sum(0)), axes, strict=True)]
    mean = fields.parts.mean(0)[fields.significant]
    flat = mean.reshape(len(mean), -1)
    peak = flat[np.arange(len(flat)), np.abs(flat).argmax(1)]
    # Squaring halves the variance of a Gaussian on each of both axes.
    return {"share": share, "radius_px": float(np.sqrt(sum(moments))), "lag_frames": float(lag), "on_share": float((peak > 0).mean())}


def mean_field(fields: Fields) -> FloatArray:
    """Average the fields of all cells, with their signs.

    Parameters
    ----------
    fields : Fields

    Returns
    -------
    ndarray, shape (LAGS, side, side)
    """
    found: FloatArray = fields.parts.mean((0, 1, 2))
    return found


def alike_fields(a: Fields, b: Fields) -> dict[str, float]:
    """Compare the fields of two populations.

    Parameters
    ----------
    a, b : Fields
        Of sites of one size.

    Returns
    -------
    dict of str to float
        ``mean_field``: cosine of the mean fields of both. ``matched``: cells at one place are paired, by the best assignment in
        one part of the movies; the cosine of paired fields in the other parts, summed over pairs and places. Both are free of
        what noise adds: every product is of two different parts, and lengths are measured so too. NaN where one has no field
        beyond noise.
    """
    nothing = {"mean_field": float("nan"), "matched": float("nan")}
    if a.parts.shape[3:] != b.parts.shape[3:] or min(a.significant.mean(), b.significant.mean()) < LEAST_SHARE:
        return nothing
    n = min(len(a.places), len(b.places))
    if not np.array_equal(a.places[:n], b.places[:n]):
        return nothing
    means = [f.parts.mean((1, 2)).reshape(PARTS, 1, -1) for f in (a, b)]
    pairs = _paired(a.parts[:, :n], b.parts[:, :n])
    return {"mean_field": _cosine(*means), "matched": _cosine(*pairs)}


def _paired(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Fields of paired cells in the parts that did not pair them, shape (PARTS - 1, n_pairs, n_points)."""
    from scipy.optimize import linear_sum_assignment

    found: tuple[list[FloatArray], list[FloatArray]] = ([], [])
    for k in range(a.shape[1]):
        one, other = (v[:, k].reshape(*v[:, k].shape[:2], -1) for v in (a, b))
        lengths = [np.linalg.norm(v[0], axis=1, keepdims=True) + 1e-12 for v in (one, other)]
        i, j = linear_sum_assignment((one[0] / lengths[0]) @ (other[0] / lengths[1]).T, maximize=True)
        found[0].append(one[1:, i])
        found[1].append(other[1:, j])
    return np.concatenate(found[0], axis=1), np.concatenate(found[1], axis=1)


def _cosine(a: FloatArray, b: FloatArray) -> float:
    """Cosine of fields of shape (n_parts, n_pairs, n_points), from products of different parts only."""

    def product(x: FloatArray, y: FloatArray) -> float:
        n = len(x)
        crossed = float((x.sum(0) * y.sum(0)).sum() - (x * y).sum())
        return crossed / (n * (n - 1))

    norm = product(a, a) * product(b, b)
    return product(a, b) / float(np.sqrt(norm)) if product(a, a) > 0 and norm > 0 else float("nan")
