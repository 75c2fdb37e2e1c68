"""Natural photographs under constant drift: movies with real statistics and known motion, without any download."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snn.errors import MovieError, sentence
from snn.seeding import stream
from snn.stimuli.movie import Movie

HELD_OUT = ("astronaut.png", "coffee.png")
LEARNING = (
    "brick.png",
    "camera.png",
    "chelsea.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "moon.png",
    "motorcycle_left.png",
    "rocket.jpg",
)


def photographs(held_out: bool) -> dict[str, NDArray[np.float64]]:
    """Load the photographs that the installed scikit-image carries, grey and halved in size.

    Parameters
    ----------
    held_out : bool
        True for the two photographs kept for testing (astronaut, coffee), False for all the others.  No photograph
        is in both sets.

    Returns
    -------
    dict of str to ndarray, shape (rows, cols)
        Name of the photograph → luminance in [0, 1], each pixel the mean of 2 by 2 source pixels.

    Raises
    ------
    MovieError
        If scikit-image is not installed or a photograph is missing from it.  Nothing is ever downloaded.

    Notes
    -----
    Only files inside the scikit-image package are used.  ``motorcycle_right`` (the same scene as the left one),
    text, drawings, microscopy and images that the library fetches on demand are left out.  Sources and licences of the
    photographs are in the docstrings of ``skimage.data``; the library is van der Walt et al. 2014,
    doi:10.7717/peerj.453.

    Examples
    --------
    >>> sorted(photographs(held_out=True))
    ['astronaut', 'coffee']
    """
    from PIL import Image

    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        problem = "scikit-image, which carries the photographs, is not installed"
        raise MovieError(sentence("stimuli.photographs", problem, cure="pip install scikit-image"))
    folder = Path(spec.origin).parent / "data"
    images: dict[str, NDArray[np.float64]] = {}
    for file in HELD_OUT if held_out else LEARNING:
        try:
            with Image.open(folder / file) as image:
                images[Path(file).stem] = np.asarray(image.convert("L").reduce(2), dtype=np.float64) / 255.0
        except OSError as error:
            where, cure = f"stimuli.photographs.{Path(file).stem}", "install scikit-image 0.22 or later again"
            raise MovieError(sentence(where, "cannot be read from scikit-image", got=str(error), cure=cure)) from error
    return images


def drifting_movies(
    images: Mapping[str, NDArray[np.float64]],
    n_movies: int,
    n_frames: int,
    size: int | tuple[int, int],
    *,
    speed_px: tuple[float, float] = (1.0, 1.0),
    direction_deg: tuple[float, float] = (-180.0, 180.0),
    seed: int,
    frame_ms: float = 50.0,
) -> tuple[Movie, ...]:
    """Move a window over images at constant velocity, one movie a window.

    Pixel (i, j) of frame t is the image at ``(y0 + i + v sin(a) t, x0 + j + v cos(a) t)``, bilinear, where the image
    (uniform among ``images``), the angle a (uniform; of any direction unless ``direction_deg`` says less), the speed v
    (uniform in ``speed_px``) and the start (uniform among those from which the window never leaves the image) are drawn
    anew for every movie.

    Parameters
    ----------
    images : mapping of str to ndarray, shape (rows, cols)
        Luminance in [0, 1], as from `photographs`.
    n_movies, n_frames : int
        How many movies, and frames in each (at least 2).
    size : int or (int, int)
        Rows and columns of the window.
    speed_px : (float, float), default (1, 1)
        Slowest and fastest speed, in pixels a frame.
    direction_deg : (float, float), default (-180, 180)
        Range of the directions in which the scene moves through the window, counterclockwise: 0 is rightward, 90 upward,
        180 leftward.
    seed : int
        Seed of the draws, 0 or more; equal arguments give equal movies.
    frame_ms : float, default 50
        Time for which each frame is shown.

    Returns
    -------
    tuple of Movie
        Named ``<image>_drift_000``, ``<image>_drift_001``, … in the order drawn; the velocity is in ``Movie.source``.

    Raises
    ------
    MovieError
        If a number is out of range, or an image is too small for the window and its longest drift.
    ValueError
        If the seed is negative.

    Examples
    --------
    >>> ramp = np.linspace(0, 1, 40) * np.ones((40, 1))
    >>> movies = drifting_movies({"ramp": ramp}, 3, 10, 16, seed=0)
    >>> [movie.name for movie in movies]
    ['ramp_drift_000', 'ramp_drift_001', 'ramp_drift_002']
    """
    rows, cols = (size, size) if isinstance(size, int) else size
    for name, number, least in (("n_movies", n_movies, 1), ("n_frames", n_frames, 2), ("size rows", rows, 1), ("size cols", cols, 1)):
        if number < least:
            raise MovieError(sentence(f"drifting_movies.{name}", "too small", got=number, allowed=f">= {least}"))
    slow, fast = speed_px
    if not 0 <= slow <= fast < np.inf:
        raise MovieError(sentence("drifting_movies.speed_px", "not a range of speeds", got=speed_px, allowed="0 <= slowest <= fastest"))
    low, high = direction_deg
    if not (low <= high <= low + 360.0 and np.isfinite(low)):
        allowed = "lowest <= highest, a full turn apart at most"
        raise MovieError(sentence("drifting_movies.direction_deg", "not a range of directions", got=direction_deg, allowed=allowed))
    if not images:
        raise MovieError(sentence("drifting_movies.images", "no image was given", allowed="at least one"))
    reach = fast * (n_frames - 1)
    for name, image in images.items():
        if image.ndim != 2 or image.shape[0] < rows + reach or image.shape[1] < cols + reach:
            allowed = f">= ({rows + reach:g}, {cols + reach:g}): window and drift of {reach:g} px"
            where, cure = f"drifting_movies.images[{name!r}]", "use fewer frames, a smaller window or a larger image"
            raise MovieError(sentence(where, "too small to drift over", got=image.shape, allowed=allowed, cure=cure))
    random = stream(seed, "stimuli", "drift")
    # The window moves against the scene, and rows count downwards.
    window = np.pi - np.deg2rad(high), np.pi - np.deg2rad(low)
    names = list(images)
    movies = []
    for number in range(n_movies):
        name = names[int(random.integers(len(names)))]
        image = np.asarray(images[name], dtype=np.float64)
        angle, speed = random.uniform(*window), random.uniform(slow, fast)
        times = np.arange(n_frames)
        tracks = []
        for room, step in ((image.shape[0] - rows, speed * np.sin(angle)), (image.shape[1] - cols, speed * np.cos(angle))):
            end = step * (n_frames - 1)
            tracks.append(random.uniform(max(0.0, -end), room - max(0.0, end)) + step * times)
        frames = np.stack([_window(image, top, left, rows, cols) for top, left in zip(*tracks, strict=True)])
        down, right = (track[1] - track[0] for track in tracks)
        what = f"{name} drifting by ({down:.3f}, {right:.3f}) px a frame (rows, cols), bilinear"
        movies.append(Movie(frames, frame_ms, f"{name}_drift_{number:03d}", f"{what}; seed {seed}"))
    return tuple(movies)


def _window(image: NDArray[np.float64], top: float, left: float, rows: int, cols: int) -> NDArray[np.float64]:
    """Bilinear sample of the window whose upper left pixel lies at (top, left)."""
    low_r, high_r, part_r = _between(top, rows, image.shape[0])
    low_c, high_c, part_c = _between(left, cols, image.shape[1])
    across = image[:, low_c] * (1.0 - part_c) + image[:, high_c] * part_c
    sampled: NDArray[np.float64] = across[low_r] * (1.0 - part_r)[:, None] + across[high_r] * part_r[:, None]
    return np.clip(sampled, 0.0, 1.0)


def _between(start: float, count: int, length: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Whole neighbours below and above each coordinate, and how far it lies between them."""
    at = np.clip(start + np.arange(count), 0.0, length - 1.0)
    low = np.floor(at).astype(np.int64)
    return low, np.minimum(low + 1, length - 1), at - low
