"""Movies out of files: videos, folders and zips of frames, NumPy arrays.

Every frame is made grey, cropped about its centre and reduced as it is read, so that only small frames are held.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn.errors import MovieError, nearest, sentence
from snn.stimuli.movie import Movie

if TYPE_CHECKING:
    from PIL import Image

FRAME_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ogv", ".wmv", ".gif")
CROPS = ("centre-square", "none")
TIMINGS = ("keep-frames", "resample")
_SOURCES = "a video (" + " ".join(VIDEO_SUFFIXES) + "), a folder or .zip of frames, .npz, .npy"
_EIGHT_BIT_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")
_DAMAGE = (OSError, ValueError, SyntaxError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)


class _Decoded(NamedTuple):
    """One source frame: what it is called, its image, and when it was shown (seconds; None when unknown)."""

    where: str
    image: Image.Image
    time_s: float | None


class _Clip(NamedTuple):
    """A clip that has been found but not read: its name, a function that decodes it, and whether time is known."""

    name: str
    decode: Callable[[], Iterator[_Decoded]]


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
    found = {clip.name: clip for clip in _find_clips(path)}
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
        raise MovieError(sentence("read_movies.size", "not a frame size", got=size, allowed="a whole number of pixels, or (rows, cols), each >= 1"))
    return int(pair[0]), int(pair[1])


def _read_clip(clip: _Clip, path: Path, size: tuple[int, int], frame_ms: float, crop: str, timing: str) -> Movie:
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
            problem = f"clip {clip.name!r} has frames of two sizes (rows, cols)"
            raise MovieError(sentence(where, problem, got=here, allowed=f"{shape}, as its first frame", cure="put them into clips of their own"))
        small.append(_reduce(image, box, size))
        times.append(time_s)
    if shape is None or len(small) < 2:
        raise MovieError(sentence(f"{path} clip {clip.name!r}", "too few frames to forecast one from another", got=len(small), allowed=">= 2"))
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
        cure = "ask for a smaller size"
        raise MovieError(sentence(where, "the cropped frame is smaller than the size asked for", got=(high, wide), allowed=f">= {size}", cure=cure))
    return (width - wide) // 2, (height - high) // 2, (width + wide) // 2, (height + high) // 2


def _reduce(image: Image.Image, box: tuple[int, int, int, int], size: tuple[int, int]) -> NDArray[Any]:
    """Grey, cropped and averaged: uint8 for 8-bit images, float32 for float ones."""
    from PIL import Image

    grey = image if image.mode == "F" else image.convert("L")
    cropped = grey.crop(box)
    return np.array(cropped if cropped.size == (size[1], size[0]) else cropped.resize((size[1], size[0]), Image.Resampling.BOX))


def _resample(times: list[float | None], frame_ms: float, where: str) -> tuple[list[int], float]:
    """Indices of the frames nearest to multiples of frame_ms, and the mean frame rate of the source."""
    known = np.array([t for t in times if t is not None])
    if len(known) < len(times) or not (np.diff(known) > 0).all():
        cure = "use timing='keep-frames'"
        raise MovieError(sentence(where, "the times of the source frames are not known", got="resample", allowed="a video that states them", cure=cure))
    known = known - known[0]
    step_s = frame_ms / 1000.0
    targets = np.arange(int(known[-1] / step_s + 1e-6) + 1) * step_s
    if len(targets) < 2:
        raise MovieError(sentence(where, "the video is shorter than two frames of the movie (ms)", got=float(known[-1] * 1000), allowed=f">= {frame_ms:g}"))
    after = np.clip(np.searchsorted(known, targets), 1, len(known) - 1)
    keep = np.where(targets - known[after - 1] <= known[after] - targets, after - 1, after)
    return [int(i) for i in keep], float((len(known) - 1) / known[-1])


def _find_clips(path: Path) -> list[_Clip]:
    """List the clips of a source without decoding them."""
    if path.is_dir():
        return _folder_clips(path)
    if not path.exists():
        cure = nearest(path.name, (p.name for p in path.parent.iterdir())) if path.parent.is_dir() else "check the path"
        raise MovieError(sentence(str(path), "no such file or folder", cure=cure))
    suffix = path.suffix.lower()
    if suffix == ".zip":
        return _zip_clips(path)
    if suffix in (".npz", ".npy"):
        return _array_clips(path)
    if suffix in VIDEO_SUFFIXES:
        return [_Clip(path.stem, lambda: _decode_video(path))]
    cure = "give the folder that holds the frames" if suffix in FRAME_SUFFIXES else ""
    raise MovieError(sentence(str(path), "not a kind of file that movies are read from", got=path.suffix, allowed=_SOURCES, cure=cure))


def _group(names: list[str], path: Path, root: str) -> dict[str, list[str]]:
    """Group frame files by their folder: clip name → names in natural order."""
    folders: dict[str, list[str]] = {}
    for name in names:
        parts = PurePosixPath(name).parts
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
        if not hidden and PurePosixPath(name).suffix.lower() in FRAME_SUFFIXES:
            folders.setdefault("/".join(parts[:-1]), []).append(name)
    if not folders:
        raise MovieError(sentence(str(path), "there are no frames in it", got=f"{len(names)} other files", allowed=" ".join(FRAME_SUFFIXES)))
    short = {folder: folder.rsplit("/", 1)[-1] or root for folder in folders}
    unique = len(set(short.values())) == len(short)
    named = {(short[folder] if unique else folder or root): files for folder, files in folders.items()}
    return {name: sorted(named[name], key=_natural) for name in sorted(named, key=_natural)}


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key that reads runs of digits as numbers."""
    return [(0, int(part), part) if part.isdigit() else (1, 0, part) for part in re.split(r"([0-9]+)", name) if part]


def _folder_clips(path: Path) -> list[_Clip]:
    """Clips of a folder: each sub-folder one, frames directly in it one."""
    names = [file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()]

    def decode(files: list[str]) -> Iterator[_Decoded]:
        for name in files:
            yield _open_image(str(path / name), (path / name).read_bytes)

    return [_Clip(name, lambda files=files: decode(files)) for name, files in _group(names, path, path.resolve().name).items()]  # type: ignore[misc]


def _zip_clips(path: Path) -> list[_Clip]:
    """Clips of a zip: each folder one, frames directly in it one; nothing is extracted to disk."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
    except _DAMAGE as error:
        raise _unreadable(str(path), error) from error

    def decode(files: list[str]) -> Iterator[_Decoded]:
        with zipfile.ZipFile(path) as archive:
            for name in files:
                yield _open_image(f"{path}/{name}", lambda name=name: archive.read(name))  # type: ignore[misc]

    return [_Clip(name, lambda files=files: decode(files)) for name, files in _group(names, path, path.stem).items()]  # type: ignore[misc]


def _open_image(where: str, read: Callable[[], bytes]) -> _Decoded:
    """Decode one frame file."""
    import io

    from PIL import Image

    try:
        image = Image.open(io.BytesIO(read()))
        pages, mode = getattr(image, "n_frames", 1), image.mode
        if pages == 1 and mode in _EIGHT_BIT_MODES:
            image.load()
    except (*_DAMAGE, Image.DecompressionBombError) as error:
        raise _unreadable(where, error) from error
    if pages != 1:
        raise MovieError(sentence(where, "one frame file holds several pictures", got=pages, allowed="1", cure="save each picture as a file of its own"))
    if mode not in _EIGHT_BIT_MODES:
        cure = "save it with 8 bits, or the clip as .npz of floats in [0, 1]"
        raise MovieError(sentence(where, "not a picture of 8 bits a channel", got=mode, allowed=", ".join(_EIGHT_BIT_MODES), cure=cure))
    return _Decoded(where, image, None)


def _array_clips(path: Path) -> list[_Clip]:
    """Clips of an .npz (each array one) or .npy."""
    try:
        if path.suffix.lower() == ".npy":
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            return [_Clip(path.stem, lambda: _decode_array(array, str(path)))]
        with np.load(path, allow_pickle=False) as arrays:
            names = list(arrays.files)
    except (*_DAMAGE, AttributeError, TypeError) as error:
        raise _unreadable(str(path), error) from error
    if not names:
        raise MovieError(sentence(str(path), "there are no arrays in it", allowed="arrays of (n_frames, rows, cols)"))

    def decode(name: str) -> Iterator[_Decoded]:
        try:
            with np.load(path, allow_pickle=False) as arrays:
                array = arrays[name]
        except _DAMAGE as error:
            raise _unreadable(f"{path}/{name}", error) from error
        yield from _decode_array(array, f"{path}/{name}")

    return [_Clip(name, lambda name=name: decode(name)) for name in names]  # type: ignore[misc]


def _decode_array(array: NDArray[Any], where: str) -> Iterator[_Decoded]:
    """Check the frames of an array and hand them on one by one."""
    from PIL import Image

    if array.ndim != 3 or 0 in array.shape:
        allowed, cure = "(n_frames, rows, cols), none of them 0", "name the arrays that are movies with clips="
        raise MovieError(sentence(where, "the array has the wrong shape", got=array.shape, allowed=allowed, cure=cure))
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        allowed = "unsigned 8-bit integers in 0-255, or floats in [0, 1]"
        raise MovieError(sentence(where, "the array has the wrong type", got=str(array.dtype), allowed=allowed, cure="convert it with .astype(np.uint8)"))
    for number, raw in enumerate(array):
        frame = np.asarray(raw)
        if frame.dtype == np.uint8:
            yield _Decoded(f"{where} frame {number}", Image.fromarray(np.ascontiguousarray(frame)), None)
            continue
        if not np.isfinite(frame).all():
            raise MovieError(sentence(f"{where} frame {number}", "not every pixel is a finite number", got="NaN or infinity", allowed="[0, 1]"))
        low, high = float(frame.min()), float(frame.max())
        if low < 0 or high > 1:
            problem = "a pixel is negative" if low < 0 else "a pixel is above 1"
            cure = "scale the frames, for example divide 8-bit values by 255"
            raise MovieError(sentence(f"{where} frame {number}", problem, got=(low, high), allowed="[0, 1]", cure=cure))
        yield _Decoded(f"{where} frame {number}", Image.fromarray(np.ascontiguousarray(frame, dtype=np.float32)), None)


def _decode_video(path: Path) -> Iterator[_Decoded]:
    """Decode the first video stream; a stream that ends long before its declared end is refused as cut."""
    try:
        import av
    except ImportError as error:
        raise MovieError(sentence(str(path), "videos are read with PyAV, which is not installed", cure="pip install av, or give a folder of frames")) from error
    count = 0
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise MovieError(sentence(str(path), "there is no picture stream in it", allowed="a video"))
            stream = container.streams.video[0]
            declared, rate = int(stream.frames), stream.average_rate
            for frame in container.decode(stream):
                if frame.is_corrupt:
                    raise MovieError(sentence(f"{path} frame {count}", "the video is damaged here", cure="copy the file again, or cut it before this frame"))
                time_s = frame.time if frame.time is not None else count / float(rate) if rate else None
                yield _Decoded(f"{path} frame {count}", frame.to_image(), None if time_s is None else float(time_s))
                count += 1
    except (av.error.FFmpegError, EOFError) as error:
        raise _unreadable(f"{path} frame {count}", error) from error
    if declared - count > 2 + declared // 50:
        raise MovieError(sentence(str(path), "the video ends before its last frame", got=count, allowed=f"{declared} frames", cure="copy the file again"))


def _unreadable(where: str, error: BaseException) -> MovieError:
    """Say in one line that a file is damaged or cannot be read, and why."""
    why = " ".join(str(error).split()) or type(error).__name__
    return MovieError(sentence(where, "cannot be read; it is damaged, cut short or not what its name says", got=why, cure="copy or make it again"))
