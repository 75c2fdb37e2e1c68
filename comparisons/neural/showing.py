"""Showing models what recorded animals saw, and what their populations answered, as features of stimuli.

A still image is seen after grey for as many frames as a model needs to settle on it: cells that code change answer its onset and then fall
silent, so that the first frames and the last are features of their own. Films are seen after grey too, frame by frame at their own
speed; where responses were binned in time, a model is averaged over the same bins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comparisons.cuts import GREY
from comparisons.dynamics import FORECAST_ROW, watch
from comparisons.neural.data import NeuralData
from comparisons.responder import Responder
from comparisons.rsa_time import GREY_FRAMES, after_grey
from snn.errors import NeuralDataError, sentence
from snn.stimuli.movie import Movie

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]


@dataclass(frozen=True)
class Showing:
    """How still images are shown, and over what answers are averaged.

    Attributes
    ----------
    frames : int
        For which an image stands still, after `comparisons.rsa_time.GREY_FRAMES` of grey.
    early, late : int
        First and last frames, over each of which the answers are a feature; 0 leaves one out.
    trials : int
        How often each stimulus is shown; answers are averaged.
    """

    frames: int = 8
    early: int = 2
    late: int = 4
    trials: int = 2

    def __post_init__(self) -> None:
        if min(self.frames, self.trials) < 1 or min(self.early, self.late) < 0 or not 1 <= self.early + self.late <= self.frames:
            got, allowed = (self.frames, self.early, self.late), "windows that are not both empty and do not overlap"
            raise NeuralDataError(sentence("showing", "leaves nothing to answer to", got=got, allowed=allowed))


STANDARD = Showing()


def features_of(responder: Responder, data: NeuralData, showing: Showing = STANDARD, *, seed: int = 0) -> dict[str, FloatArray]:
    """Show all stimuli of a recording to a model.

    Parameters
    ----------
    responder : Responder
    data : NeuralData
        Stimuli are brought to the model's frame size.
    showing : Showing
        Of films only the number of trials counts, where responses were binned in time; where not, the windows too.
    seed : int
        Of the noise.

    Returns
    -------
    dict of str to ndarray, shape (n_samples, n_features)
        Per population of the model; a sample is a stimulus, or a bin of a stimulus.

    Raises
    ------
    NeuralDataError
        If frames of a film were not shown for whole frames of the model, or for fewer frames than the windows need.
    """
    seen = watched(responder, data, showing, seed=seed)
    return {name: pooled(frames, data, responder.frame_ms, showing) for name, frames in seen.items()}


def watched(responder: Responder, data: NeuralData, showing: Showing = STANDARD, *, seed: int = 0) -> dict[str, Float32Array]:
    """Show all stimuli to a model, and keep every frame.

    Parameters
    ----------
    responder, data, showing, seed
        As of `features_of`.

    Returns
    -------
    dict of str to ndarray, shape (n_stimuli, n_frames, n_cells)
        Per population of the model, from the first frame of a stimulus on; means over trials.

    Raises
    ------
    NeuralDataError
        If frames of a film were not shown for whole frames of the model, or for fewer frames than the windows need.
    """
    shown = movies_of(data, responder.frame_size, responder.frame_ms, showing)
    # What does not fit is to be known before all is shown.
    _weights(data, shown[0].n_frames, responder.frame_ms, showing)
    told = watch(responder, [after_grey(movie) for movie in shown], showing.trials, seed, first=GREY_FRAMES)
    return {name: x.reshape(*x.shape[:2], -1).astype(np.float32) for name, x in told.items() if name != FORECAST_ROW}


def pooled(frames: NDArray[np.floating], data: NeuralData, frame_ms: float, showing: Showing = STANDARD) -> FloatArray:
    """Average what a population answered over windows, or over the bins of the recording.

    Parameters
    ----------
    frames : ndarray, shape (n_stimuli, n_frames, n_cells)
        From `watched`.
    data : NeuralData
    frame_ms : float
        Time of a frame of the model.
    showing : Showing

    Returns
    -------
    ndarray, shape (n_samples, n_features)

    Raises
    ------
    NeuralDataError
        If windows are longer than what was shown.
    """
    weights = _weights(data, frames.shape[1], frame_ms, showing)
    seen: FloatArray = np.einsum("wt,ntc->nwc", weights, frames, dtype=np.float64)
    return seen.reshape(-1, frames.shape[2]) if data.bin_ms is not None else seen.reshape(len(frames), -1)


def _weights(data: NeuralData, n_frames: int, frame_ms: float, showing: Showing) -> FloatArray:
    """How much each frame counts for each window, or bin."""
    if data.bin_ms is None:
        return _windows(n_frames, showing)
    return overlaps(data.responses.shape[2], data.bin_ms, n_frames, frame_ms)


def movies_of(data: NeuralData, frame_size: tuple[int, int], frame_ms: float, showing: Showing = STANDARD) -> list[Movie]:
    """Make the stimuli of a recording into movies that a model can see.

    Parameters
    ----------
    data : NeuralData
    frame_size : (int, int)
        Rows and columns.
    frame_ms : float
        Time for which the model sees a frame.
    showing : Showing
        Of still images.

    Returns
    -------
    list of Movie
        Of one length, without the grey before; where responses go on after a film has ended, with grey behind.

    Raises
    ------
    NeuralDataError
        If frames of a film were not shown for whole frames of the model.
    """
    from skimage.transform import resize

    still = data.stimuli.shape[1] == 1
    times = showing.frames if still and data.bin_ms is None else _times(data, frame_ms)
    n_frames = times * data.stimuli.shape[1]
    after = 0 if data.bin_ms is None else max(0, math.ceil(data.responses.shape[2] * data.bin_ms / frame_ms - 1e-9) - n_frames)
    behind, movies = np.full((after, *frame_size), GREY), []
    for k, frames in enumerate(data.stimuli):
        # One frame at a time: times and stimuli are not to be blurred into each other.
        fitting = np.stack([resize(frame, frame_size, order=1, anti_aliasing=True) for frame in frames])
        shown = np.repeat(np.clip(fitting, 0.0, 1.0), times, axis=0)
        movies.append(Movie(np.concatenate([shown, behind]), frame_ms, f"{data.name} {k}", data.source))
    return movies


def overlaps(n_bins: int, bin_ms: float, n_frames: int, frame_ms: float) -> FloatArray:
    """Weigh frames by how much of a bin they fill.

    Parameters
    ----------
    n_bins : int
    bin_ms : float
    n_frames : int
    frame_ms : float

    Returns
    -------
    ndarray, shape (n_bins, n_frames)
        The weights of a bin add up to 1.
    """
    start, begin = np.arange(n_bins)[:, None] * bin_ms, np.arange(n_frames)[None] * frame_ms
    shared = np.clip(np.minimum(start + bin_ms, begin + frame_ms) - np.maximum(start, begin), 0.0, None)
    found: FloatArray = shared / shared.sum(axis=1, keepdims=True)
    return found


def _times(data: NeuralData, frame_ms: float) -> int:
    where, cure = f"{data.name}.frame_ms", "resample the film, or give the model frames of another length"
    if data.frame_ms is None:
        raise NeuralDataError(sentence(where, "is missing", cure="say for how long an image was shown, since responses are in time"))
    times = data.frame_ms / frame_ms
    if round(times) < 1 or abs(times - round(times)) > 1e-6:
        problem = f"is no whole number of the model's frames of {frame_ms:g} ms"
        raise NeuralDataError(sentence(where, problem, got=data.frame_ms, cure=cure))
    return round(times)


def _windows(n_frames: int, showing: Showing) -> FloatArray:
    """Means over the first frames, and over the last."""
    if showing.early + showing.late > n_frames:
        got, cure = (n_frames, showing.early, showing.late), "use shorter windows, or bins of time"
        raise NeuralDataError(sentence("showing", "has windows that are longer than what is shown", got=got, cure=cure))
    parts = [slice(0, showing.early)] * bool(showing.early) + [slice(n_frames - showing.late, n_frames)] * bool(showing.late)
    weights = np.zeros((len(parts), n_frames))
    for weight, part in zip(weights, parts, strict=True):
        weight[part] = 1.0 / (part.stop - part.start)
    return weights
