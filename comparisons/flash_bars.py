"""A bar that moves, and one beside its path that is flashed in line with it: stimuli of the flash-lag effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from comparisons.cuts import GREY
from comparisons.responder import FloatArray
from comparisons.tuning import unit_px
from snn.stimuli.movie import Movie

BEFORE, LEAD, AFTER = 2, 5, 3
"""Frames of grey; frames of motion before the flash; frames after it."""
FLASH = BEFORE + LEAD
"""Frame of the flash."""
N_FRAMES = FLASH + 1 + AFTER
Course = Literal["continue", "stop", "reverse", "still", "flashed"]


@dataclass(frozen=True)
class Scene:
    """Where the bars are.

    Attributes
    ----------
    frame_size : (int, int)
    downward : bool
        Whether the bar moves along the rows; along the columns if not.
    forward : bool
        Whether its position grows.
    white : bool
    start : int
        Which of the start positions.
    speed_px : int
        Pixels from frame to frame.
    at_px : int
        Position of its first pixel in the frame of the flash.
    """

    frame_size: tuple[int, int]
    downward: bool
    forward: bool
    white: bool
    start: int
    speed_px: int
    at_px: int

    @property
    def sign(self) -> int:
        """Give 1 if its position grows, else -1."""
        return 1 if self.forward else -1

    @property
    def width_px(self) -> int:
        """Width of the bars along the motion."""
        return unit_px(min(self.frame_size))

    def rows_px(self, flashed: bool) -> slice:
        """Say where a bar lies across the motion.

        Parameters
        ----------
        flashed : bool
            The flashed one, or the one that moves.

        Returns
        -------
        slice
            A quarter of the frame; the two are an eighth apart, and 3 px or more from the border.
        """
        across = self.frame_size[1] if self.downward else self.frame_size[0]
        first = (9 if flashed else 3) * across // 16
        return slice(first, first + across // 4)

    def along_last(self, pictures: FloatArray) -> FloatArray:
        """Turn pictures so that the motion is along the second of their axes.

        Parameters
        ----------
        pictures : ndarray, shape (rows, cols, ...)

        Returns
        -------
        ndarray, shape (across, along, ...)
        """
        return np.swapaxes(pictures, 0, 1) if self.downward else pictures

    def position_px(self, course: Course, frame: int) -> int | None:
        """Say where the moving bar is.

        Parameters
        ----------
        course : {'continue', 'stop', 'reverse', 'still', 'flashed'}
            What becomes of it at the flash; it may also stand still from the beginning, or be flashed too.
        frame : int

        Returns
        -------
        int or None
            Its first pixel along the motion; None where it is not to be seen.
        """
        since = frame - FLASH
        if frame < BEFORE or (course == "flashed" and since):
            return None
        if course in ("still", "flashed") or (course == "stop" and since > 0):
            return self.at_px
        turned = -1 if course == "reverse" and since > 0 else 1
        return self.at_px + turned * self.sign * self.speed_px * since

    def movie(self, course: Course, flash: bool, frame_ms: float, n_frames: int = N_FRAMES) -> Movie:
        """Draw it.

        Parameters
        ----------
        course : {'continue', 'stop', 'reverse', 'still', 'flashed'}
        flash : bool
            Whether the other bar is flashed.
        frame_ms : float
        n_frames : int

        Returns
        -------
        Movie
        """
        frames = np.full((n_frames, *self.frame_size), GREY)
        for t, frame in enumerate(frames):
            seen, light = self.along_last(frame), 1.0 if self.white else 0.0
            at = self.position_px(course, t)
            if at is not None:
                seen[self.rows_px(False), at : at + self.width_px] = light
            if flash and t == FLASH:
                seen[self.rows_px(True), self.at_px : self.at_px + self.width_px] = light
        looks = f"{'white' if self.white else 'black'} bar {'down' if self.downward else 'across'}, {self.sign * self.speed_px:+d} px"
        return Movie(frames, frame_ms, f"{looks}, {self.at_px} px at the flash, {course}, {'flash' if flash else 'no flash'}", "on grey")


def scenes(frame_size: tuple[int, int], n_starts: int, speed_px: int = 1) -> list[Scene]:
    """List scenes: across and down, there and back, white and black, from several starts.

    Parameters
    ----------
    frame_size : (int, int)
    n_starts : int
        Positions next to each other in the middle of those from which the bar stays an eighth of the frame from both borders.
    speed_px : int

    Returns
    -------
    list of Scene
        In both directions of an axis the starts are mirror images.
    """
    found, unit = [], unit_px(min(frame_size))
    for downward in (False, True):
        n = frame_size[0] if downward else frame_size[1]
        low, high = n // 8 + LEAD * speed_px, n - n // 8 - unit - AFTER * speed_px
        first = low + max(0, (high - low + 1 - n_starts) // 2)
        for forward in (True, False):
            for white in (True, False):
                for start in range(min(n_starts, high - low + 1)):
                    at = first + start if forward else n - unit - first - start
                    found.append(Scene(frame_size, downward, forward, white, start, speed_px, at))
    return found


def middle_px(profile: FloatArray) -> float:
    """Find where a profile is.

    Parameters
    ----------
    profile : ndarray, shape (n,)
        What stands out, positive.

    Returns
    -------
    float
        Its centre of mass above the median and a quarter of its height; NaN where nothing stands out by a tenth of a bar.
    """
    above = profile - np.median(profile)
    height = float(above.max())
    if height < 0.1 * GREY:
        return float("nan")
    weights = np.maximum(above - height / 4, 0.0)
    return float(weights @ np.arange(len(weights)) / weights.sum())


def forecast_px(scene: Scene, forecast: FloatArray, flashed: bool) -> float:
    """Find a bar in a forecast.

    Parameters
    ----------
    scene : Scene
    forecast : ndarray, shape (rows, cols)
    flashed : bool
        The flashed bar, or the one that moves.

    Returns
    -------
    float
        Its middle along the motion, in pixels; NaN where it is not to be seen.
    """
    rows = scene.along_last(forecast)[scene.rows_px(flashed)]
    return middle_px((1 if scene.white else -1) * (rows.mean(0) - GREY))


def mean_of_seen(values: FloatArray) -> float:
    """Average what was seen.

    Parameters
    ----------
    values : ndarray, shape (n,)
        NaN where nothing was seen.

    Returns
    -------
    float
        NaN where less than half of them were.
    """
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size and 2 * known.size >= values.size else float("nan")
