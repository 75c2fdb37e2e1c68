"""Drawn movies with closed forms: a drifting bar, a drifting grating, a flashed patch, plain grey.

Positions are in pixels from the centre of the frame, rows downwards.  A direction of 0 degrees moves to the right
(columns grow), 90 degrees moves down (rows grow), as in `snn.stimuli.drift`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from snn.errors import MovieError, sentence
from snn.stimuli.movie import Movie

Size = int | tuple[int, int]


def drifting_bar(
    size: Size,
    n_frames: int,
    *,
    width_px: float = 3.0,
    speed_px: float = 1.0,
    direction_deg: float = 0.0,
    start_px: float | None = None,
    luminance: float = 1.0,
    background: float = 0.5,
    frame_ms: float = 50.0,
) -> Movie:
    """Draw an endless bar moving across its own length.

    With d the distance of a pixel from the bar's axis, ``start_px + speed_px t`` along the direction of motion, the
    bar covers ``clip(width_px / 2 + 1/2 - |d|, 0, 1)`` of the pixel: exact for upright and level bars at least 1 px wide.

    Parameters
    ----------
    size : int or (int, int)
        Rows and columns of a frame.
    n_frames : int
        Number of frames.
    width_px : float, default 3
        Width of the bar, at least 1.
    speed_px : float, default 1
        Pixels moved from frame to frame.
    direction_deg : float, default 0
        Direction of motion.
    start_px : float, optional
        Position of the axis in frame 0, from the centre of the frame; when left out, the edge it enters from.
    luminance, background : float
        Luminance of the bar and of the rest, in [0, 1].
    frame_ms : float, default 50
        Time for which each frame is shown.

    Returns
    -------
    Movie

    Raises
    ------
    MovieError
        If a number is out of range.

    Examples
    --------
    >>> drifting_bar((1, 5), 2, width_px=1, start_px=-2).frames[:, 0]
    array([[1. , 0.5, 0.5, 0.5, 0.5],
           [0.5, 1. , 0.5, 0.5, 0.5]])
    """
    rows, cols = _size(size, n_frames, "drifting_bar")
    if not width_px >= 1:
        raise MovieError(sentence("drifting_bar.width_px", "too narrow to draw", got=width_px, allowed=">= 1"))
    along = _along(rows, cols, direction_deg)
    start = float(along.min()) if start_px is None else start_px
    axis = start + speed_px * np.arange(n_frames)
    cover = np.clip(width_px / 2 + 0.5 - np.abs(along - axis[:, None, None]), 0.0, 1.0)
    what = f"bar {width_px:g} px wide, {speed_px:g} px a frame towards {direction_deg:g} deg"
    return Movie(background + (luminance - background) * cover, frame_ms, "drifting_bar", what)


def drifting_grating(
    size: Size,
    n_frames: int,
    *,
    period_px: float = 8.0,
    speed_px: float = 1.0,
    direction_deg: float = 0.0,
    contrast: float = 1.0,
    phase_deg: float = 0.0,
    mean: float = 0.5,
    frame_ms: float = 50.0,
) -> Movie:
    """Draw a sinusoidal grating drifting across its stripes.

    Luminance is ``mean (1 + contrast sin(2 pi (u - speed_px t) / period_px + phase))``, u the position of the pixel
    along the direction of motion.

    Parameters
    ----------
    size : int or (int, int)
        Rows and columns of a frame.
    n_frames : int
        Number of frames.
    period_px : float, default 8
        Length of one cycle, at least 2.
    speed_px : float, default 1
        Pixels moved from frame to frame.
    direction_deg : float, default 0
        Direction of motion.
    contrast : float, default 1
        Michelson contrast, in [0, 1].
    phase_deg : float, default 0
        Phase at the centre of frame 0.
    mean : float, default 0.5
        Mean luminance; ``mean (1 + contrast)`` must not exceed 1.
    frame_ms : float, default 50
        Time for which each frame is shown.

    Returns
    -------
    Movie

    Raises
    ------
    MovieError
        If a number is out of range.

    Examples
    --------
    >>> drifting_grating((1, 4), 1, period_px=4, phase_deg=90).frames.shape
    (1, 1, 4)
    """
    rows, cols = _size(size, n_frames, "drifting_grating")
    if not period_px >= 2:
        raise MovieError(sentence("drifting_grating.period_px", "shorter than two pixels cannot be drawn", got=period_px, allowed=">= 2"))
    if not 0 <= contrast <= 1:
        raise MovieError(sentence("drifting_grating.contrast", "out of range", got=contrast, allowed="[0, 1]"))
    moved = _along(rows, cols, direction_deg) - speed_px * np.arange(n_frames)[:, None, None]
    wave = np.sin(2 * np.pi * moved / period_px + np.deg2rad(phase_deg))
    what = f"grating of period {period_px:g} px, contrast {contrast:g}, {speed_px:g} px a frame towards {direction_deg:g} deg"
    return Movie(mean * (1 + contrast * wave), frame_ms, "drifting_grating", what)


def flashed_patch(
    size: Size,
    n_frames: int,
    *,
    on_frame: int,
    off_frame: int,
    side_px: int = 5,
    centre_px: tuple[int, int] = (0, 0),
    luminance: float = 1.0,
    background: float = 0.5,
    frame_ms: float = 50.0,
) -> Movie:
    """Draw a square patch that is there from one frame up to another.

    Parameters
    ----------
    size : int or (int, int)
        Rows and columns of a frame.
    n_frames : int
        Number of frames.
    on_frame, off_frame : int
        First frame with the patch and first frame without it again, ``0 <= on_frame < off_frame <= n_frames``.
    side_px : int, default 5
        Side of the patch.
    centre_px : (int, int), default (0, 0)
        Rows and columns from pixel ``(rows // 2, cols // 2)`` to pixel ``side_px // 2`` of the patch.
    luminance, background : float
        Luminance of the patch and of the rest, in [0, 1].
    frame_ms : float, default 50
        Time for which each frame is shown.

    Returns
    -------
    Movie

    Raises
    ------
    MovieError
        If the patch is not wholly inside the frame, or the times are out of order.

    Examples
    --------
    >>> flashed_patch(3, 3, on_frame=1, off_frame=2, side_px=1).frames[:, 1, 1]
    array([0.5, 1. , 0.5])
    """
    rows, cols = _size(size, n_frames, "flashed_patch")
    if not 0 <= on_frame < off_frame <= n_frames:
        allowed = f"0 <= on_frame < off_frame <= {n_frames}"
        raise MovieError(sentence("flashed_patch.on_frame", "the patch is never shown", got=(on_frame, off_frame), allowed=allowed))
    top, left = rows // 2 + centre_px[0] - side_px // 2, cols // 2 + centre_px[1] - side_px // 2
    if side_px < 1 or top < 0 or left < 0 or top + side_px > rows or left + side_px > cols:
        problem = "the patch does not lie inside the frame"
        raise MovieError(sentence("flashed_patch.side_px", problem, got=(side_px, centre_px), allowed=f"inside {(rows, cols)}"))
    frames = np.full((n_frames, rows, cols), float(background))
    frames[on_frame:off_frame, top : top + side_px, left : left + side_px] = luminance
    return Movie(frames, frame_ms, "flashed_patch", f"patch of {side_px} px on in frames {on_frame} to {off_frame - 1}")


def constant_grey(size: Size, n_frames: int, *, luminance: float = 0.5, frame_ms: float = 50.0) -> Movie:
    """Draw frames in which nothing is to be seen.

    Parameters
    ----------
    size : int or (int, int)
        Rows and columns of a frame.
    n_frames : int
        Number of frames.
    luminance : float, default 0.5
        Luminance of every pixel, in [0, 1].
    frame_ms : float, default 50
        Time for which each frame is shown.

    Returns
    -------
    Movie

    Raises
    ------
    MovieError
        If a number is out of range.

    Examples
    --------
    >>> constant_grey(2, 3).frames.shape
    (3, 2, 2)
    """
    rows, cols = _size(size, n_frames, "constant_grey")
    return Movie(np.full((n_frames, rows, cols), float(luminance)), frame_ms, "constant_grey", f"luminance {luminance:g} throughout")


def _size(size: Size, n_frames: int, where: str) -> tuple[int, int]:
    """Check size and frame count; return rows and columns."""
    rows, cols = (size, size) if isinstance(size, int) else size
    for name, number in (("size", min(rows, cols)), ("n_frames", n_frames)):
        if number < 1:
            raise MovieError(sentence(f"{where}.{name}", "too small", got=number, allowed=">= 1"))
    return rows, cols


def _along(rows: int, cols: int, direction_deg: float) -> NDArray[np.float64]:
    """Position of every pixel along a direction, from the centre of the frame."""
    down, right = np.arange(rows) - (rows - 1) / 2, np.arange(cols) - (cols - 1) / 2
    angle = np.deg2rad(direction_deg)
    position: NDArray[np.float64] = np.sin(angle) * down[:, None] + np.cos(angle) * right
    return position
