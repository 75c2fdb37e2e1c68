"""Models in the experiment of broken sequences: gratings A B C D again and again, then E B C D, and A B B D."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comparisons.cuts import GREY
from comparisons.neural.expectation import CONTRASTS, WINDOWS_MS, in_deviations, violation_index
from comparisons.responder import Responder, can_learn, exposed
from snn.errors import NeuralDataError, sentence
from snn.seeding import stream
from snn.stimuli.movie import Movie
from snn.stimuli.primitives import drifting_grating

FloatArray = NDArray[np.float64]
N_ELEMENTS = 5
"""A, B, C, D, and E that is never seen before the test."""
FRAMES = 3
"""Of an element; the windows of a recording are the second and the third."""
WINDOW_FRAMES = {name: slice(k, k + 1) for k, name in enumerate(WINDOWS_MS, 1)}
EXPECTED = (0, 1, 2, 3)
BROKEN: Mapping[str, tuple[int, ...]] = {"substitution": (4, 1, 2, 3), "omission": (0, 1, 1, 3)}
CONTRAST = 0.8
BETWEEN = 6
"""Frames of grey before each sequence."""
COPIES = ("before", "mixed", "after")


@dataclass(frozen=True)
class Training:
    """How much is seen.

    Attributes
    ----------
    exposures : int
        How often the sequence is seen before the test: 200 a day in the source.
    trials : int
        How often each sequence of the test is shown.
    """

    exposures: int = 200
    trials: int = 10

    def __post_init__(self) -> None:
        if self.exposures < 1 or self.trials < 2:
            got, allowed = (self.exposures, self.trials), "1 exposure or more, 2 trials or more"
            raise NeuralDataError(sentence("training", "is too little", got=got, allowed=allowed))


def why_not(responder: Responder) -> str | None:
    """Say why a model cannot take part.

    Parameters
    ----------
    responder : Responder

    Returns
    -------
    str or None
        One clause; None where it can.
    """
    return None if can_learn(responder) else "it cannot go on learning"


def gratings(responder: Responder, seed: int) -> FloatArray:
    """Draw the elements: standing gratings of one frequency, whose orientations are evenly apart, in an order of chance.

    Parameters
    ----------
    responder : Responder
        Gives the size of a frame.
    seed : int

    Returns
    -------
    ndarray, shape (N_ELEMENTS, rows, cols)
    """
    rng, size = stream(seed, "violation", "gratings"), responder.frame_size
    directions = rng.permutation(N_ELEMENTS) * 180.0 / N_ELEMENTS + rng.uniform(0.0, 180.0)
    period = max(4.0, min(size) / 3.0)
    shown = [
        drifting_grating(size, 1, period_px=period, direction_deg=float(d), contrast=CONTRAST, phase_deg=float(rng.uniform(0, 360)))
        for d in directions
    ]
    return np.stack([movie.frames[0] for movie in shown])


def sequence(responder: Responder, elements: FloatArray, order: tuple[int, ...]) -> FloatArray:
    """Put elements in a row, after grey.

    Parameters
    ----------
    responder : Responder
        Gives the size of a frame.
    elements : ndarray, shape (N_ELEMENTS, rows, cols)
    order : tuple of int

    Returns
    -------
    ndarray, shape (BETWEEN + FRAMES len(order), rows, cols)
    """
    grey = np.full((BETWEEN, *responder.frame_size), GREY)
    return np.concatenate([grey, np.repeat(elements[list(order)], FRAMES, axis=0)])


def exposure(responder: Responder, seed: int, training: Training, *, mixed: bool) -> Movie:
    """Draw what is learned from.

    Parameters
    ----------
    responder : Responder
    seed : int
    training : Training
    mixed : bool
        Whether the same elements come in another order of chance each time, so that each is as familiar, and none is foretold.

    Returns
    -------
    Movie
    """
    elements, rng = gratings(responder, seed), stream(seed, "violation", "order")
    orders = [tuple(rng.permutation(len(EXPECTED)).tolist()) if mixed else EXPECTED for _ in range(training.exposures)]
    frames = np.concatenate([sequence(responder, elements, order) for order in orders])
    return Movie(frames, responder.frame_ms, "mixed" if mixed else "sequence", "gratings")


def indices(responder: Responder, seed: int, trials: int) -> dict[str, dict[str, float]]:
    """Take the indices of a model as it is.

    Parameters
    ----------
    responder : Responder
    seed : int
        Of the gratings, and of the noise.
    trials : int
        How often each sequence is shown.

    Returns
    -------
    dict of str to dict of str to float
        Per population, and contrast and window; means over the cells that answer at all, NaN where none does.
    """
    names, elements = [s.name for s in responder.sites], gratings(responder, seed)
    answers: dict[str, list[FloatArray]] = {name: [] for name in names}
    for k, order in enumerate((EXPECTED, *BROKEN.values())):
        movie = Movie(sequence(responder, elements, order), responder.frame_ms, f"sequence {k}", "gratings")
        told = responder.respond(movie, names, trials=trials, seed=100 * seed + k).activity
        for name in names:
            values = told[name][:, BETWEEN:]
            answers[name].append(values.reshape(*values.shape[:2], -1).astype(np.float64))
    found: dict[str, dict[str, float]] = {}
    for name, parts in answers.items():
        z = in_deviations(np.concatenate(parts))
        found[name] = {}
        for k, contrast in enumerate(BROKEN, 1):
            # Only the trials of this contrast: both kinds are as many.
            mine = np.concatenate([z[:trials], z[k * trials : (k + 1) * trials]])
            broken = np.arange(2 * trials) >= trials
            for window, frames in WINDOW_FRAMES.items():
                first = FRAMES * CONTRASTS[contrast].element
                cells = violation_index(mine, broken, slice(first + frames.start, first + frames.stop))
                found[name][f"{contrast}, {window}"] = float(cells.mean()) if cells.size else float("nan")
    return found


def measured(responder: Responder, seed: int, training: Training | None = None) -> dict[str, dict[str, dict[str, float]]]:
    """Take the indices before and after learning the sequence, and after the same elements mixed.

    Parameters
    ----------
    responder : Responder
        One that can go on learning.
    seed : int
        Of gratings, exposure and noise.
    training : Training, optional

    Returns
    -------
    dict of str to dict of str to dict of str to float
        Per copy (`COPIES`), as `indices`.

    Raises
    ------
    NeuralDataError
        If it cannot go on learning.
    """
    training = training or Training()
    if (why := why_not(responder)) is not None:
        raise NeuralDataError(sentence(responder.name, "cannot take part", cure=why))
    found = {"before": indices(responder, seed, training.trials)}
    for copy in ("mixed", "after"):
        movie = exposure(responder, seed, training, mixed=copy == "mixed")
        found[copy] = indices(exposed(responder, movie, 1, seed=1000 * seed), seed, training.trials)
    return found
