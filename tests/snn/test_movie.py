"""The movie: what it accepts, what it refuses and in which words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from snn.errors import MovieError
from snn.stimuli import Movie

FRAMES = arrays(np.float64, array_shapes(min_dims=3, max_dims=3, max_side=6), elements=st.floats(0, 1))


@given(FRAMES)
def test_frames_are_kept_exactly_and_read_only(frames: np.ndarray) -> None:
    """Oracle: the array put in."""
    movie = Movie(frames)
    assert np.array_equal(movie.frames, frames)
    assert (movie.n_frames, *movie.size) == frames.shape
    with pytest.raises(ValueError, match="read-only"):
        movie.frames[0, 0, 0] = 0.0


def test_a_later_change_of_the_source_array_is_refused_or_invisible() -> None:
    """Oracle: the values at construction; a movie that shares memory must have locked it."""
    frames = np.zeros((3, 2, 2), np.float32)
    movie = Movie(frames)
    frames[1] = 1.0
    assert movie.frames.max() == 0.0


@given(FRAMES)
def test_reversing_twice_gives_the_movie_back(frames: np.ndarray) -> None:
    """Oracle: an involution."""
    movie = Movie(frames, name="clip")
    assert np.array_equal(movie.reversed().frames, frames[::-1])
    assert np.array_equal(movie.reversed().reversed().frames, frames)
    assert movie.reversed().name == "clip backwards"


@given(st.integers(1, 9), st.data())
def test_a_part_is_a_slice(n_frames: int, data: st.DataObject) -> None:
    """Oracle: NumPy slicing."""
    start = data.draw(st.integers(0, n_frames - 1))
    stop = data.draw(st.integers(start + 1, n_frames))
    movie = Movie(np.arange(n_frames)[:, None, None] / 10.0, frame_ms=20.0, name="clip", source="here")
    part = movie.part(start, stop)
    assert np.array_equal(part.frames, movie.frames[start:stop])
    assert (part.frame_ms, part.name, part.source) == (20.0, "clip", "here")
    assert movie.part(start, stop, "other").name == "other"


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (2, 2), (3, 2), (0, 5)])
def test_a_part_outside_the_clip_is_refused(start: int, stop: int) -> None:
    """Oracle: the sentence."""
    with pytest.raises(MovieError, match=r"movie 'clip': no such stretch of frames; got \(.*; allowed: 0 <= start < stop <= 4$"):
        Movie(np.zeros((4, 2, 2)), name="clip").part(start, stop)


def with_pixel(value: float) -> np.ndarray:
    """Make three grey frames with one pixel of the last replaced."""
    frames = np.full((3, 2, 2), 0.5)
    frames[2, 1, 0] = value
    return frames


@pytest.mark.parametrize(
    ("frames", "frame_ms", "message"),
    [
        (np.zeros((2, 3)), 50.0, r"movie 'clip': frames have the wrong shape; got \(2, 3\); allowed: \(n_frames, rows, cols\)"),
        (np.zeros((0, 3, 3)), 50.0, r"frames have the wrong shape; got \(0, 3, 3\)"),
        (with_pixel(np.nan), 50.0, r"movie 'clip' frame 2: not every pixel is a finite number; got 'NaN or infinity'"),
        (with_pixel(np.inf), 50.0, r"movie 'clip' frame 2: not every pixel is a finite number"),
        (
            with_pixel(-0.01),
            50.0,
            r"movie 'clip' frame 2: a pixel is out of range; got \(-0.01, 0.5\); allowed: \[0, 1\]; scale",
        ),
        (with_pixel(1.01), 50.0, r"movie 'clip' frame 2: a pixel is out of range; got \(0.5, 1.01\)"),
        (with_pixel(1.0), 0.0, r"movie 'clip'.frame_ms: must be a positive time; got 0.0; allowed: > 0"),
        (with_pixel(0.0), float("nan"), r"movie 'clip'.frame_ms: must be a positive time; got nan"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_line(frames: np.ndarray, frame_ms: float, message: str) -> None:
    """Oracle: the sentence, which names the frame."""
    with pytest.raises(MovieError, match=message) as caught:
        Movie(frames, frame_ms, "clip")
    assert "\n" not in str(caught.value)
