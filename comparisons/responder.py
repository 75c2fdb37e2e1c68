"""The one port through which every phenomenon sees every model.

A subject is shown a movie and says how its populations answered, and nothing else; it never learns which experiment it is
in. Every call is a session of its own: each trial begins at rest, with fresh membranes and fresh noise, all from the seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from snn.errors import SubjectError, nearest, sentence
from snn.seeding import stream
from snn.stimuli.movie import Movie

FloatArray = NDArray[np.float64]
Role = Literal["target", "prediction", "error_pos", "error_neg", "representation"]
Control = Literal["untrained", "feedback_cut", "adaptation_only"]
ROLES: tuple[Role, ...] = ("target", "prediction", "error_pos", "error_neg", "representation")
SENSOR_NOISE = 0.01
"""Standard deviation of the noise of every pixel in every frame, of luminance between 0 and 1."""


@dataclass(frozen=True)
class Site:
    """A population that can be listened to.

    Attributes
    ----------
    name : str
        Such as ``level1.error_pos``.
    role : {'target', 'prediction', 'error_pos', 'error_neg', 'representation'}
        Its part in the circuit.
    level : int
        0 is next to the eye.
    shape : (int, int, int)
        Rows, columns and features of its cells.
    spiking : bool
        Whether its activity is in Hz; that of rate units is in units of their own.
    copies : int
        Cells whose mean each answer is: more than 1 where a rate network was converted.
    """

    name: str
    role: Role
    level: int
    shape: tuple[int, int, int]
    spiking: bool
    copies: int = 1


@dataclass(frozen=True, eq=False)
class Response:
    """How a subject answered a movie.

    Attributes
    ----------
    bin_ms : float
        Time of a bin.
    activity : mapping of str to ndarray, shape (n_trials, n_bins, rows, cols, features)
        Mean activity of every cell in every bin, per site.
    forecast : ndarray, shape (n_trials, n_frames, rows, cols), or None
        Luminance that it expected each frame to have, where it says so.
    """

    bin_ms: float
    activity: Mapping[str, FloatArray]
    forecast: FloatArray | None = None


class Responder(Protocol):
    """A subject."""

    @property
    def name(self) -> str:
        """What it is called in tables."""

    @property
    def frame_ms(self) -> float:
        """Time for which it must see each frame."""

    @property
    def frame_size(self) -> tuple[int, int]:
        """Rows and columns of what it sees."""

    @property
    def sites(self) -> tuple[Site, ...]:
        """Populations that can be listened to."""

    @property
    def finest_bin_ms(self) -> float:
        """Shortest bin; longer ones are multiples of it that divide a frame, or are a frame."""

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        """Show a movie.

        Parameters
        ----------
        movie : Movie
            Of its frame size and frame time.
        sites : sequence of str
            Populations to listen to.
        trials : int
            How often it is shown, each time from rest and with other noise.
        bin_ms : float, optional
            Time of a bin; a frame when left out.
        seed : int
            Of the noise: equal seeds give equal answers.

        Returns
        -------
        Response
        """

    def control(self, name: Control) -> Responder | None:
        """Give what it is compared with.

        Parameters
        ----------
        name : {'untrained', 'feedback_cut', 'adaptation_only'}

        Returns
        -------
        Responder or None
            None where it has no such thing, for example no feedback to cut.
        """


@runtime_checkable
class Exposable(Protocol):
    """A subject that can go on learning."""

    def expose(self, movie: Movie, repeats: int, *, seed: int = 0) -> Responder:
        """Let it see a movie again and again while it learns as it has learned.

        Parameters
        ----------
        movie : Movie
            Each repetition begins at rest.
        repeats : int
        seed : int
            Of the noise.

        Returns
        -------
        Responder
            A new subject; this one stays as it was.
        """


@runtime_checkable
class Enlargeable(Protocol):
    """A subject whose eye can be made larger without learning anew, since all its sites share their weights."""

    def enlarged(self, side: int) -> Responder | None:
        """Give the same subject with larger frames.

        Parameters
        ----------
        side : int
            Rows and columns of a frame.

        Returns
        -------
        Responder or None
            None where it is of a kind that could, but has weights of its own at every site.
        """


def fitted(responder: Responder, least_px: int) -> Responder:
    """Give a subject frames that are large enough for a stimulus, where it can have them.

    Parameters
    ----------
    responder : Responder
    least_px : int
        Side of a frame that is needed.

    Returns
    -------
    Responder
        The same one where its frames are large enough, or it cannot be enlarged.
    """
    if min(responder.frame_size) >= least_px or not isinstance(responder, Enlargeable):
        return responder
    return responder.enlarged(least_px) or responder


def can_learn(responder: Responder) -> bool:
    """Tell whether a subject can go on learning.

    Parameters
    ----------
    responder : Responder

    Returns
    -------
    bool
        False for one that could learn by its kind, but has ``learns`` at False: a circuit without rules.
    """
    return isinstance(responder, Exposable) and bool(getattr(responder, "learns", True))


def exposed(responder: Responder, movie: Movie, repeats: int, *, seed: int = 0) -> Responder:
    """Let a subject go on learning, if it can.

    Parameters
    ----------
    responder : Responder
    movie : Movie
    repeats : int
    seed : int
        As `Exposable.expose`.

    Returns
    -------
    Responder
        The same one where it cannot learn.
    """
    if isinstance(responder, Exposable) and can_learn(responder):
        return responder.expose(movie, repeats, seed=seed)
    return responder


def sites_of(responder: Responder, role: Role, level: int | None = None) -> tuple[Site, ...]:
    """List the populations that play a part.

    Parameters
    ----------
    responder : Responder
    role : {'target', 'prediction', 'error_pos', 'error_neg', 'representation'}
    level : int, optional
        Of this level only.

    Returns
    -------
    tuple of Site
        From the lowest level up; empty where there are none.
    """
    found = [s for s in responder.sites if s.role == role and (level is None or s.level == level)]
    return tuple(sorted(found, key=lambda s: s.level))


def with_noise(movie: Movie, seed: int, trial: int, sd: float = SENSOR_NOISE) -> Movie:
    """Add the noise of the eye to a movie.

    Parameters
    ----------
    movie : Movie
    seed, trial : int
        Of the noise.
    sd : float
        Standard deviation for each pixel and frame; what leaves [0, 1] is cut.

    Returns
    -------
    Movie
    """
    if sd == 0.0:
        return movie
    noise = stream(seed, "sensor", trial).normal(0.0, sd, movie.frames.shape)
    return Movie(np.clip(movie.frames + noise, 0.0, 1.0), movie.frame_ms, movie.name, movie.source)


def steps_per_bin(responder: Responder, bin_ms: float | None) -> int:
    """Count the shortest bins in a bin.

    Parameters
    ----------
    responder : Responder
    bin_ms : float or None
        A frame when None.

    Returns
    -------
    int

    Raises
    ------
    SubjectError
        If the bin is no multiple of the shortest, or does not divide a frame.
    """
    wanted, finest = responder.frame_ms if bin_ms is None else bin_ms, responder.finest_bin_ms
    steps, frame = round(wanted / finest), round(responder.frame_ms / finest)
    if steps < 1 or abs(steps * finest - wanted) > 1e-9 or frame % steps:
        allowed = f"multiples of {finest:g} ms that divide {responder.frame_ms:g} ms"
        raise SubjectError(sentence(f"{responder.name}.respond.bin_ms", "this subject cannot be binned so", got=bin_ms, allowed=allowed))
    return steps


def check_request(responder: Responder, movie: Movie, sites: Sequence[str], trials: int) -> tuple[Site, ...]:
    """Check what a subject is asked for.

    Parameters
    ----------
    responder : Responder
    movie : Movie
    sites : sequence of str
    trials : int

    Returns
    -------
    tuple of Site
        Those asked for.

    Raises
    ------
    SubjectError
        If a site is unknown, there is no trial, or the movie does not fit.
    """
    known = {s.name: s for s in responder.sites}
    for name in sites:
        if name not in known:
            raise SubjectError(sentence(f"{responder.name}.respond.sites", f"there is no site {name!r}", cure=nearest(name, known)))
    if trials < 1:
        raise SubjectError(sentence(f"{responder.name}.respond.trials", "nothing would be shown", got=trials, allowed=">= 1"))
    if movie.size != responder.frame_size:
        got, allowed = movie.size, str(responder.frame_size)
        raise SubjectError(sentence(f"movie {movie.name!r}", "has frames of another size than the subject sees", got=got, allowed=allowed))
    if abs(movie.frame_ms - responder.frame_ms) > 1e-9:
        got_ms, allowed = movie.frame_ms, f"{responder.frame_ms:g}"
        raise SubjectError(sentence(f"movie {movie.name!r}.frame_ms", "differs from the subject's", got=got_ms, allowed=allowed))
    return tuple(known[name] for name in sites)
