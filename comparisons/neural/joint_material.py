"""What is learned together: films, and how neurons answered them, simulated or recorded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from comparisons.neural.data import NeuralData, deranged
from comparisons.neural.encoding import grouped_folds
from comparisons.neural.reliability import RELIABLE, reliability
from comparisons.neural.similarity import LEAST_SAMPLES
from comparisons.neural.simulated import Cortex
from snn.errors import NeuralDataError, sentence
from snn.seeding import stream
from snn.stimuli.drift import drifting_movies, photographs
from snn.stimuli.movie import Movie

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
TEST_SEED, VALIDATION_SEED = 999, 1_000_003
N_PARTS = 5
"""Of the images of a recording."""


class Films(NamedTuple):
    """Films and how neurons answered each of their frames.

    Attributes
    ----------
    movies : tuple of Movie
        All of one length.
    responses : ndarray, shape (n_trials, n_films, n_frames, n_units)
        Not negative, of mean 1 over what is learned from.
    stimuli : ndarray of int, shape (n_films,)
        What each film shows: of a recorded image there is a film for each trial that is learned from.
    """

    movies: tuple[Movie, ...]
    responses: FloatArray
    stimuli: IntArray


@dataclass(frozen=True, eq=False)
class Material:
    """What is learned from, what weights are chosen on, and what is tested on.

    Attributes
    ----------
    learn, validate, test : Films
        One trial each of what is learned from.
    n_recorded : int
        Units, with those that were not reliable enough to be learned.
    """

    learn: Films
    validate: Films
    test: Films
    n_recorded: int

    @classmethod
    def simulated(
        cls,
        *,
        size: int = 12,
        n_films: int = 600,
        n_tests: int = 100,
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
            The test is on the two photographs that are held out; films of one photograph may overlap.
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
        return cls(found[0], found[1], found[2], n_units)

    @classmethod
    def recorded(
        cls, data: NeuralData, *, fold: int, n_folds: int = N_PARTS, size: int = 16, n_frames: int = 8, frame_ms: float = 50.0
    ) -> Self:
        """Let recorded images drift, and take the responses to them for those to each frame.

        Parameters
        ----------
        data : NeuralData
            Of still images, in several trials.
        fold : int
            Of the groups of images, dealt out in an order that ``fold`` does not change: this part is tested on, the next one validates.
            Folds are counted round.
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
            A film for each image and trial; only units that agree with themselves on images that are learned from, and were recorded in all
            trials.

        Raises
        ------
        NeuralDataError
            If stimuli are films, responses are below 0, or there are too few groups, images, trials or reliable units.

        Notes
        -----
        *Departure*: neurons saw images that stood still, and a still image leaves nothing to forecast.
        """
        if data.stimuli.shape[1] != 1 or data.bin_ms is not None:
            raise NeuralDataError(sentence(data.name, "is no recording of still images", got=data.stimuli.shape))
        folds = [test for _, test in grouped_folds(data.groups, n_folds, 0)]
        if len(folds) < 3:
            cure = "images are learned from, validated on and tested on"
            raise NeuralDataError(sentence("joint.fold", "needs three parts of images", got=len(folds), allowed=">= 3", cure=cure))
        if np.nanmin(data.responses) < 0:
            got, cure = float(np.nanmin(data.responses)), "give counts or rates, not what was normalised"
            raise NeuralDataError(sentence(f"{data.name}.responses", "are below 0, as no spikes are", got=got, cure=cure))
        parts = {"test": folds[fold % len(folds)], "validate": folds[(fold + 1) % len(folds)]}
        parts["learn"] = np.setdiff1d(np.arange(data.n_stimuli), np.concatenate(list(parts.values())))
        learn = parts["learn"]
        for name in ("test", "validate"):
            if len(parts[name]) < LEAST_SAMPLES:
                problem = f"has too few images for joint learning in part {fold % len(folds)} of {len(folds)} ({name})"
                cure = f"give {n_folds * LEAST_SAMPLES} images or more, in groups of one size or each a group of its own"
                raise NeuralDataError(sentence(data.name, problem, got=len(parts[name]), allowed=f">= {LEAST_SAMPLES}", cure=cure))
        if data.n_trials < 2:
            cure = "several trials tell which units answer the images at all"
            raise NeuralDataError(sentence(f"{data.name}.responses", "are of one trial", got=data.n_trials, allowed=">= 2", cure=cure))
        known = reliability(replace(data, stimuli=data.stimuli[learn], responses=data.responses[:, learn], groups=data.groups[learn]))
        reliable = np.flatnonzero((np.nan_to_num(known.half) > RELIABLE) & ~np.isnan(data.responses).any(axis=(0, 1)))
        if not len(reliable):
            problem = f"has no unit with all trials that agrees with itself above {RELIABLE:g} on the images that part {fold} learns from"
            units, cure = f"{data.n_units} units, {len(data.left_out)} silent or incomplete", "record more trials or other units"
            raise NeuralDataError(sentence(data.name, problem, got=units, cure=cure))
        responses = data.responses[..., reliable]
        responses = responses / responses[:, parts["learn"]].mean(axis=(0, 1))
        found = {}
        for name, images in parts.items():
            rng = stream(fold, "joint", "drifts", name)
            # To learn from, a film for each trial; else for each image, with all of its trials.
            of_film = np.tile(images, data.n_trials) if name == "learn" else images
            movies = [_drifting(data.stimuli[k, 0], size, n_frames, float(rng.uniform(0, 2 * np.pi)), frame_ms) for k in of_film]
            told = responses[:, images].reshape(1, -1, len(reliable)) if name == "learn" else responses[:, images]
            found[name] = Films(tuple(movies), np.repeat(told[:, :, None], n_frames, axis=2), of_film)
        return cls(**found, n_recorded=data.n_units)

    def shuffled(self, seed: int) -> Films:
        """Deal the responses to other films.

        Parameters
        ----------
        seed : int

        Returns
        -------
        Films
            To learn from; all films of one thing get the responses to one other thing, trial by trial.
        """
        shown, films = np.unique(self.learn.stimuli), self.learn.stimuli
        other = shown[deranged(len(shown), stream(seed, "joint", "shuffled"))]
        places = {int(stimulus): np.flatnonzero(films == stimulus) for stimulus in shown}
        order = np.empty(len(films), dtype=np.int64)
        for one, two in zip(shown.tolist(), other.tolist(), strict=True):
            order[places[one]] = places[two]
        return self.learn._replace(responses=self.learn.responses[:, order])


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
