"""Movies out of files: the right pixels, in the right order, or one clear line."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from snn.errors import MovieError
from snn.stimuli import read_movies
from snn.stimuli.sources import FRAME_SUFFIXES

RGB = np.random.default_rng(0).integers(0, 256, (12, 24, 32, 3), dtype=np.uint8)


def encoded(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    """Encode one picture as the bytes of a file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write a zip, uncompressed so that a test can damage chosen bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def foldered(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write the same files as a folder."""
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def filmed(path: Path, frames: np.ndarray, codec: str = "ffv1", pix_fmt: str = "bgr0", rate: int = 25) -> Path:
    """Write a video; ffv1 in bgr0 is lossless."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(rate))
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pix_fmt
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def by_hand(rgb: np.ndarray, side: int) -> np.ndarray:
    """Independent preprocessing: ITU-R 601 luma, centre square, mean over whole blocks; no Pillow."""
    luma = np.floor(rgb[..., 0] * 0.299 + rgb[..., 1] * 0.587 + rgb[..., 2] * 0.114 + 0.5)
    rows, cols = luma.shape[1:]
    least = min(rows, cols)
    top, left, block = (rows - least) // 2, (cols - least) // 2, least // side
    square = luma[:, top : top + least, left : left + least]
    return square.reshape(len(rgb), side, block, side, block).mean(axis=(2, 4)) / 255.0


def one_line(path: Path, message: str, **options: object) -> None:
    """Expect a refusal in one line that begins with the path and goes on as given."""
    with pytest.raises(MovieError, match=message) as caught:
        read_movies(path, **{"size": 8, **options})  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith((str(path), "read_movies."))


@pytest.mark.parametrize("write", [zipped, foldered])
def test_frames_become_grey_square_and_small(tmp_path: Path, write: Callable[[Path, Mapping[str, bytes]], Path]) -> None:
    """Oracle: an independent re-implementation; Pillow rounds luma and mean to 8 bits, so within 1.1 of 255."""
    path = write(tmp_path / "clips.zip", {f"one/{i:03d}.png": encoded(frame) for i, frame in enumerate(RGB)})
    (movie,) = read_movies(path, size=8, frame_ms=40.0)
    assert np.abs(movie.frames - by_hand(RGB, 8)).max() <= 1.1 / 255
    assert (movie.name, movie.frame_ms) == ("one", 40.0)
    assert "24x32 px, centre 24x24, grey, area mean to 8x8; every one of 12 source frames shown for 40 ms" in movie.source


def test_a_zip_is_read_exactly_as_pillow_reduces_it(tmp_path: Path) -> None:
    """Oracle: grey, centre square, box filter, written out with Pillow at a size that does not divide the frame."""
    path = zipped(tmp_path / "clips.zip", {f"one/{i:03d}.jpg": encoded(frame, "JPEG") for i, frame in enumerate(RGB)})
    expected = []
    for frame in RGB:
        grey = Image.open(io.BytesIO(encoded(frame, "JPEG"))).convert("L")
        expected.append(np.asarray(grey.crop((4, 0, 28, 24)).resize((7, 7), Image.Resampling.BOX)) / 255)
    assert np.array_equal(read_movies(path, size=7)[0].frames, np.array(expected))


@pytest.mark.parametrize(("size", "crop", "box"), [((6, 4), "centre-square", (8, 0, 24, 24)), ((6, 8), "none", (0, 0, 32, 24))])
def test_crops(tmp_path: Path, size: tuple[int, int], crop: str, box: tuple[int, int, int, int]) -> None:
    """Oracle: the box worked out by hand: 6:4 of 24x32 is 24x16 about the centre; no crop is the whole frame."""
    np.save(tmp_path / "a.npy", RGB[..., 0])
    expected = [Image.fromarray(frame).crop(box).resize((size[1], size[0]), Image.Resampling.BOX) for frame in RGB[..., 0]]
    (movie,) = read_movies(tmp_path / "a.npy", size=size, crop=crop)
    assert np.array_equal(movie.frames, np.array(expected) / 255)


@pytest.mark.parametrize("write", [zipped, foldered])
def test_clips_are_folders_and_frames_are_in_natural_order(tmp_path: Path, write: Callable[[Path, Mapping[str, bytes]], Path]) -> None:
    """Oracle: the level painted into each frame, equal to the number in its name."""
    plain = {n: encoded(np.full((8, 8), n, np.uint8)) for n in (1, 2, 9, 10, 100)}
    files = {f"clip10/f{n}.png": plain[n] for n in (100, 9, 10)} | {f"clip9/f{n}.png": plain[n] for n in (10, 2)}
    files |= {"f10.bmp": plain[10], "f9.png": plain[9], "notes.csv": b"a", "__MACOSX/f1.png": b"", ".hidden/f1.png": b""}
    path = write(tmp_path / ("all.zip" if write is zipped else "all"), files)
    movies = {movie.name: (movie.frames[:, 0, 0] * 255).round().tolist() for movie in read_movies(path, size=8)}
    assert movies == {"all": [9, 10], "clip9": [2, 10], "clip10": [9, 10, 100]}
    assert list(movies) == ["all", "clip9", "clip10"]


def test_clips_of_one_name_in_two_folders_keep_their_paths(tmp_path: Path) -> None:
    """Oracle: the names, by hand."""
    frame = encoded(np.zeros((8, 8), np.uint8))
    path = zipped(tmp_path / "all.zip", {f"{d}/left/{n}.png": frame for d in "ab" for n in (1, 2)})
    assert [movie.name for movie in read_movies(path, size=8)] == ["a/left", "b/left"]


def test_chosen_clips_come_in_the_order_asked(tmp_path: Path) -> None:
    """Oracle: the order asked."""
    np.savez(tmp_path / "a.npz", one=RGB[..., 0], two=RGB[..., 1], other=np.arange(3))
    assert [movie.name for movie in read_movies(tmp_path / "a.npz", size=8, clips=["two", "one"])] == ["two", "one"]
    assert [movie.name for movie in read_movies(tmp_path / "a.npz", size=8, clips="one")] == ["one"]


def test_arrays_of_bytes_and_of_floats_agree(tmp_path: Path) -> None:
    """Oracle: the same values as floats, averaged over blocks in float64; Pillow rounds rows, then columns, to 8 bits."""
    grey = RGB[..., 1]
    np.savez(tmp_path / "a.npz", bytes=grey, floats=grey / 255.0)
    as_bytes, as_floats = read_movies(tmp_path / "a.npz", size=8)
    expected = (grey[:, :, 4:28] / 255.0).reshape(12, 8, 3, 8, 3).mean(axis=(2, 4))
    assert np.abs(as_floats.frames - expected).max() < 1e-6
    assert np.abs(as_bytes.frames - expected).max() <= 1 / 255


def test_a_lossless_video_equals_its_frames(tmp_path: Path) -> None:
    """Oracle: the same frames through a zip of lossless pictures."""
    video = filmed(tmp_path / "clip.mkv", RGB)
    frames = zipped(tmp_path / "clip.zip", {f"{i}.png": encoded(frame) for i, frame in enumerate(RGB)})
    assert np.array_equal(read_movies(video, size=8)[0].frames, read_movies(frames, size=8)[0].frames)
    assert read_movies(video, size=8)[0].name == "clip"


@pytest.mark.parametrize(("rate", "frame_ms", "expected"), [(50, 50.0, [0, 2, 5, 8, 10]), (10, 50.0, [n // 2 for n in range(23)])])
def test_resampling_keeps_real_speed(tmp_path: Path, rate: int, frame_ms: float, expected: list[int]) -> None:
    """Oracle: nearest times worked out by hand; at 50 fps times 50 and 150 ms lie midway and either neighbour will do."""
    levels = np.arange(12, dtype=np.uint8) * 20
    video = filmed(tmp_path / "clip.mkv", np.broadcast_to(levels[:, None, None, None], (12, 16, 16, 3)).copy(), rate=rate)
    (movie,) = read_movies(video, size=16, frame_ms=frame_ms, timing="resample")
    found = np.rint(movie.frames[:, 0, 0] * 255 / 20)
    assert np.abs(found * 1000 / rate - np.arange(len(expected)) * frame_ms).max() <= 500 / rate + 1e-9
    assert len(found) == len(expected)
    assert np.abs(found - expected).max() <= 1
    assert f"12 source frames at {rate} fps resampled to {len(expected)}" in movie.source
    assert len(read_movies(video, size=16, frame_ms=frame_ms)[0].frames) == 12


def test_resampling_needs_times(tmp_path: Path) -> None:
    """Oracle: the sentence."""
    np.save(tmp_path / "a.npy", RGB[..., 0])
    one_line(tmp_path / "a.npy", "the times of the source frames are not known; .*; use timing='keep-frames'$", timing="resample")
    short = filmed(tmp_path / "short.mkv", RGB[:2])
    one_line(short, "shorter than two frames of the movie; got '40 ms'; allowed: >= 50 ms", timing="resample")


CODECS = [("a.mp4", "mpeg4", "yuv420p"), ("a.mkv", "ffv1", "bgr0"), ("a.avi", "mjpeg", "yuvj420p")]


@pytest.mark.parametrize(("name", "codec", "pix_fmt"), CODECS)
def test_a_cut_video_is_refused(tmp_path: Path, name: str, codec: str, pix_fmt: str) -> None:
    """Oracle: a whole video reads; its first 60 % do not."""
    video = filmed(tmp_path / name, np.concatenate([RGB] * 9), codec, pix_fmt)
    assert read_movies(video, size=8)[0].n_frames == 108
    video.write_bytes(video.read_bytes()[: int(video.stat().st_size * 0.6)])
    one_line(video, "cannot be read: it is damaged|there is no picture stream|ends before its last frame|is damaged here")


def test_what_is_not_there(tmp_path: Path) -> None:
    """Oracle: the sentences, with the near miss."""
    np.savez(tmp_path / "movies.npz", track_driving=RGB[..., 0], highway=RGB[..., 0])
    one_line(tmp_path / "movie.npz", "no such file or folder; did you mean 'movies.npz'")
    one_line(tmp_path / "nowhere" / "movie.npz", "no such file or folder; check the path")
    one_line(tmp_path / "movies.npz", "no such clip; got 'track_drivin'; did you mean 'track_driving'", clips=["track_drivin"])
    one_line(tmp_path / "movies.npz", "no clip was asked for", clips=[])


def test_what_is_empty(tmp_path: Path) -> None:
    """Oracle: the sentences."""
    (tmp_path / "empty").mkdir()
    np.savez(tmp_path / "empty.npz")
    one_line(tmp_path / "empty", "there are no frames in it; got '0 other files'; allowed: frames called .png")
    one_line(zipped(tmp_path / "empty.zip", {}), "there are no frames in it; got '0 other files'")
    one_line(zipped(tmp_path / "text.zip", {"a.txt": b"a", "b/c.csv": b""}), "there are no frames in it; got '2 other files'")
    one_line(tmp_path / "empty.npz", "there are no arrays in it")


def test_what_is_of_an_unknown_kind(tmp_path: Path) -> None:
    """Oracle: the sentences."""
    (tmp_path / "a.docx").write_bytes(b"")
    one_line(tmp_path / "a.docx", r"not a kind of file that movies are read from; got '.docx'; allowed: a video \(.mp4")
    for suffix in FRAME_SUFFIXES:
        (tmp_path / f"a{suffix}").write_bytes(b"")
        one_line(tmp_path / f"a{suffix}", f"got '{suffix}'; .*; give the folder that holds the frames")


@pytest.mark.parametrize("name", ["a.zip", "a.npz", "a.npy", "a.mp4", "a.mkv"])
@pytest.mark.parametrize("data", [b"", b"nothing of the kind" * 20])
def test_what_is_not_what_its_name_says(tmp_path: Path, name: str, data: bytes) -> None:
    """Oracle: the sentence."""
    (tmp_path / name).write_bytes(data)
    one_line(tmp_path / name, "cannot be read: it is damaged, cut short or not what its name says; got")


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    """Oracle: the sentence; an object array would run code."""
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "a.npz", one=np.array([{"a": 1}], dtype=object))
    one_line(tmp_path / "a.npy", "cannot be read")
    one_line(tmp_path / "a.npz", "a.npz/one: cannot be read")


def test_damaged_archives_are_refused(tmp_path: Path) -> None:
    """Oracle: the whole file reads; with a byte of a frame flipped, or its end cut off, it does not."""
    path = zipped(tmp_path / "a.zip", {f"one/{i}.bmp": encoded(frame, "BMP") for i, frame in enumerate(RGB)})
    whole = path.read_bytes()
    assert read_movies(path, size=8)[0].n_frames == 12
    path.write_bytes(whole[: len(whole) // 2])
    one_line(path, "cannot be read")
    at = whole.index(b"one/3.bmp") + 500
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    one_line(path, "a.zip/one/3.bmp: cannot be read.*CRC")
    np.savez(tmp_path / "a.npz", one=RGB[..., 0])
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[:3000] + bytes([whole[3000] ^ 1]) + whole[3001:])
    one_line(tmp_path / "a.npz", "a.npz/one: cannot be read.*CRC")


def test_cut_files_are_refused(tmp_path: Path) -> None:
    """Oracle: the sentence."""
    np.save(tmp_path / "a.npy", RGB[..., 0])
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-10])
    one_line(tmp_path / "a.npy", "cannot be read")
    files = {f"{i}.png": encoded(frame) for i, frame in enumerate(RGB)}
    folder = foldered(tmp_path / "frames", files | {"7.png": files["7.png"][:-900]})
    one_line(folder, r"frames/7.png: cannot be read")


def test_frames_that_do_not_make_a_clip(tmp_path: Path) -> None:
    """Oracle: the sentences, which name the frame."""
    small, large = encoded(RGB[0, :16, :16]), encoded(RGB[0])
    two_sizes = zipped(tmp_path / "a.zip", {"one/1.png": large, "one/2.png": large, "one/3.png": small})
    one_line(two_sizes, r"a.zip/one/3.png: clip 'one' has frames of two sizes \(rows, cols\); got \(16, 16\); allowed: \(24, 32\)")
    alone = zipped(tmp_path / "b.zip", {"one/1.png": large})
    one_line(alone, "b.zip clip 'one': too few frames to forecast one from another; got 1; allowed: >= 2$")
    one_line(two_sizes, r"smaller than the size asked for; got \(24, 24\); allowed: >= \(25, 25\); ask for a smaller size", size=25)
    deep = zipped(tmp_path / "c.zip", {f"{i}.png": encoded(RGB[0, ..., 0].astype(np.uint16) * 257) for i in (1, 2)})
    one_line(deep, "c.zip/1.png: not a picture of 8 bits a channel; got 'I;16'")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 8)), r"the array has the wrong shape; got \(4, 8\); allowed: \(n_frames, rows, cols\)"),
        (np.zeros((4, 0, 8)), r"the array has the wrong shape; got \(4, 0, 8\)"),
        (np.zeros((4, 8, 8, 3), np.uint8), r"the array has the wrong shape; got \(4, 8, 8, 3\)"),
        (np.zeros((4, 8, 8), np.int64), "the array has the wrong type; got 'int64'; allowed: unsigned 8-bit integers"),
        (np.where(np.arange(4)[:, None, None] == 2, np.nan, np.zeros((4, 8, 8))), "frame 2: not every pixel is a finite number; got 'NaN"),
        (np.where(np.arange(4)[:, None, None] == 3, -0.5, np.zeros((4, 8, 8))), r"frame 3: a pixel is negative; got \(-0.5, -0.5\)"),
        (
            np.where(np.arange(4)[:, None, None] == 1, 255.0, np.zeros((4, 8, 8))),
            "frame 1: a pixel is above 1; .* 8-bit values by 255",
        ),
        (np.zeros((1, 8, 8)), "too few frames to forecast one from another; got 1; allowed: >= 2"),
    ],
)
def test_arrays_that_are_no_movies(tmp_path: Path, array: np.ndarray, message: str) -> None:
    """Oracle: the sentences, which name the frame; larger frames hide nothing by averaging."""
    np.savez(tmp_path / "a.npz", one=array)
    one_line(tmp_path / "a.npz", message)
    one_line(tmp_path / "a.npz", message, size=4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, r"read_movies.size: not a frame size; got 0; allowed: a whole number of pixels"),
        ({"size": (8, 8, 3)}, r"read_movies.size: not a frame size; got \(8, 8, 3\)"),
        ({"size": (8.5, 8)}, r"read_movies.size: not a frame size"),
        ({"size": True}, r"read_movies.size: not a frame size; got True"),
        ({"crop": "middle"}, "read_movies.crop: unknown choice; got 'middle'; allowed: centre-square, none$"),
        ({"timing": "fast"}, "read_movies.timing: unknown choice; got 'fast'; allowed: keep-frames, resample$"),
        ({"frame_ms": 0.0}, "read_movies.frame_ms: must be a positive time; got 0.0"),
    ],
)
def test_unknown_options(tmp_path: Path, options: dict[str, object], message: str) -> None:
    """Oracle: the sentences."""
    np.save(tmp_path / "a.npy", RGB[..., 0])
    one_line(tmp_path / "a.npy", message, **options)
