"""Suppression by size, cell by cell: the best size is chosen on half of the trials, the index is taken on the other half."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from comparisons.cuts import GREY
from comparisons.phenomenon import error_sites, errors
from comparisons.responder import FloatArray, Responder
from snn.stimuli.movie import Movie

BEFORE, ON, SETTLED = 6, 8, 4
"""Frames of grey, frames of the stimulus, and how many of the grey ones, the last, are the baseline."""
Window = Literal["early", "late", "all"]
WINDOWS: dict[Window, tuple[int, int]] = {"early": (0, 2), "late": (ON - 4, ON), "all": (0, ON)}
"""Frames since the onset over which an answer is averaged."""
CLEAR = 4.0
"""Standard errors by which a cell must answer to be counted: it is the best of some thirty stimuli that is compared."""
Point = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Answers:
    """How the error cells under the middle of each stimulus answered.

    Attributes
    ----------
    above : ndarray, shape (n_trials, n_stimuli, 2 n_features, 3)
        Activity less that of the grey before, in the windows of `WINDOWS`; E+ first.
    noise : ndarray, shape (n_trials, n_stimuli, 2 n_features)
        Variance of the activity between frames of grey.
    """

    above: FloatArray
    noise: FloatArray


@dataclass(frozen=True, eq=False)
class Suppression:
    """What size does to each cell.

    Attributes
    ----------
    index : ndarray, shape (n_cells,)
        ``(r(best) - r(largest)) / r(best)``, cut to [-1, 1]; NaN for cells that do not answer clearly.
    condition, size : ndarray of int, shape (n_cells,)
        Condition and size that were chosen.
    best : ndarray, shape (n_cells,)
        Answer ``r(best)``, of the half that did not choose.
    tuning : ndarray, shape (n_cells, n_sizes)
        Answers of that half to every size, in the condition chosen.
    """

    index: FloatArray
    condition: NDArray[np.int64]
    size: NDArray[np.int64]
    best: FloatArray
    tuning: FloatArray


def multiples(side_px: int, units: Sequence[int]) -> tuple[int, ...]:
    """Give the sizes of stimuli that leave 3 px to every border.

    Parameters
    ----------
    side_px : int
        Shorter side of the frame; the unit is 1 px at 16 and 2 px at 32.
    units : sequence of int
        Sizes in units.

    Returns
    -------
    tuple of int
        In pixels.
    """
    return tuple(n * unit_px(side_px) for n in units if n * unit_px(side_px) <= side_px - 6)


def unit_px(side_px: int) -> int:
    """Give the width of a thin line in a frame.

    Parameters
    ----------
    side_px : int
        Shorter side of the frame.

    Returns
    -------
    int
    """
    return max(1, round(side_px / 16))


def centres(frame_size: tuple[int, int], n: int) -> list[Point]:
    """Give points next to each other in the middle of the frame: each falls differently on cells that pool 2x2 pixels.

    Parameters
    ----------
    frame_size : (int, int)
    n : int
        1 to 4.

    Returns
    -------
    list of (float, float)
        Row and column; on a pixel where lines are an odd number of pixels wide, else between pixels.
    """
    half = 0.0 if unit_px(min(frame_size)) % 2 else 0.5
    top, left = (k // 2 - 1 + half for k in frame_size)
    return [(top + down, left + right) for down, right in ((0, 0), (1, 1), (0, 1), (1, 0))[:n]]


def onset(shown: FloatArray, frame_ms: float, name: str) -> Movie:
    """Put grey frames before a stimulus.

    Parameters
    ----------
    shown : ndarray, shape (rows, cols) or (ON, rows, cols)
        A still stimulus, or one that moves.
    frame_ms : float
    name : str

    Returns
    -------
    Movie
    """
    frames = np.full((BEFORE + ON, *shown.shape[-2:]), GREY)
    frames[BEFORE:] = shown
    return Movie(frames, frame_ms, name, "on grey")


def answers(
    responder: Responder, shown: Sequence[tuple[Movie, Point]], levels: Sequence[int], n_trials: int, seed: int
) -> dict[int, Answers]:
    """Show stimuli and listen to the error cells under the middle of each.

    Only there is a longer bar no bar elsewhere: a cell to the side answers where an end happens to pass it.

    Parameters
    ----------
    responder : Responder
    shown : sequence of (Movie, (float, float))
        Stimuli after `BEFORE` frames of grey, each with its middle.
    levels : sequence of int
    n_trials : int
    seed : int

    Returns
    -------
    dict of int to Answers
        By level.
    """
    names = [s.name for level in levels for s in error_sites(responder, level)]
    above: dict[int, list[FloatArray]] = {level: [] for level in levels}
    noise: dict[int, list[FloatArray]] = {level: [] for level in levels}
    for k, (movie, (row, col)) in enumerate(shown):
        told = responder.respond(movie, names, trials=n_trials, seed=1000 * seed + k).activity
        for level in levels:
            both = errors(told, level)
            at = [int((x + 0.5) * n // size) for x, n, size in zip((row, col), both.shape[2:4], responder.frame_size, strict=True)]
            cell = both[:, :, at[0], at[1]]
            grey = cell[:, BEFORE - SETTLED : BEFORE]
            parts = [cell[:, BEFORE + start : BEFORE + stop].mean(1) - grey.mean(1) for start, stop in WINDOWS.values()]
            above[level].append(np.stack(parts, axis=-1))
            noise[level].append(grey.var(1, ddof=1))
    return {level: Answers(np.stack(above[level], axis=1), np.stack(noise[level], axis=1)) for level in levels}


def clear(told: Answers, window: Window, n_trials: int) -> FloatArray:
    """Say how large an answer must be to be told from noise.

    Parameters
    ----------
    told : Answers
    window : {'early', 'late', 'all'}
    n_trials : int
        How many trials are averaged.

    Returns
    -------
    ndarray, shape (2 n_features,)
        `CLEAR` standard errors of the difference between a window and the grey before.
    """
    start, stop = WINDOWS[window]
    spread: FloatArray = np.sqrt(told.noise.mean((0, 1)) * (1 / (stop - start) + 1 / SETTLED) / n_trials)
    return CLEAR * spread + 1e-9


def suppression(
    choose: FloatArray, measure: FloatArray, least: FloatArray, condition: NDArray[np.int64] | None = None, last: FloatArray | None = None
) -> Suppression:
    """Choose each cell's condition and size on one half of the trials, and take the index on the other.

    Parameters
    ----------
    choose, measure : ndarray, shape (n_conditions, n_sizes, n_cells)
        Answers in the two halves, sizes growing.
    least : ndarray, shape (n_cells,)
        Answer below which a cell is not counted.
    condition : ndarray of int, shape (n_cells,), optional
        Where it was chosen already.
    last : ndarray, shape (n_conditions, n_cells), optional
        Compared with the best size in place of the largest.

    Returns
    -------
    Suppression
    """
    cells = np.arange(choose.shape[2])
    if condition is None:
        condition = choose.max(1).argmax(0)
    size = choose[condition, :, cells].argmax(1)
    tuning = measure[condition, :, cells]
    best = tuning[cells, size]
    end = tuning[:, -1] if last is None else last[condition, cells]
    # An answer that the other half does not repeat says nothing: no suppression.
    ratio = np.divide(best - end, best, out=np.zeros_like(best), where=best > 0)
    index = np.where(choose[condition, size, cells] > least, np.clip(ratio, -1.0, 1.0), np.nan)
    return Suppression(index, condition, size, best, tuning)
