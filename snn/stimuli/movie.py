"""A movie: grey frames of one clip, and how long each is shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snn.errors import MovieError, sentence


@dataclass(frozen=True, eq=False)
class Movie:
    """Grey frames of one uncut clip.

    Attributes
    ----------
    frames : ndarray, shape (n_frames, rows, cols)
        Luminance between 0 (black) and 1 (white), float64.
    frame_ms : float
        Time for which each frame is shown.
    name : str
        Name of the clip; results are reported under it.
    source : str
        Where the frames come from and what was done to them (crop, size, frame rate), for the record.

    Raises
    ------
    MovieError
        If the frames are not ``(n_frames, rows, cols)``, not finite, outside [0, 1], or the time is not positive.
    """

    frames: NDArray[np.float64]
    frame_ms: float = 50.0
    name: str = "movie"
    source: str = ""

    def __post_init__(self) -> None:
        frames = np.ascontiguousarray(self.frames, dtype=np.float64)
        where = f"movie {self.name!r}"
        if frames.ndim != 3 or 0 in frames.shape:
            raise MovieError(
                sentence(where, "frames have the wrong shape", got=frames.shape, allowed="(n_frames, rows, cols), none of them 0")
            )
        if not np.isfinite(frames).all():
            bad = int(np.flatnonzero(~np.isfinite(frames).all(axis=(1, 2)))[0])
            raise MovieError(
                sentence(
                    f"{where} frame {bad}",
                    "not every pixel is a finite number",
                    got="NaN or infinity",
                    allowed="numbers in [0, 1]",
                    cure="repair or drop the frame",
                )
            )
        low, high = float(frames.min()), float(frames.max())
        if low < 0 or high > 1:
            bad = int(np.flatnonzero(((frames < 0) | (frames > 1)).any(axis=(1, 2)))[0])
            raise MovieError(
                sentence(
                    f"{where} frame {bad}",
                    "a pixel is out of range",
                    got=(low, high),
                    allowed="[0, 1]",
                    cure="scale the frames, for example divide 8-bit values by 255",
                )
            )
        if not (np.isfinite(self.frame_ms) and self.frame_ms > 0):
            raise MovieError(sentence(f"{where}.frame_ms", "must be a positive time", got=self.frame_ms, allowed="> 0"))
        frames.setflags(write=False)
        object.__setattr__(self, "frames", frames)

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return int(self.frames.shape[0])

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of a frame."""
        return int(self.frames.shape[1]), int(self.frames.shape[2])

    def part(self, start: int, stop: int, name: str | None = None) -> Movie:
        """Return frames ``start`` to ``stop - 1`` as a movie of their own.

        Parameters
        ----------
        start, stop : int
            Frame numbers, ``0 <= start < stop <= n_frames``.
        name : str, optional
            Name of the part; the clip's name when left out.

        Returns
        -------
        Movie

        Raises
        ------
        MovieError
            If the range is empty or reaches outside the clip.
        """
        if not 0 <= start < stop <= self.n_frames:
            raise MovieError(
                sentence(
                    f"movie {self.name!r}", "no such stretch of frames", got=(start, stop), allowed=f"0 <= start < stop <= {self.n_frames}"
                )
            )
        return Movie(self.frames[start:stop], self.frame_ms, self.name if name is None else name, self.source)

    def reversed(self) -> Movie:
        """Return the same frames played backwards (a control: it has the statistics but not the order)."""
        return Movie(self.frames[::-1], self.frame_ms, f"{self.name} backwards", self.source)
