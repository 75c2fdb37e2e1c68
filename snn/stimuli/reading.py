"""Movies out of files: videos, folders and zips of frames, NumPy arrays.

Every frame is made grey, cropped about its centre and reduced as it is read, so that only small frames are held.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from snn.errors import MovieError, nearest, sentence
from snn.stimuli.movie import Movie
from snn.stimuli.sources import Clip, find_clips

if TYPE_CHECKING:
    from PIL import Image

CROPS = ("centre-square", "none")
TIMINGS = ("keep-frames", "resample")


def read_movies(
    path: str | Path,
    *,
    size: int | tuple[int, int],
    clips: str | Sequence[str] | None = None,
    frame_ms: float = 50.0,
    crop: str = "centre-square",
    timing: str = "keep-frames",
) -> tuple[Movie, ...]:
    """Read the clips of a file or folder as grey movies of one size.

    Parameters
    ----------
    path : str or Path
        A video file (``.mp4``, ``.avi``, …); a folder or ``.zip`` of frames (``.png``, ``.jpg``, ``.bmp``, ``.tif``,
        8 bits a channel), in which every sub-folder is one clip and frames beside them are one clip named after the
        folder or zip; ``.npz`` (each array is a clip) or ``.npy`` of shape ``(n_frames, rows, cols)``, unsigned 8-bit
        integers or floats in [0, 1].
    size : int or (int, int)
        Rows and columns of the movies, in pixels; one number means a square.  Frames are never enlarged.
    clips : str or sequence of str, optional
        Names of the clips to read, in the order wanted; all of them when left out.
    frame_ms : float, default 50
        Time for which each frame of the movie is shown.
    crop : {"centre-square", "none"}, default "centre-square"
        Keep the largest centred part of a frame that has the shape of ``size`` (a square for one number), or squeeze
        the whole frame into ``size``.
    timing : {"keep-frames", "resample"}, default "keep-frames"
        Show every source frame for ``frame_ms``, or, for a video, take at every multiple of ``frame_ms`` the source
        frame nearest in time, so that real speed is kept.

    Returns
    -------
    tuple of Movie
        One movie a clip, never joined.  ``Movie.source`` says what was done to the frames.

    Raises
    ------
    MovieError
        If the source is missing, of an unknown kind, damaged or empty; if a clip has one frame only, frames of two
        sizes, or values that are not numbers in [0, 1]; if a clip name or an option is unknown.

    Notes
    -----
    Frames are numbered naturally: ``frame2`` comes before ``frame10``.  Grey is the ITU-R 601 luma of Pillow's mode
    ``L``, and a reduced pixel is the mean of the source pixels whose centres it covers (``Image.BOX``).

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/clip.npy", np.zeros((4, 12, 16), np.uint8))
    ...     (movie,) = read_movies(f"{folder}/clip.npy", size=6)
    >>> movie.name, movie.frames.shape
    ('clip', (4, 6, 6))
    """
    path = Path(path)
    rows, cols = _rows_cols(size)
    for name, value, allowed in (("crop", crop, CROPS), ("timing", timing, TIMINGS)):
        if value not in allowed:
            raise MovieError(sentence(f"read_movies.{name}", "unknown choice", got=value, allowed=", ".join(allowed)))
    if not (np.isfinite(frame_ms) and frame_ms > 0):
        raise MovieError(sentence("read_movies.frame_ms", "must be a positive time", got=frame_ms, allowed="> 0"))
    found = {clip.name: clip for clip in find_clips(path)}
    wanted = list(found) if clips is None else [clips] if isinstance(clips, str) else list(clips)
    if not wanted:
        raise MovieError(sentence(str(path), "no clip was asked for", got=clips, allowed="names of clips, or None for all"))
    for name in wanted:
        if name not in found:
            raise MovieError(sentence(str(path), "no such clip", got=name, cure=nearest(name, found)))
    return tuple(_read_clip(found[name], path, (rows, cols), frame_ms, crop, timing) for name in wanted)


def _rows_cols(size: int | tuple[int, int]) -> tuple[int, int]:
    """Turn the size argument into rows and columns."""
    pair = (size, size) if isinstance(size, (int, np.integer)) else tuple(size)
    if len(pair) != 2 or any(isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1 for n in pair):
        allowed = "a whole number of pixels, or (rows, cols), each >= 1"
        raise MovieError(sentence("read_movies.size", "not a frame size", got=size, allowed=allowed))
    return int(pair[0]), int(pair[1])


def _read_clip(clip: Clip, path: Path, size: tuple[int, int], frame_ms: float, crop: str, timing: str) -> Movie:
    """Decode one clip, reducing each frame as it arrives."""
    small: list[NDArray[Any]] = []
    times: list[float | None] = []
    shape: tuple[int, int] | None = None
    box = (0, 0, 0, 0)
    for where, image, time_s in clip.decode():
        here = (image.height, image.width)
        if shape is None:
            shape, box = here, _crop_box(here, size, crop, where)
        elif here != shape:
            problem, allowed = f"clip {clip.name!r} has frames of two sizes (rows, cols)", f"{shape}, as its first frame"
            raise MovieError(sentence(where, problem, got=here, allowed=allowed, cure="put them into clips of their own"))
        small.append(_reduce(image, box, size))
        times.append(time_s)
    if shape is None or len(small) < 2:
        problem = "too few frames to forecast one from another"
        raise MovieError(sentence(f"{path} clip {clip.name!r}", problem, got=len(small), allowed=">= 2"))
    how = f"every one of {len(small)} source frames shown for {frame_ms:g} ms (keep-frames)"
    if timing == "resample":
        keep, fps = _resample(times, frame_ms, f"{path} clip {clip.name!r}")
        small = [small[i] for i in keep]
        how = f"{len(times)} source frames at {fps:.4g} fps resampled to {len(keep)}, nearest to every {frame_ms:g} ms (resample)"
    frames = np.stack(small)
    frames = frames / 255.0 if frames.dtype == np.uint8 else np.clip(frames.astype(np.float64), 0.0, 1.0)
    left, top, right, bottom = box
    done = f"{shape[0]}x{shape[1]} px, centre {bottom - top}x{right - left}, grey, area mean to {size[0]}x{size[1]}"
    return Movie(frames, frame_ms, clip.name, f"{path.name}/{clip.name}: {done}; {how}")


def _crop_box(shape: tuple[int, int], size: tuple[int, int], crop: str, where: str) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the largest centred part of a frame with the shape of ``size``."""
    height, width = shape
    rows, cols = size
    high, wide = height, width
    if crop != "none":
        high, wide = min(height, width * rows // cols), min(width, height * cols // rows)
    if high < rows or wide < cols:
        problem, cure = "the cropped frame is smaller than the size asked for", "ask for a smaller size"
        raise MovieError(sentence(where, problem, got=(high, wide), allowed=f">= {size}", cure=cure))
    return (width - wide) // 2, (height - high) // 2, (width + wide) // 2, (height + high) // 2


def _reduce(image: Image.Image, box: tuple[int, int, int, int], size: tuple[int, int]) -> NDArray[Any]:
    """Grey, cropped and averaged: uint8 for 8-bit images, float32 for float ones."""
    from PIL import Image

    grey = image if image.mode == "F" else image.convert("L")
    cropped = grey.crop(box)
    return np.array(cropped if cropped.size == (size[1], size[0]) else cropped.resize((size[1], size[0]), Image.Resampling.BOX))


def _resample(times: list[float | None], frame_ms: float, where: str) -> tuple[list[int], float]:
    """Find the frames nearest to multiples of frame_ms, and the mean frame rate of the source."""
    known = np.array([t for t in times if t is not None])
    if len(known) < len(times) or not (np.diff(known) > 0).all():
        problem, cure = "the times of the source frames are not known", "use timing='keep-frames'"
        raise MovieError(sentence(where, problem, got="resample", allowed="a video that states them", cure=cure))
    known = known - known[0]
    step_s = frame_ms / 1000.0
    targets = np.arange(int(known[-1] / step_s + 1e-6) + 1) * step_s
    if len(targets) < 2:
        problem, length_ms = "the video is shorter than two frames of the movie", float(known[-1] * 1000)
        raise MovieError(sentence(where, problem, got=f"{length_ms:g} ms", allowed=f">= {frame_ms:g} ms"))
    after = np.clip(np.searchsorted(known, targets), 1, len(known) - 1)
    keep = np.where(targets - known[after - 1] <= known[after] - targets, after - 1, after)
    return [int(i) for i in keep], float((len(known) - 1) / known[-1])
