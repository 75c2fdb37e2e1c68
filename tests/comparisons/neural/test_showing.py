"""What models see of a recording, and what becomes of their answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from comparisons.neural.data import NeuralData
from comparisons.neural.encoding import encode
from comparisons.neural.showing import STANDARD, Showing, features_of, movies_of, overlaps
from comparisons.responder import Control, Response, Site
from comparisons.rsa_time import GREY_FRAMES
from snn.errors import NeuralDataError
from snn.stimuli.movie import Movie

SIZE, FRAME_MS = (6, 6), 50.0


class Counts:
    """Answers each frame with its luminance, and with the number of the frame."""

    name, frame_ms, frame_size, finest_bin_ms = "counts", FRAME_MS, SIZE, FRAME_MS
    sites = (Site("level0.target", "target", 0, (6, 6, 1), False), Site("level1.target", "target", 1, (1, 1, 1), False))

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        time = np.arange(movie.n_frames, dtype=np.float64).reshape(1, -1, 1, 1, 1)
        told = {"level0.target": movie.frames[None, ..., None], "level1.target": time}
        return Response(FRAME_MS, {name: np.repeat(told[name], trials, axis=0) for name in sites}, movie.frames[None])

    def control(self, name: Control) -> None:
        return None


def stills(n: int = 4, side: int = 6) -> NeuralData:
    rng = np.random.default_rng(0)
    return NeuralData(rng.random((n, 1, side, side)), rng.random((2, n, 3)), np.arange(n))


def film(frame_ms: float = 100.0, bin_ms: float | None = 25.0, n_bins: int = 12, n_frames: int = 2) -> NeuralData:
    rng = np.random.default_rng(1)
    responses = rng.random((2, 3, 4) if bin_ms is None else (2, 3, n_bins, 4))
    return NeuralData(rng.random((3, n_frames, 6, 6)), responses, np.arange(3), frame_ms, bin_ms)


def test_an_image_stands_after_grey_and_is_told_early_and_late() -> None:
    """Oracle: frames 0 and 1, and 4 to 7, counted from the onset; the luminance is that of the image throughout."""
    data = stills()
    found = features_of(Counts(), data)
    assert set(found) == {"level0.target", "level1.target"}
    assert found["level1.target"].tolist() == [[GREY_FRAMES + 0.5, GREY_FRAMES + 5.5]] * 4
    flat = data.stimuli.reshape(4, -1)
    assert found["level0.target"] == pytest.approx(np.hstack([flat, flat]), abs=1e-6)
    late = features_of(Counts(), data, Showing(frames=3, early=0, late=1))
    assert late["level1.target"].tolist() == [[GREY_FRAMES + 2.0]] * 4


def test_what_is_seen_before_is_grey() -> None:
    seen: list[Movie] = []

    class Sees(Counts):
        def respond(self, movie: Movie, sites: Sequence[str], **options: Any) -> Response:
            seen.append(movie)
            return super().respond(movie, sites, **options)

    features_of(Sees(), stills())
    assert len(seen) == 4 and all(m.n_frames == GREY_FRAMES + STANDARD.frames for m in seen)
    assert all((m.frames[:GREY_FRAMES] == 0.5).all() and (m.frames[GREY_FRAMES:] == m.frames[-1]).all() for m in seen)


def test_images_are_brought_to_the_frame_of_the_model() -> None:
    """Oracle: means of blocks; where the whole is grey, it stays so."""
    fine = NeuralData(np.full((2, 1, 12, 12), 0.3), np.ones((1, 2, 1)), np.arange(2))
    assert [m.frames for m in movies_of(fine, SIZE, FRAME_MS)] == [pytest.approx(np.full((8, 6, 6), 0.3))] * 2
    halves = np.zeros((2, 1, 12, 12))
    halves[:, :, 6:] = 1.0
    (small, _) = movies_of(NeuralData(halves, np.ones((1, 2, 1)), np.arange(2)), SIZE, FRAME_MS)
    assert small.size == SIZE and small.frames[0, :2].max() < 0.05 and small.frames[0, 4:].min() > 0.95


def test_a_film_is_seen_at_its_own_speed_and_told_in_its_bins() -> None:
    """Oracle: two frames of 100 ms are four of the model; bins of 25 ms are halves of these; twelve bins are six, the last two grey."""
    data = film()
    movies = movies_of(data, SIZE, FRAME_MS)
    assert [m.n_frames for m in movies] == [6] * 3
    assert np.array_equal(movies[0].frames[0], movies[0].frames[1]) and (movies[0].frames[4:] == 0.5).all()
    found = features_of(Counts(), data)["level1.target"].reshape(3, 12)
    assert found.tolist() == [[GREY_FRAMES + k // 2 for k in range(12)]] * 3
    assert found.size == data.means.shape[0]


def test_a_film_without_bins_is_told_in_windows() -> None:
    found = features_of(Counts(), film(bin_ms=None, frame_ms=50.0, n_frames=7))["level1.target"]
    assert found.tolist() == [[GREY_FRAMES + 0.5, GREY_FRAMES + 4.5]] * 3


def test_bins_that_cut_frames_are_weighed() -> None:
    """Oracle: by hand: bins of 30 ms over frames of 50 ms."""
    assert overlaps(3, 30.0, 2, 50.0) == pytest.approx(np.array([[1, 0], [2 / 3, 1 / 3], [0, 1]]))


@pytest.mark.parametrize(
    ("data", "showing", "words"),
    [
        (film(frame_ms=70.0), STANDARD, "recording.frame_ms: is no whole number of the model's frames of 50 ms; got 70.0"),
        (film(frame_ms=20.0), STANDARD, "is no whole number of the model's frames"),
        (film(bin_ms=None, frame_ms=50.0, n_frames=3), STANDARD, r"windows that are longer than what is shown; got \(3, 2, 4\)"),
        (
            NeuralData(np.ones((2, 1, 6, 6)), np.ones((1, 2, 3, 1)), np.arange(2), bin_ms=10.0),
            STANDARD,
            "recording.frame_ms: is missing; say for how long an image was shown",
        ),
    ],
)
def test_what_cannot_be_shown_is_refused_in_words(data: NeuralData, showing: Showing, words: str) -> None:
    with pytest.raises(NeuralDataError, match=words):
        features_of(Counts(), data, showing)


@pytest.mark.parametrize("wrong", [{"frames": 0}, {"early": 0, "late": 0}, {"early": 5, "late": 4}, {"trials": 0}, {"early": -1}])
def test_windows_of_nothing_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(NeuralDataError, match="showing: leaves nothing to answer to"):
        Showing(**wrong)


def test_a_subject_that_sends_luminance_predicts_cells_of_luminance_of_the_stimulus_that_it_saw() -> None:
    """Oracle: cells of single pixels, and noise; answers to other stimuli predict nothing."""
    rng = np.random.default_rng(3)
    shown = rng.random((80, 1, 6, 6))
    responses = shown.reshape(80, -1)[:, ::5] + 0.1 * rng.normal(size=(4, 80, 8))
    data = NeuralData(shown, responses, np.arange(80))
    seen = features_of(Counts(), data)["level0.target"]
    assert encode(seen, data).of_ceiling.min() > 0.9
    assert abs(encode(seen[rng.permutation(80)], data).of_ceiling.mean()) < 0.1
