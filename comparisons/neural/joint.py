"""Learning to forecast and to answer as neurons do, together: what is shown, the conditions, and what is asked afterwards.

A network learns films and the spikes that recorded neurons answered them with. Its representation is taught by the errors of its
forecast, by those of the responses that are read from it, or by both; both readouts learn in any case. Then, with weights frozen, on films
of photographs that it never saw: how good is the forecast, how well are mean responses foretold, and how alike are representation and
neurons?
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from comparisons.neural.data import NeuralData
from comparisons.neural.joint_material import Films
from comparisons.neural.scores import Target
from comparisons.representation import correlation
from snn.errors import NeuralDataError, sentence
from snn.stimuli.splitting import FIRST_SCORED

FloatArray = NDArray[np.float64]
MEASURES: Mapping[str, str] = {
    "forecast_ratio": "forecast error / copying",
    "psnr_db": "PSNR (dB)",
    "ssim": "SSIM",
    "response_r": "correlation with neurons",
    "encoding": "explained, of what could be",
    "rsa": "RSA",
    "cka": "CKA",
}
BETTER: Mapping[str, int] = {name: -1 if name == "forecast_ratio" else 1 for name in MEASURES}
"""Whether more is better."""


class Condition(NamedTuple):
    """What teaches the representation.

    Attributes
    ----------
    forecast : bool
        Errors of the forecast.
    share : float
        Weight of the errors of responses; 0 for none.
    shuffled : bool
        Whether films are dealt responses to other films.
    """

    forecast: bool
    share: float
    shuffled: bool = False

    def __str__(self) -> str:
        if self.shuffled:
            return f"responses of other films, {self.share:g}"
        if not self.share:
            return "forecast alone"
        return f"{'both' if self.forecast else 'responses alone'}, {self.share:g}"


class Answers(NamedTuple):
    """What a network did with films, weights frozen.

    Attributes
    ----------
    forecasts : ndarray, shape (n_films, n_frames, rows, cols)
    responses : ndarray, shape (n_films, n_frames, n_units)
        Foretold of the frame.
    representation : ndarray, shape (n_films, n_frames, n_cells)
        After the frame was seen.
    """

    forecasts: FloatArray
    responses: FloatArray
    representation: FloatArray


def judged(films: Films, answers: Answers, *, seed: int = 0) -> dict[str, float]:
    """Ask how well a network does.

    Parameters
    ----------
    films : Films
    answers : Answers
        To them.
    seed : int
        Of the folds of the encoding.

    Returns
    -------
    dict of str to float
        Of `MEASURES`; NaN where one is not defined. The forecast and what is foretold of responses are judged frame by frame, the likeness
        film by film.

    Raises
    ------
    NeuralDataError
        If films are too short to be scored.
    """
    from skimage.metrics import structural_similarity

    similar = target_of(films, seed=seed)
    frames, scored = _frames_and_scored(films)
    seen, told = frames[:, scored], answers.forecasts[:, scored]
    missed = float(((told - seen) ** 2).mean())
    copied = float(((frames[:, FIRST_SCORED - 1 : -2] - seen) ** 2).mean())
    side = min(7, seen.shape[2] - 1 + seen.shape[2] % 2)
    alike = [
        structural_similarity(a, b, data_range=1.0, win_size=side)
        for a, b in zip(told.reshape(-1, *seen.shape[2:]), seen.reshape(-1, *seen.shape[2:]), strict=True)
    ]
    measured = films.responses[:, :, scored]
    mean, foretold = measured.mean(axis=0).reshape(-1, measured.shape[-1]), answers.responses[:, scored].reshape(-1, measured.shape[-1])
    each = [correlation(foretold[:, u], mean[:, u]) for u in range(mean.shape[1]) if mean[:, u].std() > 0]
    return {
        "forecast_ratio": missed / copied,
        "psnr_db": float(-10 * np.log10(missed)),
        "ssim": float(np.mean(alike)),
        # A unit of which nothing is foretold is not correlated.
        "response_r": float(np.mean(np.nan_to_num(each))),
        **{name: score.whole for name, score in similar.score(answers.representation[:, scored].mean(axis=1)).items()},
    }


def target_of(films: Films, *, seed: int = 0) -> Target:
    """Prepare to ask how alike representations and neurons tell films apart.

    Frames of one film are no samples of their own: what is slow would be alike.

    Parameters
    ----------
    films : Films
    seed : int
        Of the folds of the encoding.

    Returns
    -------
    Target

    Raises
    ------
    NeuralDataError
        If films are too short to be scored.
    """
    frames, scored = _frames_and_scored(films)
    means, frame_ms = films.responses[:, :, scored].mean(axis=2), films.movies[0].frame_ms
    return Target.of(NeuralData(frames[:, scored], means, np.arange(len(frames)), frame_ms, name="joint films"), seed=seed)


def _frames_and_scored(films: Films) -> tuple[FloatArray, slice]:
    frames = np.stack([movie.frames for movie in films.movies])
    if frames.shape[1] < FIRST_SCORED + 2:
        allowed = f"{FIRST_SCORED + 2} frames or more"
        raise NeuralDataError(sentence("joint.films", "are too short to be scored", got=frames.shape[1], allowed=allowed))
    # What has a frame after it, in which the representation has seen it.
    return frames, slice(FIRST_SCORED, frames.shape[1] - 1)
