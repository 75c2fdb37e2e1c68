"""Held-out stretches: nothing learned on is scored."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn.errors import MovieError
from snn.stimuli import Movie, split_movies


def numbered(n_frames: int, name: str = "clip") -> Movie:
    """Make a movie whose frames carry their number."""
    return Movie(np.arange(n_frames)[:, None, None] / 1000.0 * np.ones((2, 3)), 20.0, name, "here")


@given(st.lists(st.integers(0, 60), min_size=1, max_size=4), st.integers(4, 30))
def test_every_frame_is_in_exactly_one_part(extra: list[int], hold_out: int) -> None:
    """Oracle: both parts put together are the clip, and the second has the frames asked for."""
    movies = [numbered(hold_out + 5 + n, f"clip{i}") for i, n in enumerate(extra)]
    learning, held_out = split_movies(movies, hold_out)
    for whole, first, last in zip(movies, learning, held_out, strict=True):
        assert last.n_frames == hold_out
        assert np.array_equal(np.concatenate([first.frames, last.frames]), whole.frames)
        assert not set(first.frames[:, 0, 0]) & set(last.frames[:, 0, 0])
        assert first.name == last.name == whole.name
        assert first.frame_ms == last.frame_ms == 20.0


def test_the_source_says_which_stretch() -> None:
    """Oracle: the sentences."""
    (learning,), (held_out,) = split_movies([numbered(20)], 6)
    assert learning.source == "here; frames 0 to 13"
    assert held_out.source == "here; frames 14 to 19"


@pytest.mark.parametrize(
    ("lengths", "hold_out", "message"),
    [
        ([20, 8], 4, r"movie 'clip1': too short to split; got 8; allowed: >= 9 frames \(5 to learn on, 4 held out\); hold out fewer"),
        ([20], 16, r"movie 'clip0': too short to split; got 20; allowed: >= 21 frames"),
        ([20], 3, r"split_movies.hold_out: too few frames to score on; got 3; allowed: >= 4, since the first 3"),
        ([20], -4, r"split_movies.hold_out: too few frames to score on; got -4"),
        ([], 4, r"split_movies.movies: there is no movie to split; allowed: at least one$"),
    ],
)
def test_what_cannot_be_split_is_refused(lengths: list[int], hold_out: int, message: str) -> None:
    """Oracle: the sentences; 9 frames with 4 held out are the shortest that pass (above)."""
    with pytest.raises(MovieError, match=message):
        split_movies([numbered(n, f"clip{i}") for i, n in enumerate(lengths)], hold_out)
