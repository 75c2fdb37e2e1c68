"""Where movies come from: a file, a folder, or the photographs that come with scikit-image."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from snn._model import Described, Positive
from snn.errors import MovieError, sentence
from snn.stimuli.drift import drifting_movies, photographs
from snn.stimuli.movie import Movie
from snn.stimuli.reading import read_movies
from snn.stimuli.splitting import MIN_HELD_OUT, MIN_LEARNING

Seen = Mapping[str, Sequence[str]]
PHOTOGRAPHS = "photographs"


class Source(Described):
    """Movies to learn from, and what is kept from learning.

    Parameters
    ----------
    frames : str
        A video file, a folder or zip of frames, an ``.npz`` or ``.npy``; or ``photographs``: still photographs under
        constant drift, of which astronaut and coffee are never learned from.
    clips : tuple of str
        Names of clips; empty means all.
    size : int
        Side of the frames in pixels.
    hold_out : int
        Frames at the end of every clip that are kept from learning (photographs are held out whole).
    validate_frames : int
        Frames before those that are kept from learning too, to choose constants on.
    n_movies, n_frames : int
        For photographs: number and length of the drifts.
    speed_min_px, speed_max_px : float
        For photographs: range of the drift in pixels a frame.
    direction_min_deg, direction_max_deg : float
        For photographs: range of the directions in which the scene moves; 0 is rightward, 90 upward, 180 leftward.
    frame_ms : float
        Time for which a frame is shown.
    timing : {'keep-frames', 'resample'}
        For a video: show every frame for that time, or take the frames that keep the real speed.
    crop : {'centre-square', 'none'}
        What is cut off before the frames are made smaller.
    """

    later_fields: ClassVar[frozenset[str]] = frozenset({"direction_min_deg", "direction_max_deg"})

    frames: str
    clips: tuple[str, ...] = ()
    size: Annotated[int, Field(ge=1)] = 32
    hold_out: Annotated[int, Field(ge=0)] = 0
    validate_frames: Annotated[int, Field(ge=0)] = 0
    n_movies: Annotated[int, Field(ge=1)] = 1200
    n_frames: Annotated[int, Field(ge=5)] = 10
    speed_min_px: Positive = 1.0
    speed_max_px: Positive = 1.0
    direction_min_deg: float = -180.0
    direction_max_deg: float = 180.0
    frame_ms: Positive = 50.0
    timing: Literal["keep-frames", "resample"] = "keep-frames"
    crop: Literal["centre-square", "none"] = "centre-square"

    @property
    def speed_px(self) -> tuple[float, float]:
        """Range of the drift."""
        return self.speed_min_px, self.speed_max_px

    @property
    def direction_deg(self) -> tuple[float, float]:
        """Range of directions."""
        return self.direction_min_deg, self.direction_max_deg

    def learning(self, seed: int) -> tuple[Movie, ...]:
        """Movies to learn from.

        Parameters
        ----------
        seed : int
            For photographs: seed of the drifts.

        Returns
        -------
        tuple of Movie

        Raises
        ------
        MovieError
            If the source cannot be read or a clip is too short to learn from.
        """
        if self.frames == PHOTOGRAPHS:
            return self._drifts(False, seed)
        return tuple(m.part(0, self._end(m)) for m in self.read())

    def validation(self) -> tuple[Movie, ...]:
        """Frames between those learned from and those held out.

        Returns
        -------
        tuple of Movie
            Empty when none are kept.
        """
        if self.frames == PHOTOGRAPHS or not self.validate_frames:
            return ()
        return tuple(m.part(self._end(m), m.n_frames - self.hold_out) for m in self.read())

    def held_out(self, clips: Seen, seed: int = 999) -> tuple[Movie, ...]:
        """Movies, or ends of movies, that a run has not learned from.

        Frames are known again by their pixels, whatever the clip is called and however it was cut: everything up to the
        last frame that was learned from or validated on is left out.

        Parameters
        ----------
        clips : mapping of str to sequence of str
            Its frames, as `seen` gives them.
        seed : int
            For photographs: seed of the drifts.

        Returns
        -------
        tuple of Movie

        Raises
        ------
        MovieError
            If the run learned from a clip and too little of it was held out.
        """
        if self.frames == PHOTOGRAPHS:
            return self._drifts(True, seed)
        found = []
        for m in self.read():
            start = _used(m, clips)
            if not start:
                found.append(m)
                continue
            if m.n_frames - start < MIN_HELD_OUT:
                raise MovieError(
                    sentence(
                        f"clip {m.name!r}",
                        "was learned from, and too little of it is held out to be scored",
                        got=max(0, m.n_frames - start),
                        allowed=f"--hold-out of {MIN_HELD_OUT} or more in `learn`",
                        cure="leave out --only held-out to score all frames",
                    )
                )
            found.append(m.part(start, m.n_frames))
        return tuple(found)

    def _drifts(self, held_out: bool, seed: int) -> tuple[Movie, ...]:
        return drifting_movies(
            photographs(held_out),
            self.n_movies,
            self.n_frames,
            self.size,
            speed_px=self.speed_px,
            direction_deg=self.direction_deg,
            seed=seed,
            frame_ms=self.frame_ms,
        )

    def read(self) -> tuple[Movie, ...]:
        """Read all frames of the source's clips.

        Returns
        -------
        tuple of Movie
        """
        clips = self.clips or None
        return read_movies(self.frames, size=self.size, clips=clips, frame_ms=self.frame_ms, crop=self.crop, timing=self.timing)

    def _end(self, movie: Movie) -> int:
        end = movie.n_frames - self.hold_out - self.validate_frames
        if end < MIN_LEARNING:
            raise MovieError(
                sentence(
                    f"clip {movie.name!r}",
                    f"has {movie.n_frames} frames, too few to hold out {self.hold_out} and validate on {self.validate_frames}",
                    allowed=f"at least {MIN_LEARNING} frames left to learn from",
                    cure="lower --hold-out or --validate, or choose longer clips",
                )
            )
        return end


def seen(movies: Sequence[Movie]) -> dict[str, list[str]]:
    """Note which frames a run learns from or validates on.

    Parameters
    ----------
    movies : sequence of Movie
        Learning and validation clips.

    Returns
    -------
    dict of str to list of str
        Per clip, a digest of every frame.
    """
    found: dict[str, list[str]] = {}
    for m in movies:
        found.setdefault(m.name, []).extend(_digests(m))
    return found


def merged(one: Seen, other: Seen) -> dict[str, list[str]]:
    """Put together what two runs have seen, the second of which began where the first ended.

    Parameters
    ----------
    one, other : mapping of str to sequence of str
        As `seen` gives them.

    Returns
    -------
    dict of str to list of str
        Every frame once; those of ``other`` first, so that a clip which it saw from its beginning is known again.
    """
    found = {name: list(frames) for name, frames in other.items()}
    for name, frames in one.items():
        known = set(found.get(name, ()))
        found.setdefault(name, []).extend(digest for digest in frames if digest not in known)
    return found


def _digests(movie: Movie) -> list[str]:
    return [hashlib.sha256(frame.tobytes()).hexdigest()[:16] for frame in movie.frames]


def _used(movie: Movie, clips: Seen) -> int:
    """First frame of a clip after all that were learned from."""
    frames = _digests(movie)
    whole = list(clips.get(movie.name, ()))
    if whole and frames[: len(whole)] == whole:
        return len(whole)
    known = {digest for clip in clips.values() for digest in clip}
    return max((i + 1 for i, digest in enumerate(frames) if digest in known), default=0)


def clip_of(movie: Movie) -> str:
    """Name under which a movie's result is reported: drifts of one photograph go together.

    Parameters
    ----------
    movie : Movie

    Returns
    -------
    str
    """
    return re.sub(r"_drift_\d+(?=$| backwards$)", "", movie.name)
