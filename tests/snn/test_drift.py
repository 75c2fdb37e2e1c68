"""Photographs under drift: what ships, who is held out, and that the motion is what it claims to be."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from snn.errors import MovieError
from snn.stimuli import drifting_movies, photographs
from snn.stimuli.drift import _window

NOISE = np.random.default_rng(0).random((40, 50))


def velocity(source: str) -> tuple[float, float]:
    """Read the velocity that a movie states."""
    found = re.search(r"drifting by \((\S+), (\S+)\) px", source)
    assert found is not None
    return float(found[1]), float(found[2])


def test_no_photograph_is_both_learned_and_held_out() -> None:
    """Oracle: the two names of the protocol; pixels are compared too, so that no file appears under two names."""
    learning, held_out = photographs(held_out=False), photographs(held_out=True)
    assert sorted(held_out) == ["astronaut", "coffee"]
    assert len(learning) >= 7
    assert not set(learning) & set(held_out)
    every = [image[:100, :100].tobytes() for image in (*learning.values(), *held_out.values())]
    assert len(set(every)) == len(every)


@pytest.mark.parametrize("held_out", [False, True])
def test_photographs_are_grey_and_halved(held_out: bool) -> None:
    """Oracle: scikit-image's own reader, luma and 2 by 2 mean by NumPy; Pillow rounds twice to 8 bits."""
    from skimage import data

    for name, image in photographs(held_out).items():
        assert image.ndim == 2
        assert image.min() >= 0
        assert image.max() <= 1
        assert image.std() > 0.02, name
        if name in {"camera", "moon", "chelsea", "coffee", "astronaut"}:
            whole = getattr(data, name)().astype(float)
            luma = whole if whole.ndim == 2 else whole @ [0.299, 0.587, 0.114]
            rows, cols = luma.shape[0] // 2 * 2, luma.shape[1] // 2 * 2
            mean = luma[:rows, :cols].reshape(rows // 2, 2, cols // 2, 2).mean(axis=(1, 3))
            assert np.abs(image[: rows // 2, : cols // 2] * 255 - mean).max() <= 1.01, name


@pytest.mark.parametrize(("direction_deg", "down", "right"), [(0, 0, 1), (90, -1, 0), (180, 0, -1), (-90, 1, 0)])
def test_the_scene_moves_in_the_direction_asked_for(direction_deg: float, down: int, right: int) -> None:
    """Oracle: each frame is the one before, shifted by whole pixels."""
    for movie in drifting_movies({"noise": NOISE}, 5, 4, (9, 11), direction_deg=(direction_deg, direction_deg), seed=3):
        for before, after in zip(movie.frames[:-1], movie.frames[1:], strict=True):
            moved = np.roll(before, (down, right), axis=(0, 1))
            assert np.abs(moved - after)[1:-1, 1:-1].max() < 1e-9


def test_all_directions_are_the_default() -> None:
    """Oracle: the velocities that movies state fill all quadrants, and a half turn only half of them."""
    down, right = np.transpose([velocity(m.source) for m in drifting_movies({"noise": NOISE}, 60, 4, 9, seed=0)])
    assert {(d > 0, r > 0) for d, r in zip(down, right, strict=True)} == {(a, b) for a in (True, False) for b in (True, False)}
    upward = drifting_movies({"noise": NOISE}, 60, 4, 9, direction_deg=(0, 180), seed=0)
    assert all(velocity(m.source)[0] > 0 for m in upward), "the window moves down where the scene moves up"


@given(st.floats(0, 24), st.floats(0, 34), st.integers(1, 16), st.integers(1, 16))
def test_the_window_is_bilinear(top: float, left: float, rows: int, cols: int) -> None:
    """Oracle: scipy's map_coordinates of order 1."""
    y, x = np.mgrid[:rows, :cols].astype(float)
    expected = map_coordinates(NOISE, [y + top, x + left], order=1, mode="nearest")
    assert np.abs(_window(NOISE, top, left, rows, cols) - expected).max() < 1e-12


def test_frames_lie_where_the_stated_velocity_puts_them() -> None:
    """Oracle: on the images `row` and `col`, luminance is position, so the mean of a frame tells where it is."""
    rows, cols = np.mgrid[:60, :80] / 100.0
    for axis, image in ((0, rows), (1, cols)):
        for movie in drifting_movies({"ramp": image}, 20, 6, (9, 12), speed_px=(0.5, 2.0), seed=3):
            steps = np.diff(movie.frames.mean(axis=(1, 2))) * 100
            assert np.abs(steps - velocity(movie.source)[axis]).max() < 1e-3


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(2, 12), st.floats(0, 1.5), st.floats(0, 0.5))
def test_windows_never_leave_the_image(seed: int, n_frames: int, slow: float, more: float) -> None:
    """Oracle: on a ramp in both directions a window clipped at an edge would repeat pixels, so steps within it shrink."""
    rows, cols = np.mgrid[:34, :34]
    image = (rows + 34 * cols) / (34 * 34)
    for movie in drifting_movies({"ramp": image}, 3, n_frames, 8, speed_px=(slow, slow + more), seed=seed):
        assert np.abs(np.diff(movie.frames, axis=1) * 34 * 34 - 1).max() < 1e-8
        assert np.abs(np.diff(movie.frames, axis=2) * 34 - 1).max() < 1e-8


def test_directions_and_speeds_are_spread() -> None:
    """Oracle: uniform angle and speed: mean velocity 0, mean speed 1, within 5 standard errors at this seed."""
    movies = drifting_movies({"noise": NOISE}, 2000, 2, 4, speed_px=(0.5, 1.5), seed=1)
    moves = np.array([velocity(movie.source) for movie in movies])
    speeds = np.hypot(*moves.T)
    assert np.abs(moves.mean(axis=0)).max() < 5 * moves.std() / np.sqrt(2000)
    assert abs(speeds.mean() - 1) < 5 * (1 / np.sqrt(12)) / np.sqrt(2000)
    assert speeds.min() >= 0.499
    assert speeds.max() <= 1.501


def test_the_seed_decides_everything() -> None:
    """Oracle: equal bytes for equal seeds, other bytes for another."""
    images = {"one": NOISE, "two": 1 - NOISE}
    first, again, other = (drifting_movies(images, 5, 4, 6, seed=seed, frame_ms=20.0) for seed in (7, 7, 8))
    assert [m.frames.tobytes() for m in first] == [m.frames.tobytes() for m in again]
    assert [m.frames.tobytes() for m in first] != [m.frames.tobytes() for m in other]
    assert [m.name[3:] for m in first] == [f"_drift_{n:03d}" for n in range(5)]
    assert {m.name[:3] for m in first} == {"one", "two"}
    assert {m.frame_ms for m in first} == {20.0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 32}, r"drifting_movies.images\['noise'\]: too small to drift over; got \(40, 50\); allowed: >= \(41, 41\)"),
        ({"size": (8, 42)}, r"too small to drift over; got \(40, 50\); allowed: >= \(17, 51\): window and drift of 9 px; use fewer"),
        ({"n_frames": 1}, "drifting_movies.n_frames: too small; got 1; allowed: >= 2$"),
        ({"n_movies": 0}, "drifting_movies.n_movies: too small; got 0; allowed: >= 1$"),
        ({"size": 0}, "drifting_movies.size rows: too small; got 0"),
        ({"speed_px": (2.0, 1.0)}, r"drifting_movies.speed_px: not a range of speeds; got \(2.0, 1.0\); allowed: 0 <= slowest <= fastest$"),
        ({"speed_px": (0.0, np.inf)}, "not a range of speeds"),
        ({"images": {}}, "drifting_movies.images: no image was given"),
    ],
)
def test_what_cannot_drift_is_refused(options: dict[str, object], message: str) -> None:
    """Oracle: the sentences."""
    with pytest.raises(MovieError, match=message):
        drifting_movies(**{"images": {"noise": NOISE}, "n_movies": 2, "n_frames": 10, "size": 8, "seed": 0, **options})  # type: ignore[arg-type]


def test_a_negative_seed_is_refused() -> None:
    """Oracle: the sentence of `snn.seeding`."""
    with pytest.raises(ValueError, match="seed"):
        drifting_movies({"noise": NOISE}, 1, 2, 8, seed=-1)


def test_without_scikit_image_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: the sentence."""
    monkeypatch.setattr("snn.stimuli.drift.find_spec", lambda name: None)
    with pytest.raises(MovieError, match=r"stimuli.photographs: scikit-image, .* not installed; pip install scikit-image$"):
        photographs(held_out=True)
