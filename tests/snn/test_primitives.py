"""Drawn movies against their closed forms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn.errors import MovieError
from snn.stimuli import Movie, constant_grey, drifting_bar, drifting_grating, flashed_patch


@given(st.floats(1, 6), st.floats(-12, 12), st.floats(-3, 3), st.sampled_from([0.0, 90.0, 180.0, 270.0]))
def test_a_bar_covers_each_pixel_by_its_share(width: float, start: float, speed: float, direction: float) -> None:
    """Oracle: length of the overlap of two intervals, the bar and the pixel."""
    frames = drifting_bar(
        (7, 7), 4, width_px=width, start_px=start, speed_px=speed, direction_deg=direction, luminance=0.9, background=0.1
    ).frames
    for t in range(4):
        axis = (start + speed * t) * (1 if direction in {0.0, 90.0} else -1)
        pixels = np.arange(7) - 3.0
        low, high = np.maximum(pixels - 0.5, axis - width / 2), np.minimum(pixels + 0.5, axis + width / 2)
        profile = 0.1 + 0.8 * np.clip(high - low, 0, 1)
        expected = np.tile(profile, (7, 1)) if direction in {0.0, 180.0} else np.tile(profile[:, None], (1, 7))
        assert np.abs(frames[t] - expected).max() < 1e-9


@pytest.mark.parametrize("direction", [0.0, 30.0, 90.0, 225.0])
def test_a_bar_enters_from_the_edge_it_comes_from(direction: float) -> None:
    """Oracle: the direction of motion, as the movement of the centre of the bar; rows grow downwards."""
    frames = drifting_bar((21, 21), 12, direction_deg=direction, background=0.0, speed_px=0.5, start_px=-4.0).frames
    y, x = np.mgrid[:21, :21] - 10.0
    inside = y**2 + x**2 <= 100
    along = np.sin(np.deg2rad(direction)) * y + np.cos(np.deg2rad(direction)) * x
    centres = [float((frame * along * inside).sum() / (frame * inside).sum()) for frame in frames]
    assert np.abs(np.array(centres) - (-4.0 + 0.5 * np.arange(12))).max() < 0.25
    left = drifting_bar((5, 9), 1, width_px=1.0).frames[0]
    assert (left[:, 0] == 1.0).all()
    assert (left[:, 1:] == 0.5).all()


@given(st.integers(2, 9), st.integers(-9, 9), st.floats(0, 360), st.floats(0, 1))
def test_a_grating_repeats_after_a_period(period: int, speed: int, phase: float, contrast: float) -> None:
    """Oracle: periodicity in time and in space, and the mean over whole periods."""
    frames = drifting_grating(
        (3, 4 * period), period + 1, period_px=period, speed_px=speed, phase_deg=phase, contrast=contrast, mean=0.4
    ).frames
    assert np.abs(frames[0] - frames[period]).max() < 1e-9
    assert np.abs(frames[:, :, :-period] - frames[:, :, period:]).max() < 1e-9
    assert np.abs(frames.mean(axis=2) - 0.4).max() < 1e-9
    assert np.abs(frames[1] - np.roll(frames[0], speed, axis=1)).max() < 1e-9, "moves to the right at positive speed"


def test_a_grating_has_its_contrast_and_its_phase() -> None:
    """Oracle: the closed form at single pixels of an odd frame: sin 90 degrees is 1 at the centre, -1 half a period on."""
    frame = drifting_grating((9, 9), 1, period_px=8, phase_deg=90, contrast=0.5, direction_deg=90).frames[0]
    assert frame[4] == pytest.approx(0.75)
    assert frame[8] == pytest.approx(0.25)
    assert frame[0] == pytest.approx(0.25)


@given(st.data())
def test_a_patch_is_there_only_when_and_where_it_should(data: st.DataObject) -> None:
    """Oracle: number of bright pixels in every frame, and the pixel asked for."""
    side = data.draw(st.integers(1, 5))
    off = data.draw(st.integers(1, 6))
    on = data.draw(st.integers(0, off - 1))
    row, col = data.draw(st.tuples(st.integers(-2, 2), st.integers(-2, 2)))
    frames = flashed_patch((11, 13), 6, on_frame=on, off_frame=off, side_px=side, centre_px=(row, col)).frames
    bright = frames == 1.0
    assert bright.sum(axis=(1, 2)).tolist() == [side**2 if on <= t < off else 0 for t in range(6)]
    assert (frames[~bright] == 0.5).all()
    assert bright[on, 5 + row, 6 + col]


def test_grey_is_grey() -> None:
    """Oracle: the constant."""
    movie = constant_grey((2, 3), 4, luminance=0.25, frame_ms=10.0)
    assert movie.frames.shape == (4, 2, 3)
    assert (movie.frames == 0.25).all()
    assert movie.frame_ms == 10.0


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: drifting_bar(0, 4), "drifting_bar.size: too small; got 0; allowed: >= 1$"),
        (lambda: drifting_bar(8, 0), "drifting_bar.n_frames: too small; got 0"),
        (lambda: drifting_bar(8, 4, width_px=0.5), "drifting_bar.width_px: too narrow to draw; got 0.5; allowed: >= 1$"),
        (lambda: drifting_bar(8, 4, luminance=1.5), r"movie 'drifting_bar' frame 0: a pixel is out of range"),
        (lambda: drifting_grating(8, 4, period_px=1.0), "drifting_grating.period_px: shorter than two pixels"),
        (lambda: drifting_grating(8, 4, contrast=1.5), r"drifting_grating.contrast: out of range; got 1.5; allowed: \[0, 1\]$"),
        (lambda: drifting_grating(8, 4, mean=0.8), r"movie 'drifting_grating' frame 0: a pixel is out of range"),
        (lambda: flashed_patch(8, 4, on_frame=2, off_frame=2), r"flashed_patch.on_frame: the patch is never shown; got \(2, 2\)"),
        (lambda: flashed_patch(8, 4, on_frame=2, off_frame=5), r"the patch is never shown; got \(2, 5\); allowed: 0 <= on_frame"),
        (lambda: flashed_patch(4, 4, on_frame=0, off_frame=1), r"flashed_patch.side_px: the patch does not lie inside the frame"),
        (lambda: flashed_patch(8, 4, on_frame=0, off_frame=1, centre_px=(2, 0)), r"the patch does not lie inside the frame"),
        (lambda: constant_grey((8, 0), 4), "constant_grey.size: too small; got 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw: Callable[[], Movie], message: str) -> None:
    """Oracle: the sentences."""
    with pytest.raises(MovieError, match=message):
        draw()
