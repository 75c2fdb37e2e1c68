"""Clips inside videos, folders, zips and arrays: found first, then decoded frame by frame.

Nothing is extracted to disk, and of a video, folder or zip only one full-size frame is held at a time.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn.errors import MovieError, nearest, sentence

if TYPE_CHECKING:
    from PIL import Image

FRAME_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ogv", ".wmv", ".gif")
_SOURCES = "a video (" + " ".join(VIDEO_SUFFIXES) + "), a folder or .zip of frames, .npz, .npy"
_EIGHT_BIT_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")
_DAMAGE = (OSError, ValueError, SyntaxError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)


class Decoded(NamedTuple):
    """One source frame.

    Attributes
    ----------
    where : str
        File and frame, for messages.
    image : PIL.Image.Image
        The frame in full size: 8 bits a channel, or mode ``F`` (float32) with values in [0, 1].
    time_s : float or None
        When it is shown; None when the source does not say.
    """

    where: str
    image: Image.Image
    time_s: float | None


class Clip(NamedTuple):
    """A clip that has been found but not read.

    Attributes
    ----------
    name : str
        Name of the clip.
    decode : callable
        Gives its frames, one after the other; raises `MovieError` at a frame that is damaged.
    """

    name: str
    decode: Callable[[], Iterator[Decoded]]


def find_clips(path: Path) -> list[Clip]:
    """List the clips of a source without decoding them.

    Parameters
    ----------
    path : Path
        A video, a folder or ``.zip`` of frames, ``.npz`` or ``.npy``.

    Returns
    -------
    list of Clip
        In natural order of their names; in the order stored for ``.npz``.

    Raises
    ------
    MovieError
        If the source is missing, of an unknown kind, cannot be opened or holds no clip.
    """
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
        return [Clip(path.stem, partial(_decode_video, path))]
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
        got, allowed = f"{len(names)} other files", "frames called " + " ".join(FRAME_SUFFIXES)
        raise MovieError(sentence(str(path), "there are no frames in it", got=got, allowed=allowed))
    short = {folder: folder.rsplit("/", 1)[-1] or root for folder in folders}
    unique = len(set(short.values())) == len(short)
    named = {(short[folder] if unique else folder or root): files for folder, files in folders.items()}
    return {name: sorted(named[name], key=_natural) for name in sorted(named, key=_natural)}


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key that reads runs of digits as numbers."""
    return [(0, int(part), part) if part.isdigit() else (1, 0, part) for part in re.split(r"([0-9]+)", name) if part]


def _folder_clips(path: Path) -> list[Clip]:
    """Clips of a folder: each sub-folder one, frames directly in it one."""
    names = [file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()]

    def decode(files: list[str]) -> Iterator[Decoded]:
        for name in files:
            yield _open_image(str(path / name), (path / name).read_bytes)

    return [Clip(name, partial(decode, files)) for name, files in _group(names, path, path.resolve().name).items()]


def _zip_clips(path: Path) -> list[Clip]:
    """Clips of a zip: each folder one, frames directly in it one; nothing is extracted to disk."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
    except _DAMAGE as error:
        raise _unreadable(str(path), error) from error

    def decode(files: list[str]) -> Iterator[Decoded]:
        with zipfile.ZipFile(path) as archive:
            for name in files:
                yield _open_image(f"{path}/{name}", partial(archive.read, name))

    return [Clip(name, partial(decode, files)) for name, files in _group(names, path, path.stem).items()]


def _open_image(where: str, read: Callable[[], bytes]) -> Decoded:
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
        cure = "save each picture as a file of its own"
        raise MovieError(sentence(where, "one frame file holds several pictures", got=pages, allowed="1", cure=cure))
    if mode not in _EIGHT_BIT_MODES:
        cure = "save it with 8 bits, or the clip as .npz of floats in [0, 1]"
        raise MovieError(sentence(where, "not a picture of 8 bits a channel", got=mode, allowed=", ".join(_EIGHT_BIT_MODES), cure=cure))
    return Decoded(where, image, None)


def _array_clips(path: Path) -> list[Clip]:
    """Clips of an .npz (each array one) or .npy."""
    try:
        if path.suffix.lower() == ".npy":
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            if not isinstance(array, np.ndarray):
                raise ValueError("several arrays in one .npy")
            return [Clip(path.stem, partial(_decode_array, array, str(path)))]
        with np.load(path, allow_pickle=False) as arrays:
            names = list(arrays.files)
    except (*_DAMAGE, AttributeError, TypeError) as error:
        raise _unreadable(str(path), error) from error
    if not names:
        raise MovieError(sentence(str(path), "there are no arrays in it", allowed="arrays of (n_frames, rows, cols)"))

    def decode(name: str) -> Iterator[Decoded]:
        try:
            with np.load(path, allow_pickle=False) as arrays:
                array = arrays[name]
        except _DAMAGE as error:
            raise _unreadable(f"{path}/{name}", error) from error
        yield from _decode_array(array, f"{path}/{name}")

    return [Clip(name, partial(decode, name)) for name in names]


def _decode_array(array: NDArray[Any], where: str) -> Iterator[Decoded]:
    """Check the frames of an array and hand them on one by one."""
    from PIL import Image

    if array.ndim != 3 or 0 in array.shape:
        allowed, cure = "(n_frames, rows, cols), none of them 0", "name the arrays that are movies with clips="
        raise MovieError(sentence(where, "the array has the wrong shape", got=array.shape, allowed=allowed, cure=cure))
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        allowed, cure = "unsigned 8-bit integers in 0-255, or floats in [0, 1]", "convert it with .astype(np.uint8)"
        raise MovieError(sentence(where, "the array has the wrong type", got=str(array.dtype), allowed=allowed, cure=cure))
    for number, raw in enumerate(array):
        frame = np.asarray(raw)
        if frame.dtype == np.uint8:
            yield Decoded(f"{where} frame {number}", Image.fromarray(np.ascontiguousarray(frame)), None)
            continue
        if not np.isfinite(frame).all():
            problem = "not every pixel is a finite number"
            raise MovieError(sentence(f"{where} frame {number}", problem, got="NaN or infinity", allowed="[0, 1]"))
        low, high = float(frame.min()), float(frame.max())
        if low < 0 or high > 1:
            problem = "a pixel is negative" if low < 0 else "a pixel is above 1"
            cure = "scale the frames, for example divide 8-bit values by 255"
            raise MovieError(sentence(f"{where} frame {number}", problem, got=(low, high), allowed="[0, 1]", cure=cure))
        yield Decoded(f"{where} frame {number}", Image.fromarray(np.ascontiguousarray(frame, dtype=np.float32)), None)


def _decode_video(path: Path) -> Iterator[Decoded]:
    """Decode the first video stream; a stream that ends long before its declared end is refused as cut."""
    try:
        import av
    except ImportError as error:
        problem, cure = "videos are read with PyAV, which is not installed", "pip install av, or give a folder of frames"
        raise MovieError(sentence(str(path), problem, cure=cure)) from error
    count, time_s = 0, None
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise MovieError(sentence(str(path), "there is no picture stream in it", allowed="a video"))
            stream = container.streams.video[0]
            n_declared, rate = int(stream.frames), stream.average_rate
            # Some containers declare a length in microseconds only; it is that of the video if there is no sound.
            whole_s = container.duration / 1e6 if container.duration and len(container.streams) == 1 else 0.0
            start_s = (container.start_time or 0) / 1e6
            for frame in container.decode(stream):
                if frame.is_corrupt:
                    cure = "copy the file again, or cut it before this frame"
                    raise MovieError(sentence(f"{path} frame {count}", "the video is damaged here", cure=cure))
                time_s = float(frame.time) if frame.time is not None else count / float(rate) if rate else None
                yield Decoded(f"{path} frame {count}", frame.to_image(), time_s)
                count += 1
    except (av.error.FFmpegError, EOFError) as error:
        raise _unreadable(f"{path} frame {count}", error) from error
    end_s = whole_s if time_s is None else time_s - start_s
    if n_declared - count > 2 + n_declared // 50 or (n_declared == 0 and whole_s - end_s > max(1.0, whole_s / 20)):
        got, allowed = f"{count} frames, {end_s:.2f} s", f"{n_declared} frames" if n_declared else f"about {whole_s:.2f} s"
        raise MovieError(sentence(str(path), "the video ends before its last frame", got=got, allowed=allowed, cure="copy the file again"))


def _unreadable(where: str, error: BaseException) -> MovieError:
    """Say in one line that a file is damaged or cannot be read, and why."""
    why = " ".join(str(error).split()) or type(error).__name__
    problem = "cannot be read: it is damaged, cut short or not what its name says"
    return MovieError(sentence(where, problem, got=why, cure="copy or make it again"))
