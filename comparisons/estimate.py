"""How long it will take to ask a subject: frames counted without the subject, times what a frame of it takes, shown or learned from."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from comparisons.phenomenon import Phenomenon
from comparisons.responder import Exposable, Responder, Response, can_learn
from comparisons.responders.null import Idle, control_of
from snn.stimuli.movie import Movie

TIMED_FRAMES = 12
"""Frames on which the speed of a subject is measured."""


class Frames(NamedTuple):
    """A number of frames.

    Attributes
    ----------
    shown : int
    learned : int
        From which a subject goes on learning, which takes rate networks several times as long.
    """

    shown: int
    learned: int


def frames_of(phenomenon: Phenomenon, responder: Responder, seed: int, *, untrained: bool = True) -> Frames:
    """Count the frames that a phenomenon shows to a subject and to those shown with it that cost as much.

    Parameters
    ----------
    phenomenon : Phenomenon
    responder : Responder
    seed : int
    untrained : bool
        Whether its untrained control is measured; it is not built to be counted, which can take long.

    Returns
    -------
    Frames
        None of them where it cannot be asked.
    """
    if phenomenon.lacks(responder) is not None:
        return Frames(0, 0)
    counted = _Counting(responder)
    phenomenon.measure(counted, seed)
    asked = phenomenon.about.controls + phenomenon.about.beside
    others = sum(control_of(responder, c) is not None for c in asked if c not in ("adaptation_only", "untrained"))
    born = untrained and "untrained" in asked and (can_learn(responder) or getattr(responder, "born", None) is not None)
    times = 1 + others + born
    return Frames(counted.frames * times, counted.learned * times)


class _Counting(Idle):
    """Counts the frames that a phenomenon would show to a subject, and learns nothing from them."""

    def __init__(self, subject: Responder) -> None:
        super().__init__(subject.frame_size, 1, "noise", subject.frame_ms)
        self.sites, self.finest_bin_ms = subject.sites, subject.finest_bin_ms
        self.frames, self.learned = 0, 0
        self.learns = can_learn(subject)

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        """As `Responder.respond`."""
        self.frames += movie.n_frames * trials
        return super().respond(movie, sites, trials=trials, bin_ms=bin_ms, seed=seed)

    def control(self, name: str) -> Responder | None:
        """As `Responder.control`: itself, counted too."""
        return self

    def expose(self, movie: Movie, repeats: int, *, seed: int = 0) -> Responder:
        """As `Exposable.expose`."""
        self.learned += movie.n_frames * repeats
        return self


class Speeds:
    """What a frame takes each subject, measured when it is asked for first."""

    def __init__(self) -> None:
        self._shown_s: dict[tuple[str, tuple[int, int]], float] = {}
        self._learned_s: dict[tuple[str, tuple[int, int]], float] = {}

    def seconds(self, name: str, responder: Responder, frames: Frames) -> float:
        """Estimate the time of some frames.

        Parameters
        ----------
        name : str
            Of the model, whose runs take the same time.
        responder : Responder
        frames : Frames

        Returns
        -------
        float
            Of one core.
        """
        key, total = (name, responder.frame_size), 0.0
        for n, known, measure in ((frames.shown, self._shown_s, frame_s), (frames.learned, self._learned_s, learned_frame_s)):
            if n and key not in known:
                known[key] = measure(responder)
            total += n * known.get(key, 0.0)
        return total


def frame_s(responder: Responder) -> float:
    """Measure how long a subject takes for a frame.

    Parameters
    ----------
    responder : Responder

    Returns
    -------
    float
        In seconds.
    """
    movie, names = _noise(responder), [s.name for s in responder.sites][:1]
    responder.respond(movie, names)
    began = time.monotonic()
    responder.respond(movie, names)
    return (time.monotonic() - began) / TIMED_FRAMES


def learned_frame_s(responder: Responder) -> float:
    """Measure how long a subject takes for a frame from which it goes on learning.

    Parameters
    ----------
    responder : Responder
        One that can learn.

    Returns
    -------
    float
        In seconds; 0 if it cannot learn.
    """
    if not isinstance(responder, Exposable):
        return 0.0
    movie = _noise(responder)
    responder.expose(movie, 1)
    began = time.monotonic()
    responder.expose(movie, 1)
    return (time.monotonic() - began) / TIMED_FRAMES


def _noise(responder: Responder) -> Movie:
    return Movie(np.random.default_rng(0).random((TIMED_FRAMES, *responder.frame_size)), responder.frame_ms)
