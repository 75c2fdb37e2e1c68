"""Learning to forecast and to answer as neurons do, together: what is shown, the conditions, and what is asked afterwards.

A network learns films and the spikes that recorded neurons answered them with. Its representation is taught by the errors of its
forecast, by those of the responses that are read from it, or by both; both readouts learn in any case. Then, with weights frozen, on films
of photographs that it never saw: how good is the forecast, how well are mean responses foretold, and how alike are representation and
neurons?
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from comparisons.neural.data import NeuralData
from comparisons.neural.encoding import grouped_folds
from comparisons.neural.reliability import reliability
from comparisons.neural.scores import Target
from comparisons.neural.simulated import Cortex
from comparisons.representation import correlation
from snn.errors import NeuralDataError, sentence
from snn.seeding import stream
from snn.stimuli.drift import drifting_movies, photographs
from snn.stimuli.movie import Movie
from snn.stimuli.splitting import FIRST_SCORED

FloatArray = NDArray[np.float64]
TEST_SEED, VALIDATION_SEED = 999, 1_000_003
RELIABLE = 0.5
"""Agreement of halves of the trials above which recorded units are learned."""
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


class Films(NamedTuple):
    """Films and how neurons answered each of their frames.

    Attributes
    ----------
    movies : tuple of Movie
        All of one length.
    responses : ndarray, shape (n_trials, n_films, n_frames, n_units)
        Not negative, of mean 1 over what is learned from.
    groups : ndarray of int, shape (n_films,)
    """

    movies: tuple[Movie, ...]
    responses: FloatArray
    groups: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Material:
    """What is learned from, what weights are chosen on, and what is tested on.

    Attributes
    ----------
    learn, validate, test : Films
        One trial each of what is learned from.
    """

    learn: Films
    validate: Films
    test: Films

    @classmethod
    def simulated(
        cls,
        *,
        size: int = 12,
        n_films: int = 600,
        n_tests: int = 40,
        n_frames: int = 10,
        n_units: int = 40,
        n_trials: int = 10,
        seed: int = 0,
        frame_ms: float = 50.0,
    ) -> Self:
        """Show drifting photographs to a simulated visual cortex.

        Parameters
        ----------
        size : int
            Rows and columns.
        n_films, n_tests : int
            Films to learn from; films to validate, and to test on, each.
        n_frames : int
            Of a film.
        n_units, n_trials : int
            Units, and trials of the films that are not learned from.
        seed : int
            Of films, filters and spikes.
        frame_ms : float

        Returns
        -------
        Material
            The test is on the photographs that are held out.
        """
        learn = drifting_movies(photographs(False), n_films, n_frames, size, seed=seed + 1, frame_ms=frame_ms)
        validate = drifting_movies(photographs(False), n_tests, n_frames, size, seed=VALIDATION_SEED + seed, frame_ms=frame_ms)
        test = drifting_movies(photographs(True), n_tests, n_frames, size, seed=TEST_SEED + seed, frame_ms=frame_ms)
        cortex = Cortex.of(np.stack([movie.frames for movie in learn]), n_units, mean_count=1.0, seed=seed)
        found = []
        for name, movies, trials in (("learn", learn, 1), ("validate", validate, n_trials), ("test", test, n_trials)):
            expected = cortex.expected(np.stack([movie.frames for movie in movies]))
            counts = stream(seed, "joint", name).poisson(expected, (trials, *expected.shape)).astype(np.float64)
            found.append(Films(tuple(movies), counts, np.arange(len(movies))))
        return cls(*found)

    @classmethod
    def recorded(cls, data: NeuralData, *, fold: int, n_folds: int = 5, size: int = 16, n_frames: int = 8, frame_ms: float = 50.0) -> Self:
        """Let recorded images drift, and take the responses to them for those to each frame.

        Parameters
        ----------
        data : NeuralData
            Of still images, in several trials.
        fold : int
            Of the groups of images, dealt out in an order that ``fold`` does not change: this part is tested on, the next one validates.
        n_folds : int
            3 or more.
        size : int
            Side of the window through which the images are seen.
        n_frames : int
            Of a film, at 1 px a frame: images are brought to ``size + n_frames`` pixels.
        frame_ms : float

        Returns
        -------
        Material
            A film for each image and trial; only units that agree with themselves on images that are learned from.

        Raises
        ------
        NeuralDataError
            If stimuli are films, or there are too few groups, trials or reliable units.

        Notes
        -----
        *Departure*: neurons saw images that stood still, and a still image leaves nothing to forecast.
        """
        if data.stimuli.shape[1] != 1 or data.bin_ms is not None:
            raise NeuralDataError(sentence(data.name, "is no recording of still images", got=data.stimuli.shape))
        folds = [test for _, test in grouped_folds(data.groups, n_folds, 0)]
        if len(folds) < 3 or n_folds < 3 or not 0 <= fold < len(folds):
            raise NeuralDataError(sentence("joint.fold", "needs three parts of images", got=(fold, len(folds)), allowed="0 to n_folds - 1"))
        parts = {"test": folds[fold], "validate": folds[(fold + 1) % len(folds)]}
        parts["learn"] = np.setdiff1d(np.arange(data.n_stimuli), np.concatenate(list(parts.values())))
        learn = parts["learn"]
        known = reliability(replace(data, stimuli=data.stimuli[learn], responses=data.responses[:, learn], groups=data.groups[learn]))
        reliable = np.flatnonzero(np.nan_to_num(known.half) > RELIABLE)
        responses = np.maximum(data.responses[..., reliable], 0.0)
        if not len(reliable) or np.isnan(responses).any():
            problem = f"has no unit with all trials that agrees with itself above {RELIABLE:g}"
            raise NeuralDataError(sentence(data.name, problem, got=len(reliable)))
        responses = responses / responses[:, parts["learn"]].mean(axis=(0, 1))
        found = {}
        for name, images in parts.items():
            rng = stream(fold, "joint", "drifts", name)
            # To learn from, a film for each trial; else for each image, with all of its trials.
            of_film = np.tile(images, data.n_trials) if name == "learn" else images
            movies = [_drifting(data.stimuli[k, 0], size, n_frames, float(rng.uniform(0, 2 * np.pi)), frame_ms) for k in of_film]
            told = responses[:, images].reshape(1, -1, len(reliable)) if name == "learn" else responses[:, images]
            found[name] = Films(tuple(movies), np.repeat(told[:, :, None], n_frames, axis=2), data.groups[of_film])
        return cls(**found)

    def shuffled(self, seed: int) -> Films:
        """Deal the responses to other films.

        Parameters
        ----------
        seed : int

        Returns
        -------
        Films
            To learn from; no film keeps its own.
        """
        order = stream(seed, "joint", "shuffled").permutation(len(self.learn.movies))
        other = np.empty_like(order)
        other[order] = np.roll(order, 1)
        return self.learn._replace(responses=self.learn.responses[:, other])


def _drifting(image: FloatArray, size: int, n_frames: int, direction_rad: float, frame_ms: float) -> Movie:
    """Move a window over an image at 1 px a frame, the middle of its way in the middle of the image."""
    from scipy.ndimage import shift
    from skimage.transform import resize

    side, half = size + n_frames, n_frames // 2
    fitting = np.clip(resize(image, (side, side), order=1, anti_aliasing=True), 0.0, 1.0)
    frames = []
    for t in range(n_frames):
        away = t - (n_frames - 1) / 2
        moved = shift(fitting, (away * np.sin(direction_rad), -away * np.cos(direction_rad)), order=1, mode="nearest")
        frames.append(moved[half : half + size, half : half + size])
    return Movie(np.stack(frames), frame_ms, "recorded image, drifting")


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
        Of `MEASURES`; NaN where one is not defined.

    Raises
    ------
    NeuralDataError
        If films are too short to be scored.
    """
    from skimage.metrics import structural_similarity

    frames = np.stack([movie.frames for movie in films.movies])
    # What has a frame after it, in which the representation has seen it.
    scored = slice(FIRST_SCORED, frames.shape[1] - 1)
    if frames.shape[1] < FIRST_SCORED + 2:
        allowed = f"{FIRST_SCORED + 2} frames or more"
        raise NeuralDataError(sentence("joint.films", "are too short to be scored", got=frames.shape[1], allowed=allowed))
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
    data = NeuralData(seen, measured, films.groups, films.movies[0].frame_ms, films.movies[0].frame_ms, name="joint films")
    features = answers.representation[:, scored].reshape(len(mean), -1)
    similar = Target.of(data, seed=seed).score(features)
    return {
        "forecast_ratio": missed / copied,
        "psnr_db": float(-10 * np.log10(missed)),
        "ssim": float(np.mean(alike)),
        # A unit of which nothing is foretold is not correlated.
        "response_r": float(np.mean(np.nan_to_num(each))),
        **{name: score.whole for name, score in similar.items()},
    }
