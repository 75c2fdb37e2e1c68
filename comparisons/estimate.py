"""How long it will take to ask a subject: frames counted without the subject, times what a frame of it takes."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from comparisons.phenomenon import Phenomenon
from comparisons.responder import Responder, Response, can_learn
from comparisons.responders.null import Idle, control_of
from snn.stimuli.movie import Movie

TIMED_FRAMES = 12
"""Frames on which the speed of a subject is measured."""


def frames_shown(phenomenon: Phenomenon, responder: Responder, seed: int, *, untrained: bool = True) -> int:
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
    int
        0 where it cannot be asked.
    """
    if phenomenon.lacks(responder) is not None:
        return 0
    counted = _Counting(responder)
    phenomenon.measure(counted, seed)
    asked = phenomenon.about.controls + phenomenon.about.beside
    others = sum(control_of(responder, c) is not None for c in asked if c not in ("adaptation_only", "untrained"))
    born = untrained and "untrained" in asked and (can_learn(responder) or getattr(responder, "born", None) is not None)
    return counted.frames * (1 + others + born)


class _Counting(Idle):
    """Counts the frames that a phenomenon would show to a subject, and learns nothing from them."""

    def __init__(self, subject: Responder) -> None:
        super().__init__(subject.frame_size, 1, "noise", subject.frame_ms)
        self.sites, self.finest_bin_ms, self.frames = subject.sites, subject.finest_bin_ms, 0
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
        self.frames += movie.n_frames * repeats
        return self


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
    movie = Movie(np.random.default_rng(0).random((TIMED_FRAMES, *responder.frame_size)), responder.frame_ms)
    names = [s.name for s in responder.sites][:1]
    responder.respond(movie, names)
    began = time.monotonic()
    responder.respond(movie, names)
    return (time.monotonic() - began) / TIMED_FRAMES
