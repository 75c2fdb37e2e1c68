"""What a phenomenon shows: rows of pictures, and one movie to be played."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from comparisons.flash_bars import BEFORE, FLASH, Course, scenes
from comparisons.phenomena.balance import Balance
from comparisons.phenomena.border_ownership import BorderOwnership
from comparisons.phenomena.faces import LEVELS, Faces
from comparisons.phenomena.flash_lag import FlashLag
from comparisons.phenomena.flow_halt import FlowHalt
from comparisons.phenomena.kanizsa import BEFORE as DISCS
from comparisons.phenomena.kanizsa import FIGURES, Kanizsa
from comparisons.phenomena.length import Length
from comparisons.phenomena.oddball import MANY, NOTHING, REGULAR_A, A, B, Oddball
from comparisons.phenomena.on_off import OnOff
from comparisons.phenomena.rhythms import Rhythms
from comparisons.phenomena.sequence import Sequence as Pairs
from comparisons.phenomena.size_tuning import CONTRASTS, SizeTuning
from comparisons.phenomena.two_pulse import TwoPulse
from comparisons.phenomenon import Phenomenon
from comparisons.responder import FloatArray, Responder
from comparisons.tuning import BEFORE as GREY_FRAMES
from snn.stimuli.movie import Movie

MOST_FRAMES, MOST_PICTURES = 48, 8
"""Of a movie that is played, and of a row."""


@dataclass(frozen=True, eq=False)
class Strip:
    """A row of pictures.

    Attributes
    ----------
    label : str
    pictures : ndarray, shape (n_pictures, rows, cols)
        Luminance.
    captions : tuple of str
        What stands below each.
    """

    label: str
    pictures: FloatArray
    captions: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Stimuli:
    """What is shown of a phenomenon.

    Attributes
    ----------
    strips : tuple of Strip
    film : Movie
        One of its movies, from the beginning.
    start : int
        First frame that is played; what is before is seen by a model only.
    """

    strips: tuple[Strip, ...]
    film: Movie
    start: int = 0


Draw = Callable[[Responder], Stimuli]


def times(label: str, movie: Movie, frames: Sequence[int], zero: int) -> Strip:
    """Take some frames of a movie.

    Parameters
    ----------
    label : str
    movie : Movie
    frames : sequence of int
    zero : int
        Frame from which time is counted.

    Returns
    -------
    Strip
    """
    return Strip(label, movie.frames[list(frames)], tuple(f"{t - zero:d}" for t in frames))


def _on_off(responder: Responder) -> Stimuli:
    movie, p = OnOff().movies(responder, 0)[0], OnOff()
    at, off = p.before, p.before + p.on
    return Stimuli((times("an object comes and goes", movie, (at - 1, at, at + 4, at + 12, off - 1, off, off + 4), at),), movie)


def _two_pulse(responder: Responder) -> Stimuli:
    p, gap = TwoPulse(), 8
    movies, first = p.movies(responder, 0), p.before
    off = first + p.pulse
    frames = (first - 1, first, off - 1, off, off + gap - 1, off + gap, off + gap + p.pulse - 1)
    same, other = movies[0, 0, 0, gap], movies[0, 0, 1, gap]
    return Stimuli((times("the same image again", same, frames, first), times("another image", other, frames, first)), same)


def _length(responder: Responder) -> Stimuli:
    shown, lengths = [movie for movie, _ in Length().stimuli(responder)], Length().lengths_px(responder)
    bars = np.stack([movie.frames[-1] for movie in shown[: len(lengths)]])
    return Stimuli((Strip("bars of growing length", bars, tuple(f"{n} px" for n in lengths)),), shown[len(lengths) - 1])


def _size_tuning(responder: Responder) -> Stimuli:
    shown, sizes = [movie for movie, _ in SizeTuning().stimuli(responder)], SizeTuning().diameters_px(responder)
    whole = shown[len(shown) // len(CONTRASTS) :][: len(sizes) + 1]
    discs = np.stack([movie.frames[-1] for movie in whole])
    captions = (*(f"{n} px" for n in sizes), "crossed")
    return Stimuli((Strip("discs of drifting stripes", discs, captions),), whole[-2], GREY_FRAMES - 2)


def _sequence(responder: Responder) -> Stimuli:
    leading, trailing = Pairs().images(responder, 0)
    rows = [
        Strip("first image", leading, tuple(f"pair {k + 1}" for k in range(len(leading)))),
        Strip("then", trailing, tuple(f"pair {k + 1}" for k in range(len(trailing)))),
    ]
    return Stimuli(tuple(rows), _cut(Pairs().exposure(responder, 0), MOST_FRAMES))


def _oddball(responder: Responder) -> Stimuli:
    p = Oddball()
    slots, movies = p.slots(0), p.movies(responder, 0)
    rare = next(k for k, which in enumerate(slots[REGULAR_A]) if which == B)
    first, step = max(0, rare - 4), p.on + p.off
    rows = []
    for label, name in (("regular, with a deviant", REGULAR_A), ("many standards", MANY)):
        shown = range(first, first + MOST_PICTURES)
        captions = ["deviant" if k == rare else "omitted" if slots[name][k] == NOTHING else "" for k in shown]
        if name == MANY:
            captions = ["control" if slots[name][k] in (A, B) else caption for k, caption in zip(shown, captions, strict=True)]
        rows.append(Strip(label, movies[name].frames[[p.before + k * step for k in shown]], tuple(captions)))
    return Stimuli(tuple(rows), _cut(movies[REGULAR_A], p.before + (first + 6) * step), p.before + first * step)


def _kanizsa(responder: Responder) -> Stimuli:
    movies = {figure: Kanizsa().movie(responder, figure, True, (0, 0)) for figure in FIGURES}
    pictures = np.stack([movie.frames[-1] for movie in movies.values()])
    return Stimuli((Strip("after full discs", pictures, FIGURES),), movies["illusory"], DISCS - 4)


def _flash(responder: Responder, courses: Mapping[Course, str]) -> Stimuli:
    scene = next(s for s in scenes(responder.frame_size, FlashLag().n_starts) if s.white and s.forward and not s.downward)
    movies = {course: scene.movie(course, True, responder.frame_ms) for course in courses}
    frames = range(FLASH - 3, FLASH + 4)
    rows = tuple(times(label, movies[course], frames, FLASH) for course, label in courses.items())
    return Stimuli(rows, movies["continue"], BEFORE)


def _flash_lag(responder: Responder) -> Stimuli:
    return _flash(responder, {"continue": "a bar moves, another flashes", "flashed": "both flash"})


def _postdictive(responder: Responder) -> Stimuli:
    return _flash(responder, {"continue": "goes on after the flash", "stop": "stops", "reverse": "turns back"})


def _flow_halt(responder: Responder) -> Stimuli:
    p = FlowHalt()
    movies, at = p.movies(responder, 0), p.before + p.flow
    frames = range(at - 4, at + 4)
    rows = tuple(times(course, movies[0, course], frames, at) for course in ("halts", "moves on", "halts again"))
    return Stimuli(rows, movies[0, "halts"], p.before - 2)


def _border_ownership(responder: Responder) -> Stimuli:
    p = BorderOwnership()
    scenes = p.scenes()[:4]
    movies = [p.movie(responder, scene) for scene in scenes]
    captions = tuple(f"light {'left' if s.light_left else 'right'}, object {'left' if s.object_left else 'right'}" for s in scenes)
    return Stimuli((Strip("one edge, four rectangles", np.stack([m.frames[-1] for m in movies]), captions),), movies[0])


def _faces(responder: Responder) -> Stimuli:
    p = Faces()
    tests = p.tests(responder, 0)
    rows = [
        Strip(f"family {family + 1}", np.stack([tests[family, 0, k].frames[-1] for k in range(len(LEVELS))]), tuple(map(str, LEVELS)))
        for family in (0, 1)
    ]
    return Stimuli(tuple(rows), _cut(p.exposure(responder, 0, 0)[0], MOST_FRAMES))


def _balance(responder: Responder) -> Stimuli:
    movie, at = Balance().movies(responder, 0)[0], Balance().before
    return Stimuli((times("a photograph drifts", movie, (at - 1, at, *range(at + 5, movie.n_frames, 6)), at),), movie, at - 2)


def _rhythms(responder: Responder) -> Stimuli:
    movies, at = Rhythms().movies(responder, 0), Rhythms().before
    pictures = np.stack([movie.frames[-1] for movie in movies[:MOST_PICTURES]])
    return Stimuli((Strip("photographs that stay", pictures, ("",) * len(pictures)),), _cut(movies[0], at + 16), at - 4)


STIMULI: Mapping[str, Draw] = {
    "on_off": _on_off,
    "two_pulse": _two_pulse,
    "length": _length,
    "size_tuning": _size_tuning,
    "sequence": _sequence,
    "oddball": _oddball,
    "kanizsa": _kanizsa,
    "flash_lag": _flash_lag,
    "flash_lag_postdictive": _postdictive,
    "flow_halt": _flow_halt,
    "border_ownership": _border_ownership,
    "faces": _faces,
    "balance": _balance,
    "rhythms": _rhythms,
}
"""By phenomenon."""


def stimuli_of(name: str, phenomenon: Phenomenon, responder: Responder) -> Stimuli | None:
    """Draw what a phenomenon shows to a subject.

    Parameters
    ----------
    name : str
    phenomenon : Phenomenon
    responder : Responder

    Returns
    -------
    Stimuli or None
        Of one that is not in `STIMULI`, some of what its method ``movies(responder, seed)`` gives; None if it has none.
    """
    if name in STIMULI:
        return STIMULI[name](responder)
    draw = getattr(phenomenon, "movies", None)
    if draw is None or list(inspect.signature(draw).parameters) != ["responder", "seed"]:
        return None
    found = draw(responder, 0)
    movies = [m for m in (found.values() if isinstance(found, Mapping) else found) if isinstance(m, Movie)]
    rows = [times(m.name, m, np.unique(np.linspace(0, m.n_frames - 1, MOST_PICTURES).astype(int)).tolist(), 0) for m in movies[:3]]
    return Stimuli(tuple(rows), _cut(movies[0], MOST_FRAMES)) if movies else None


def _cut(movie: Movie, n_frames: int) -> Movie:
    return replace(movie, frames=movie.frames[:n_frames])
